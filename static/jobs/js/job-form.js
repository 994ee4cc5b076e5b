// The form of a job: what makes it live. Without this module all of it works by its buttons.

import { startArguments } from "./argument-fields.js";
import { makeCombobox } from "./combobox.js";
import { bindCronPanel } from "./cron-panel.js";
import { startPreview } from "./preview.js";
import { startGuard } from "./save-guard.js";
import { makeTabs } from "./tabs.js";
import { idleNames } from "./trigger.js";

const place = document.getElementById("sc-form");
const form = place.closest("form");
const settings = { ...place.dataset, words: JSON.parse(place.dataset.words) };
settings.csrfToken = startGuard(form, settings);
form.classList.add("sc-live");

for (const select of form.querySelectorAll("select[data-combobox]")) {
    makeCombobox(select, settings.words);
}
startArguments(form, settings);

const group = form.querySelector("[data-tabs]");
if (group !== null) {
    const changed = startPreview(form, settings);
    const type = () => form.elements.trigger_type.value;
    const showLimits = () => {
        form.querySelector("[data-limits]").hidden = type() === "date";
        form.querySelector("[data-panel-cron-only]").hidden = type() !== "cron";
    };
    makeTabs(group, [...form.querySelectorAll("[data-panel]")], () => {
        showLimits();
        changed();
    });
    showLimits();
    bindCronPanel(form, settings.words, changed);
    for (const panel of form.querySelectorAll("[data-panel=interval], [data-panel=date], [data-limits]")) {
        panel.addEventListener("input", changed);
    }
    form.elements.timezone.addEventListener("change", changed);
    form.addEventListener("formdata", ({ formData }) => {
        for (const name of idleNames(type())) formData.delete(name);
    });
}

form.querySelector("[aria-invalid=true]:not([hidden])")?.focus();
