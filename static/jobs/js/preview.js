// The preview beside the trigger: asked of the server, by the code that will schedule the job.

import { kindOf } from "./answer.js";
import { element } from "./dom.js";
import { showErrors } from "./field-errors.js";
import { readSchedule, renderSchedule, scheduleOf } from "./schedule.js";
import { controlNames, placeOf, triggerOf } from "./trigger.js";

const COUNT = 5;
const WAIT_MS = 250;

/** Keeps the preview up to date; returns what is to be called when the trigger has changed. */
export function startPreview(form, { words, previewUrl, zone, job, csrfToken }) {
    const box = form.querySelector("[data-schedule]");
    const value = (name) => form.elements[name]?.value ?? "";
    const first = triggerOf(value);
    const shownFirst = readSchedule(box, first.timezone || zone);
    let timer = 0;
    let asking = null;

    function changed() {
        clearTimeout(timer);
        asking?.abort();
        asking = null;
        const trigger = triggerOf(value);
        if (shownFirst !== null && JSON.stringify(trigger) === JSON.stringify(first)) {
            // As it is stored, it may be kept even if its date has passed.
            show(shownFirst);
            return;
        }
        box.classList.add("sc-stale");
        timer = setTimeout(() => ask(trigger), WAIT_MS);
    }

    async function ask(trigger) {
        const mine = new AbortController();
        asking = mine;
        const answer = await answerOf(trigger, mine.signal);
        if (asking !== mine) return; // another question has been asked meanwhile
        asking = null;
        if (answer.schedule) {
            show(answer.schedule);
            return;
        }
        showAtFields(answer.errors ?? {}, trigger);
        say(answer.sentence);
    }

    async function answerOf(trigger, signal) {
        let response;
        let body;
        try {
            response = await fetch(previewUrl, {
                method: "POST",
                headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
                body: JSON.stringify({ ...trigger, job, count: COUNT }),
                credentials: "same-origin",
                signal,
            });
            body = await response.json();
        } catch {
            return { sentence: words.preview_lost };
        }
        if (response.ok) return { schedule: scheduleOf(body.data) };
        if (response.status === 400) {
            return { errors: body.errors ?? {}, sentence: words.preview_stale };
        }
        const isOut = kindOf(response.status, response.redirected) === "expired";
        return { sentence: isOut ? words.preview_expired : words.preview_refused };
    }

    function show(schedule) {
        showAtFields({}, first);
        box.classList.remove("sc-stale");
        box.replaceChildren(...renderSchedule(schedule, words));
    }

    function say(sentence) {
        box.classList.add("sc-stale");
        const note = box.querySelector(".sc-preview-note");
        if (note === null) {
            box.prepend(element("p", { className: "sc-preview-note", textContent: sentence }));
        } else {
            note.textContent = sentence;
        }
    }

    function showAtFields(errors, trigger) {
        const found = new Map();
        for (const [path, sentences] of Object.entries(errors)) {
            const name = placeOf(path, trigger.trigger_type, value("cron_style"));
            found.set(name, [...(found.get(name) ?? []), ...sentences]);
        }
        for (const name of controlNames()) {
            const control = form.elements[name];
            if (control === undefined) continue;
            const shown = document.getElementById(`${control.id}_search`) ?? control;
            showErrors(shown, found.get(name) ?? []);
        }
    }

    if (shownFirst !== null) box.replaceChildren(...renderSchedule(shownFirst, words));
    return changed;
}
