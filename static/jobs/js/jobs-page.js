// The list of jobs: puts its parts together.

import { ask } from "./answer.js";
import { linkBars } from "./bars.js";
import { openInDialog } from "./dialog.js";
import { closeMenus } from "./menus.js";
import { tell } from "./notice.js";
import { replaceParts } from "./parts.js";
import { repeat } from "./repeat.js";
import { actInRows } from "./row-actions.js";
import { reason, sayInRow } from "./row-message.js";
import { Rows } from "./rows.js";
import "./submits.js";
import { keepTime } from "./times.js";
import "./tooltip.js";

const ROWS_S = 5;
const STRIP_S = 10;

const content = document.getElementById("content-main");
const table = document.getElementById("result_list");
const clock = { ahead: 0 };

// By the server's time in Unix seconds, since this machine's clock may be off.
const now = () => Date.now() / 1000 + clock.ahead;
const setClock = (seconds) => (clock.ahead = seconds - Date.now() / 1000);

setClock(Number(document.getElementById("sc-heard").dataset.now));
keepTime(content, now);
repeat(strip, STRIP_S);
if (table) startTable();

/** What is about all jobs: it costs more, and is asked for less often. */
async function strip() {
    const { kind, body } = await ask(`strip/${location.search}`, "text");
    if (!table) tell(kind);
    if (kind === "ok") replaceParts(body);
    return next(kind);
}

function startTable() {
    const token = document.querySelector("#changelist-form [name=csrfmiddlewaretoken]").value;
    const rows = new Rows(table, linkBars(table));
    closeMenus(table);
    actInRows(rows, token);
    openInDialog(table, (link, answer) => {
        rows.apply(answer.body);
        sayInRow(link.closest("tr"), reason(answer));
    });
    repeat(async () => {
        const known = rows.known();
        const asked = JSON.stringify({ rows: known });
        const { kind, body } = await ask("live/", "json", { token, body: asked });
        tell(kind);
        content.classList.toggle("sc-stale", kind !== "ok");
        if (kind === "ok") {
            setClock(body.now);
            rows.apply(body, { known });
        }
        return next(kind);
    }, ROWS_S);
}

function next(kind) {
    if (kind === "ok") return "again";
    return kind === "lost" ? "failed" : "stop";
}
