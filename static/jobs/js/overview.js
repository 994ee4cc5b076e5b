// The overview brings itself up to date, while nobody is busy with it.

import { ask } from "./answer.js";
import { tell } from "./notice.js";
import { replaceParts } from "./parts.js";
import { repeat } from "./repeat.js";

const EVERY_S = 30;

const page = document.querySelector(".sc-overview");

repeat(step, EVERY_S);

async function step() {
    if (isBusy()) return "again";
    const { kind, body } = await ask(page.dataset.live, "text");
    tell(kind);
    if (kind === "lost") return "failed";
    if (kind !== "ok") return "stop";
    if (!isBusy()) replaceParts(body);
    return "again";
}

// Somebody has a mark under the pointer, or walks along a lane with the arrow keys.
function isBusy() {
    return page.querySelector(".sc-mark:hover, .sc-mark:focus") !== null;
}
