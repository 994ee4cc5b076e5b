// What is wrong with a field, said at the field: in its list of errors, which the control names
// as its description, as the server's own pages do.

import { element } from "./dom.js";

/** Shows the sentences at a control in place of those before; none take them away. */
export function showErrors(control, sentences) {
    // Where a list that can be searched stands for a select, the errors are the select's.
    const id = `${control.id.replace(/_search$/, "")}_error`;
    const row = control.closest(".form-row, .sc-small");
    const isSmall = row.classList.contains("sc-small");
    const name = isSmall ? `${row.querySelector("label").textContent}: ` : "";
    const texts = sentences.map((sentence) => name + sentence);
    let list = document.getElementById(id);
    if (texts.length > 0 && list === null) {
        list = element("ul", { className: "errorlist", id });
        // Small fields stand in a row, and have their errors below it, with their names.
        if (isSmall) row.parentElement.nextElementSibling.append(list);
        else row.prepend(list);
    }
    const shown = [...(list?.children ?? [])].map((item) => item.textContent);
    if (shown.join("\n") !== texts.join("\n")) {
        list.replaceChildren(...texts.map((textContent) => element("li", { textContent })));
    }
    if (texts.length === 0) list?.remove();
    row.classList.toggle("errors", texts.length > 0);
    describe(control, id, texts.length > 0);
}

function describe(control, id, isThere) {
    const ids = new Set((control.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean));
    if (isThere) {
        ids.add(id);
        control.setAttribute("aria-invalid", "true");
    } else {
        ids.delete(id);
        control.removeAttribute("aria-invalid");
    }
    if (ids.size > 0) control.setAttribute("aria-describedby", [...ids].join(" "));
    else control.removeAttribute("aria-describedby");
}
