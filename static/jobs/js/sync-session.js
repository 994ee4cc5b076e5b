// The page of a session of a sync, which brings itself up to date until the session has ended.

import { ask } from "./answer.js";
import { tell } from "./notice.js";
import { replaceParts } from "./parts.js";
import { repeat } from "./repeat.js";

const EVERY_S = 3;

const page = document.querySelector(".sc-session");

page.classList.add("sc-is-live"); // which hides the advice to load it again
repeat(step, EVERY_S);

async function step() {
    const { kind, body } = await ask(page.dataset.live, "text");
    tell(kind);
    if (kind === "lost") return "failed";
    if (kind !== "ok") return "stop";
    replaceParts(body);
    return page.querySelector("[data-finished]") ? "stop" : "again";
}
