// Opens the form behind a link in a <dialog>. The link's own page is the same form.

import { ask } from "./answer.js";
import { reason } from "./row-message.js";

/** `done(link, answer)` is called once the server has carried the form out. */
export function openInDialog(root, done) {
    root.addEventListener("click", (event) => {
        const link = event.target.closest("a[data-dialog]");
        if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        const menu = link.closest("details");
        if (menu) menu.open = false;
        open(link, menu?.querySelector("summary") ?? link, done);
    });
}

async function open(link, opener, done) {
    const { body } = await ask(link.href, "json");
    if (!body?.form) {
        location.assign(link.href); // its page says what is wrong, or asks who is there
        return;
    }
    const dialog = document.createElement("dialog");
    dialog.className = "sc-dialog";
    dialog.innerHTML = body.form;
    dialog.setAttribute("aria-labelledby", dialog.querySelector("h2").id);
    document.body.append(dialog);
    dialog.addEventListener("close", () => {
        dialog.remove();
        opener.focus();
    });
    dialog.addEventListener("click", (event) => {
        if (!event.target.closest("[data-closes]")) return;
        event.preventDefault();
        dialog.close();
    });
    dialog.addEventListener("submit", (event) => {
        event.preventDefault();
        submit(dialog, event.target, (answer) => done(link, answer));
    });
    dialog.showModal();
}

// What was typed stays, whatever the answer is.
async function submit(dialog, form, done) {
    const button = form.querySelector("[type=submit]");
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    const answer = await ask(form.action, "json", { body: new FormData(form) });
    button.removeAttribute("aria-busy");
    if (answer.kind === "ok") {
        dialog.close();
        done(answer);
    } else if (answer.body?.form) {
        dialog.innerHTML = answer.body.form;
        dialog.querySelector("[aria-invalid=true]")?.focus();
    } else {
        form.querySelector(".sc-form-error").innerHTML = reason(answer);
    }
}
