// A message in a row, for the eye and for screen readers, that nothing has to move for.

import { words } from "./page-words.js";

const STAYS_MS = 12_000;

/** `html` is the server's, escaped by it. An error stays until it is closed. */
export function sayInRow(row, html, { isError = false } = {}) {
    const cell = row.cells[row.cells.length - 1];
    cell.querySelectorAll(":scope > .sc-said").forEach((each) => each.remove());
    const message = document.createElement("div");
    message.className = isError ? "sc-said sc-said-error" : "sc-said";
    const text = document.createElement("span");
    text.innerHTML = html;
    message.append(text, closer(message));
    message.addEventListener("keydown", (event) => {
        if (event.key === "Escape") message.remove();
    });
    cell.append(message);
    if (!isError) leaveLater(message);
    announce(text.textContent);
}

/** Why a command was not carried out, as HTML. */
export function reason({ kind, body }) {
    if (body?.message) return body.message;
    const span = document.createElement("span");
    span.textContent = words()[`command_${kind}`] ?? words()[kind];
    return span.innerHTML;
}

function closer(message) {
    const button = document.createElement("button");
    button.type = "button";
    button.title = words().close;
    button.addEventListener("click", () => message.remove());
    return button;
}

// Not while it is being read or used.
function leaveLater(message) {
    setTimeout(() => {
        if (message.matches(":hover, :focus-within")) leaveLater(message);
        else message.remove();
    }, STAYS_MS);
}

// A region that was there before; what is new in it is read out.
function announce(text) {
    const region = document.getElementById("sc-heard");
    region.textContent = "";
    setTimeout(() => (region.textContent = text), 50);
}
