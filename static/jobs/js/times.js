// Times that go on by themselves, and what they are exactly.

import { words } from "./page-words.js";
import { relative, span } from "./time-words.js";

const EVERY_MS = 1000;

/** Keep the times below `root` up to date; `clock` tells the server's time in Unix seconds. */
export function keepTime(root, clock) {
    const text = words();
    const tick = () => {
        if (document.hidden) return;
        const now = clock();
        for (const each of root.querySelectorAll("[data-at]")) {
            put(each, relative(Number(each.dataset.at), now, text));
        }
        for (const each of root.querySelectorAll("[data-since]")) {
            put(each, span(Math.max(now - Number(each.dataset.since), 0), text));
        }
    };
    setInterval(tick, EVERY_MS);
    document.addEventListener("visibilitychange", tick);
    for (const kind of ["pointerover", "focusin"]) {
        root.addEventListener(kind, (event) => addViewersTime(event.target));
    }
}

/** Beside the time in the job's zone, which the title holds: the same in the viewer's. */
function addViewersTime(target) {
    const time = target.closest?.("time[title]");
    if (!time || time.dataset.told) return;
    time.dataset.told = "yes";
    const yours = new Intl.DateTimeFormat(region(), {
        dateStyle: "medium", timeStyle: "long",
    }).format(new Date(time.dateTime));
    time.title += `\n${yours} (${words().yours})`;
}

function put(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

/** The page's language, as it is written where the viewer lives. */
export function region() {
    const language = document.documentElement.lang || "en";
    return navigator.languages.find((each) => each.split("-")[0] === language.split("-")[0])
        ?? language;
}
