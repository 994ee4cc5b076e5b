// One line at the foot of a page that says why it is not up to date.

import { words } from "./page-words.js";

/** Says what a kind of answer (see answer.js) means for who looks; "ok" takes it back. */
export function tell(kind, page = document) {
    const line = page.querySelector(".sc-notice") ?? made(page);
    line.hidden = kind === "ok";
    if (line.hidden || line.dataset.kind === kind) return;
    line.dataset.kind = kind;
    line.textContent = words(page)[kind];
    if (kind === "expired") line.append(" ", wayBack(page));
}

function made(page) {
    const line = page.createElement("p");
    line.className = "sc-notice";
    line.setAttribute("role", "status");
    line.hidden = true;
    page.querySelector("#content").append(line);
    return line;
}

// The same page again: the admin asks for the login and comes back.
function wayBack(page) {
    const link = page.createElement("a");
    link.href = page.location.href;
    link.textContent = words(page).login;
    return link;
}
