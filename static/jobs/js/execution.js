// The page of one execution: its state and its log, until it has its verdict.

import { ask } from "./answer.js";
import { LiveLog } from "./live-log.js";
import { tell } from "./notice.js";
import { replaceParts } from "./parts.js";
import { repeat } from "./repeat.js";
import { start as startTrees, show as showTools } from "./tree.js";

const EVERY_S = 2;

const page = document.querySelector(".sc-execution");
page.querySelector("[data-unscripted]")?.remove();
startTrees(page);
const log = new LiveLog(page.querySelector("#log"), { grows: !isFinished() });

if (!isFinished()) {
    if (log.isNewest) log.showNewest();
    repeat(step, EVERY_S);
}

function isFinished() {
    return "finished" in page.querySelector('[data-part="verdict"]').dataset;
}

async function step() {
    const said = log.isNewest ? await log.update() : { kind: "ok", isDone: true };
    const state = said.kind === "ok" ? await ask(page.dataset.live, "text") : said;
    tell(state.kind);
    if (state.kind === "lost") return "failed";
    if (state.kind !== "ok") return "stop";
    replaceParts(state.body);
    showTools(page);
    // The last lines may come with the verdict: once more, then.
    if (!isFinished() || !said.isDone) return "again";
    log.end();
    return "stop";
}
