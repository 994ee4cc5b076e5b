// Before a form is sent: is there still a session? A lost one would take all that was typed with
// it. The page stays as it is then, and says what to do.

import { ask } from "./answer.js";
import { element } from "./dom.js";

/** Guards the form; returns a function that gives the present token of forms. */
export function startGuard(form, { words, sessionUrl, loginUrl, user }) {
    const token = form.elements.csrfmiddlewaretoken;
    const message = document.getElementById("sc-form-message");
    let knownUser = user;
    let isChecked = false;
    let isSending = false;

    form.addEventListener("submit", async (event) => {
        if (isChecked) {
            isSending = true;
            return;
        }
        event.preventDefault();
        if (isSending) return;
        isSending = true;
        message.hidden = true;
        const button = event.submitter;
        button?.setAttribute("aria-busy", "true");
        const { kind, body } = await ask(sessionUrl, "json");
        button?.removeAttribute("aria-busy");
        isSending = false;
        if (kind === "expired") tellExpired();
        else if (kind !== "ok") tell(words.lost);
        else if (body.user !== knownUser) {
            knownUser = body.user;
            token.value = body.csrf_token;
            tell(words.other_user.replace("%(user)s", body.user));
        } else {
            token.value = body.csrf_token; // another one since a login in another tab
            isChecked = true;
            form.requestSubmit(button);
            isChecked = false;
        }
    });
    window.addEventListener("pageshow", () => {
        isSending = false;
    });

    function tell(...content) {
        message.replaceChildren(element("p", {}, ...content));
        message.hidden = false;
        message.scrollIntoView({ block: "nearest" });
    }

    function tellExpired() {
        const link = element("a", { href: loginUrl, target: "_blank", textContent: words.login });
        tell(words.expired, " ", link, `, ${words.then_save}`);
    }

    return () => token.value;
}
