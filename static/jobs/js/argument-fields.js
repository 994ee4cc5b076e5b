// The arguments of the function that was chosen: the server makes their fields, with and without
// this module. Here they are fetched as soon as a function is chosen, and put in their place.

import { element } from "./dom.js";

const PLACES = ["sc-arguments", "sc-policies"];

/** Fetches them whenever another function is chosen, or one of their buttons is pressed. */
export function startArguments(form, { words, csrfToken }) {
    const select = form.elements.function;
    if (select === undefined || select.tagName !== "SELECT") return;
    let asking = null;

    select.addEventListener("change", () => fetchFields("show"));
    form.addEventListener("click", (event) => {
        const button = event.target.closest("button[name=_arguments]");
        if (button === null) return;
        event.preventDefault();
        fetchFields(button.value, button);
    });

    async function fetchFields(wish, button = null) {
        asking?.abort();
        const mine = new AbortController();
        asking = mine;
        const place = document.getElementById("sc-arguments");
        place.setAttribute("aria-busy", "true");
        say(place, words.arguments_wait);
        const sent = new FormData(form);
        sent.set("_arguments", wish);
        sent.set("csrfmiddlewaretoken", csrfToken());
        const page = await pageOf(form.action || window.location.href, sent, mine.signal);
        if (asking !== mine) return;
        asking = null;
        place.removeAttribute("aria-busy");
        const fresh = page?.getElementById("sc-arguments");
        if (!fresh) {
            say(place, words.arguments_lost);
            place.querySelector(".sc-choose").classList.add("sc-again");
            return;
        }
        replace(page);
        if (button !== null) document.querySelector("#sc-arguments summary")?.focus();
    }

    function replace(page) {
        for (const id of PLACES) {
            const [old, fresh] = [document.getElementById(id), page.getElementById(id)];
            if (old === null || fresh === null) continue;
            const isOpen = [...old.querySelectorAll("details")].map((one) => one.open);
            old.replaceWith(document.adoptNode(fresh));
            fresh.querySelectorAll("details").forEach((one, index) => {
                one.open ||= isOpen[index] ?? false;
            });
        }
    }
}

async function pageOf(url, sent, signal) {
    try {
        const response = await fetch(url, {
            method: "POST",
            body: sent,
            credentials: "same-origin",
            redirect: "error", // to the login, when the session has ended
            signal,
        });
        return new DOMParser().parseFromString(await response.text(), "text/html");
    } catch {
        return null;
    }
}

function say(place, sentence) {
    const note = place.querySelector(".sc-arguments-note");
    if (note !== null) note.textContent = sentence;
    else {
        place.prepend(
            element("p", { className: "sc-arguments-note", role: "status", textContent: sentence }),
        );
    }
}
