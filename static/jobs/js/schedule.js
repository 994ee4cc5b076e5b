// A schedule as the page shows it: its words, and its next occurrences in two zones.

import { element } from "./dom.js";
import { isKnown, offsetOf, onClock, ownZone, untilText } from "./moments.js";

/** The schedule that the server has rendered in the box; null if it has rendered none. */
export function readSchedule(box, zone) {
    const words = box.querySelector("[data-schedule-words]");
    if (words === null) return null;
    return {
        words: words.textContent,
        zone,
        caption: box.querySelector("[data-schedule-caption]")?.textContent ?? null,
        occurrences: [...box.querySelectorAll(".sc-occurrences li")].flatMap((line) => {
            const time = line.querySelector("time");
            const mark = line.querySelector(".sc-clock-change");
            return time === null ? [] : [{ at: time.dateTime, mark: mark?.textContent ?? null }];
        }),
    };
}

/** The same of an answer of the server's. */
export function scheduleOf(data) {
    return {
        words: data.trigger_text,
        zone: data.timezone,
        caption: null,
        occurrences: data.occurrences.map((one) => ({ at: one.at, mark: one.clock_change })),
    };
}

/** Its elements; the times of whoever looks stand below those of the job where they differ. */
export function renderSchedule(schedule, sentences, now = new Date()) {
    const language = document.documentElement.lang || "en";
    const zone = isKnown(schedule.zone) ? schedule.zone : "UTC";
    const own = ownZone();
    const lines = schedule.occurrences.map(({ at, mark }) => {
        const moment = new Date(at);
        const isElsewhere = offsetOf(moment, own) !== offsetOf(moment, zone);
        return element(
            "li",
            {},
            element("time", { dateTime: at, textContent: onClock(moment, zone, language) }),
            " ",
            element("span", { className: "sc-until", textContent: untilText(moment, now, language) }),
            isElsewhere
                ? element("small", {
                      className: "sc-below",
                      textContent: `${sentences.your_time}: ${onClock(moment, own, language)}`,
                  })
                : null,
            mark ? element("small", { className: "sc-clock-change", textContent: mark }) : null,
        );
    });
    if (lines.length === 0) {
        lines.push(element("li", { className: "sc-none", textContent: sentences.preview_none }));
    }
    const first = schedule.occurrences[0];
    const offset = first === undefined ? "" : ` (${offsetOf(new Date(first.at), zone)})`;
    return [
        element("p", { className: "sc-words", textContent: schedule.words }),
        schedule.caption && element("p", { className: "help", textContent: schedule.caption }),
        element("ol", { className: "sc-occurrences" }, ...lines),
        element("p", {
            className: "help",
            textContent: `${sentences.times_of.replace("%(zone)s", zone)}${offset}`,
        }),
    ].filter(Boolean);
}
