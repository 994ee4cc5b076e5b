// The panel of a cron trigger: an expression and separate fields, each following the other while
// one of them is typed. The one that was typed last counts, and alone is sent.

import { NAMES, Untranslatable, expressionOf, fieldsOf, implied, weekdaysBehind } from "./cron-fields.js";

const FIELDS = [...NAMES, "week"];

/** Binds the panel's controls; `changed` is called whenever the trigger is another. */
export function bindCronPanel(form, words, changed) {
    const expression = form.elements.cron_expression;
    const fields = Object.fromEntries(FIELDS.map((name) => [name, form.elements[`cron_${name}`]]));
    const styles = form.elements.cron_style;
    const note = form.querySelector("[data-cron-note]");
    const time = form.querySelector("[data-time-of-day]");
    const presets = form.querySelector("[data-presets]");
    const initial = { style: styles.value || "expression", ...texts() };
    initial.said = attempt(() => fieldsOf(initial.expression)).value;

    function texts() {
        return {
            expression: expression.value.trim(),
            fields: Object.fromEntries(FIELDS.map((name) => [name, fields[name].value.trim()])),
        };
    }

    function followExpression() {
        styles.value = "expression";
        const said = attempt(() => fieldsOf(expression.value));
        if (said.value !== undefined) fill(said.value);
        else if (said.why !== "unreadable") fill({});
        if (initial.style === "fields" && isSame(texts().fields, initial.fields)) {
            styles.value = "fields"; // back at what is stored
        }
        tell(said.why);
    }

    function followFields() {
        styles.value = "fields";
        const said = attempt(() => expressionOf(texts().fields));
        if (said.value !== undefined || said.why !== "unreadable") expression.value = said.value ?? "";
        if (initial.style === "expression" && initial.said && isSame(texts().fields, initial.said)) {
            expression.value = initial.expression; // back at what is stored
            styles.value = "expression";
        }
        tell(said.why);
    }

    function fill(values) {
        for (const name of FIELDS) fields[name].value = values[name] ?? "";
    }

    function tell(why) {
        const counts = styles.value;
        const sentence =
            why === undefined
                ? words[`follows_${counts}`]
                : words[`only_${counts}`].replace("%(why)s", words[`why_${why}`]);
        const weekdays = counts === "fields" ? weekdaysBehind(fields.day_of_week.value) : null;
        note.textContent =
            weekdays === null
                ? sentence
                : `${sentence} ${words.weekdays_are.replace("%(names)s", weekdays.join(", "))}`;
        expression.classList.toggle("sc-follows", counts === "fields");
        const empty = implied(texts().fields);
        for (const name of FIELDS) {
            fields[name].classList.toggle("sc-follows", counts === "expression");
            fields[name].placeholder = empty[name];
        }
        time.value = timeOfDay(texts().fields);
    }

    function typed(follow) {
        follow();
        changed();
    }

    expression.addEventListener("input", () => typed(followExpression));
    for (const name of FIELDS) fields[name].addEventListener("input", () => typed(followFields));
    time.addEventListener("change", () => {
        const [hour, minute] = time.value.split(":").map(Number);
        if (Number.isNaN(hour) || Number.isNaN(minute)) return;
        const parts = expression.value.trim().split(/\s+/);
        if (styles.value === "expression" && parts.length === 5) {
            expression.value = [minute, hour, ...parts.slice(2)].join(" ");
            typed(followExpression);
            return;
        }
        fields.hour.value = String(hour);
        fields.minute.value = String(minute);
        typed(followFields);
    });
    for (const button of presets.querySelectorAll("[data-preset]")) {
        button.addEventListener("click", () => {
            expression.value = button.dataset.preset;
            typed(followExpression);
        });
    }
    form.addEventListener("formdata", ({ formData }) => {
        if (styles.value === "expression") FIELDS.forEach((name) => formData.delete(`cron_${name}`));
        else formData.delete("cron_expression");
    });

    presets.hidden = false;
    time.parentElement.hidden = false;
    form.querySelector(".sc-style").hidden = true;
    if (initial.style === "fields") followFields();
    else followExpression();
}

/** "07:30" where the fields name one minute and one hour; else "". */
export function timeOfDay(fields) {
    if (!/^\d{1,2}$/.test(fields.hour) || !/^\d{1,2}$/.test(fields.minute)) return "";
    const [hour, minute] = [Number(fields.hour), Number(fields.minute)];
    if (hour > 23 || minute > 59) return "";
    return `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;
}

function attempt(translate) {
    try {
        return { value: translate() };
    } catch (error) {
        if (error instanceof Untranslatable) return { why: error.message };
        throw error;
    }
}

function isSame(one, other) {
    return FIELDS.every((name) => (one[name] ?? "") === (other[name] ?? ""));
}
