// A select as a list that can be searched. The select stays where it is and holds the value.
// Source: ARIA Authoring Practices, "Combobox Pattern", editable with a list.

import { matching } from "./matching.js";

const MOST = 60;

/** Puts a text to search in before the select. */
export function makeCombobox(select, words) {
    const box = document.createElement("div");
    box.className = "sc-combobox";
    const input = document.createElement("input");
    input.type = "text";
    input.id = `${select.id}_search`;
    input.className = "vTextField";
    input.autocomplete = "off";
    input.spellcheck = false;
    input.placeholder = words.search;
    const list = document.createElement("ul");
    list.id = `${select.id}_list`;
    list.hidden = true;
    list.setAttribute("role", "listbox");
    for (const [name, value] of [
        ["role", "combobox"],
        ["aria-autocomplete", "list"],
        ["aria-expanded", "false"],
        ["aria-controls", list.id],
    ]) {
        input.setAttribute(name, value);
    }
    for (const name of ["aria-describedby", "aria-invalid"]) {
        if (select.hasAttribute(name)) input.setAttribute(name, select.getAttribute(name));
    }
    const label = document.querySelector(`label[for="${select.id}"]`);
    if (label !== null) {
        label.htmlFor = input.id;
        label.id ||= `${select.id}_label`;
        list.setAttribute("aria-labelledby", label.id);
    }
    select.before(box);
    box.append(input, list, select);
    select.hidden = true;

    let shown = [];
    let active = -1;

    function options() {
        return [...select.options].map((option) => ({
            value: option.value,
            label: option.value === "" && option.text.startsWith("---") ? "" : option.text,
            about: option.dataset.about,
        }));
    }

    function chosen() {
        const option = select.selectedOptions[0];
        return option === undefined || option.text.startsWith("---") ? "" : option.text;
    }

    function open(typed) {
        const found = matching(options().filter((option) => option.label !== ""), typed);
        shown = found.slice(0, MOST);
        list.replaceChildren(
            ...shown.map((option, index) => item(option, index)),
            ...(found.length > MOST
                ? [note(words.more_found.replace("%(n)s", String(found.length - MOST)))]
                : []),
            ...(found.length === 0 ? [note(words.nothing_found)] : []),
        );
        list.hidden = false;
        input.setAttribute("aria-expanded", "true");
        const present = shown.findIndex((option) => option.value === select.value);
        activate(typed === "" ? present : found.length > 0 ? 0 : -1);
    }

    function item(option, index) {
        const line = document.createElement("li");
        line.id = `${list.id}_${index}`;
        line.setAttribute("role", "option");
        line.setAttribute("aria-selected", String(option.value === select.value));
        line.textContent = option.label;
        if (option.about) {
            const about = document.createElement("small");
            about.className = "sc-below";
            about.textContent = option.about;
            line.append(about);
        }
        line.addEventListener("click", () => choose(index));
        return line;
    }

    function note(text) {
        const line = document.createElement("li");
        line.className = "sc-note";
        line.setAttribute("role", "presentation");
        line.textContent = text;
        return line;
    }

    function activate(index) {
        list.children[active]?.classList.remove("sc-active");
        active = index;
        const line = list.children[index];
        if (index < 0 || line === undefined) {
            input.removeAttribute("aria-activedescendant");
            return;
        }
        line.classList.add("sc-active");
        line.scrollIntoView({ block: "nearest" });
        input.setAttribute("aria-activedescendant", line.id);
    }

    function close() {
        list.hidden = true;
        input.setAttribute("aria-expanded", "false");
        input.removeAttribute("aria-activedescendant");
        input.value = chosen();
        active = -1;
    }

    function choose(index) {
        const option = shown[index];
        if (option === undefined) return;
        const isNew = select.value !== option.value;
        select.value = option.value;
        close();
        if (isNew) select.dispatchEvent(new Event("change", { bubbles: true }));
    }

    input.addEventListener("input", () => open(input.value));
    input.addEventListener("click", () => {
        if (!list.hidden) return;
        input.select();
        open("");
    });
    // A press on the list must not take the focus from the text before it is a click.
    list.addEventListener("mousedown", (event) => event.preventDefault());
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
        const isOpen = !list.hidden;
        if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            if (!isOpen) {
                open("");
                return;
            }
            const step = event.key === "ArrowDown" ? 1 : -1;
            activate((active + step + shown.length) % Math.max(shown.length, 1));
        } else if (event.key === "Enter" && isOpen) {
            event.preventDefault();
            choose(active);
        } else if (event.key === "Escape" && isOpen) {
            event.preventDefault();
            close();
        } else if (event.key === "Tab" && isOpen) {
            if (active >= 0 && input.value !== chosen()) choose(active);
        }
    });
    input.value = chosen();
    return { input, refresh: close };
}
