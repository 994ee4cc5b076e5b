// “Test connection” answers beside its button; what was typed, passwords too, stays where it is.

import { ask } from "./answer.js";
import { element } from "./dom.js";
import { showErrors } from "./field-errors.js";
import { words } from "./page-words.js";

const WAIT_MS = 90_000; // both timeouts of a visit at their longest, and some more
const WORDS = { expired: "test_expired", lost: "test_lost" };

let isTesting = false;

for (const button of document.querySelectorAll("button[name=_test]")) {
    button.addEventListener("click", (event) => {
        event.preventDefault();
        if (!isTesting) test(button);
    });
}

async function test(button) {
    const box = document.getElementById(button.dataset.answer);
    const form = button.form;
    const sent = new FormData(form);
    sent.set("_test", "1");
    isTesting = true;
    show(box, "busy", [words().testing]);
    const { kind, body } = await ask(form.action, "json", { waitMs: WAIT_MS, body: sent });
    isTesting = false;
    const sentence = words()[WORDS[kind] ?? "test_refused"];
    const { level, sentences, errors } = body ?? { level: "error", sentences: [sentence], errors: {} };
    show(box, level, sentences);
    markFields(form, errors);
}

function show(box, level, sentences) {
    box.className = `sc-test-answer sc-test-${level}`;
    box.replaceChildren(...sentences.map((textContent) => element("p", { textContent })));
}

function markFields(form, errors) {
    for (const control of form.querySelectorAll(".form-row [name][id]")) {
        showErrors(control, errors[control.name] ?? []);
    }
    const wrong = form.querySelector("[aria-invalid=true]");
    if (wrong) wrong.closest("details")?.setAttribute("open", "");
    wrong?.focus();
}
