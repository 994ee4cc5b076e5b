// The buttons in a row: asked at once, answered in the row.

import { ask } from "./answer.js";
import { reason, sayInRow } from "./row-message.js";

/** `token` is what proves that the page is ours. */
export function actInRows(rows, token) {
    rows.table.addEventListener("click", (event) => {
        const button = event.target.closest(".sc-controls button");
        if (!button) return;
        event.preventDefault();
        if (button.getAttribute("aria-busy") !== "true") act(button, rows, token);
    });
}

async function act(button, rows, token) {
    const row = button.closest("tr");
    const place = [...button.parentNode.children].indexOf(button);
    button.setAttribute("aria-busy", "true");
    const answer = await ask(button.formAction, "json", { token });
    button.removeAttribute("aria-busy");
    const hadFocus = document.activeElement === button;
    if (answer.body) rows.apply(answer.body, { evenUsed: true });
    const now = row.querySelector(".sc-controls")?.children[place];
    if (hadFocus && now && now !== button) now.focus();
    sayInRow(row, reason(answer), { isError: answer.kind !== "ok" });
}
