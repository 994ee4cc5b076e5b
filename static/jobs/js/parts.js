// Replaces those parts of a page that have changed, and only those.

/** Puts the elements with `data-part` of the text in the place of those of the page that bear
 *  the same name. One that is as before is left alone, with its focus and its open details; one
 *  that holds the focus gives it to its like in the new one. */
export function replaceParts(text, page = document) {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    for (const part of fresh.querySelectorAll("[data-part]")) {
        const old = page.querySelector(`[data-part="${part.dataset.part}"]`);
        if (!old || signOf(old) === signOf(part)) continue;
        const place = focusIn(old, page);
        const next = page.importNode(part, true);
        signs.set(next, part.outerHTML);
        old.replaceWith(next);
        if (place !== null) [...next.querySelectorAll(FOCUSABLE)][place]?.focus();
    }
}

const FOCUSABLE = "a[href], button, summary, input, [tabindex]";

// As it came, since people open and close what is in it.
const signs = new WeakMap();

function signOf(part) {
    return withoutTokens(signs.get(part) ?? part.outerHTML);
}

// The token of a form is written anew each time; all of them are as good.
function withoutTokens(html) {
    return html.replaceAll(/name="csrfmiddlewaretoken" value="[^"]*"/g, "");
}

function focusIn(part, page) {
    if (!part.contains(page.activeElement)) return null;
    return [...part.querySelectorAll(FOCUSABLE)].indexOf(page.activeElement);
}
