// The page of a session of a sync, which brings itself up to date until the session has ended.

import { ask } from "./answer.js";
import { tell } from "./notice.js";
import { replaceParts } from "./parts.js";
import { repeat } from "./repeat.js";

const EVERY_S = 3;

const page = document.querySelector(".sc-session");
const token = page.querySelector("[name=csrfmiddlewaretoken]").value;
// At the foot of the window, for the rows stay in their places, and not all have one.
const newlyFailed = page.querySelector(".sc-newly-failed");

page.classList.add("sc-is-live"); // which hides the advice to load it again
repeat(step, EVERY_S);

async function step() {
    const shown = JSON.stringify({ pending: idsOf("pending"), running: idsOf("running") });
    const { kind, body } = await ask(page.dataset.live, "json", { token, body: shown });
    tell(kind);
    if (kind === "lost") return "failed";
    if (kind !== "ok") return "stop";
    replaceParts(body.parts);
    for (const [id, now] of Object.entries(body.rows)) show(id, now);
    newlyFailed.hidden = body.failed <= Number(newlyFailed.dataset.failed);
    if (!page.querySelector("[data-finished]")) return "again";
    page.querySelector("[data-heard]").textContent = page.querySelector(".sc-verdict-line").textContent;
    return "stop";
}

function idsOf(status) {
    const rows = page.querySelectorAll(`tr[data-status="${status}"]`);
    return [...rows].map((row) => Number(row.dataset.id));
}

// In its place, also when it has failed: a row that went up would take all others with it.
function show(id, { status, cells }) {
    const row = page.querySelector(`tr[data-id="${id}"]`);
    row.dataset.status = status;
    [...row.cells].slice(1).forEach((cell, place) => (cell.innerHTML = cells[place]));
}
