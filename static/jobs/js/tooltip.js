// Says what a mark of a picture is: under the pointer, or under the keyboard's focus, which
// the arrow keys move from mark to mark. Without this module the browser shows the titles.

import { nextPlace, placed } from "./tooltip-place.js";

const MARK = ".sc-mark";

/** Takes the place of the browser's own titles in all pictures of the page, and in those that
 *  come to it later. */
export function start(page = document) {
    const tip = page.createElement("div");
    tip.className = "sc-tip";
    tip.hidden = true;
    tip.setAttribute("aria-hidden", "true"); // the mark itself bears the words as its name
    page.body.append(tip);

    page.addEventListener("pointerover", (event) => show(tip, markOf(event)));
    page.addEventListener("focusin", (event) => {
        const mark = markOf(event);
        show(tip, mark?.matches(":focus-visible") ? mark : null);
    });
    page.addEventListener("focusout", () => show(tip, null));
    // Not away: the focus scrolls its mark into view.
    page.addEventListener("scroll", () => place(tip), { capture: true, passive: true });
    page.addEventListener("keydown", (event) => {
        if (event.key === "Escape") show(tip, null);
        else move(event);
    });
    page.querySelectorAll(".sc-marks").forEach(makeReachable);
    new MutationObserver((changes) => {
        for (const change of changes) {
            for (const node of change.addedNodes) {
                node.querySelectorAll?.(".sc-marks").forEach(makeReachable);
            }
        }
        if (shown && !shown.isConnected) show(tip, null);
    }).observe(page.body, { childList: true, subtree: true });
}

let shown = null;

function markOf(event) {
    return event.target.closest?.(MARK);
}

function show(tip, mark) {
    shown = mark ?? null;
    tip.hidden = !mark;
    if (!mark) return;
    tip.textContent = words(mark);
    place(tip);
}

function place(tip) {
    if (!shown) return;
    const at = placed(shown.getBoundingClientRect(), tip.getBoundingClientRect(), {
        width: document.documentElement.clientWidth,
        height: document.documentElement.clientHeight,
    });
    tip.style.transform = `translate(${at.x}px, ${at.y}px)`;
}

function words(mark) {
    const title = mark.querySelector("title");
    if (title) {
        mark.setAttribute("aria-label", title.textContent);
        title.remove();
    }
    return mark.getAttribute("aria-label").replaceAll(" · ", "\n");
}

// The Tab key comes to a picture once: to its newest run, or to its last mark.
function makeReachable(picture) {
    const marks = [...picture.querySelectorAll(MARK)];
    const first = marks.findLast((mark) => mark.matches("a")) ?? marks.at(-1);
    first?.setAttribute("tabindex", "0");
}

function move(event) {
    const mark = markOf(event);
    const picture = mark?.closest(".sc-marks, .sc-bars");
    if (!picture) return;
    const marks = [...picture.querySelectorAll(MARK)];
    const place = nextPlace(event.key, marks.indexOf(mark), marks.length);
    if (place === null) return;
    event.preventDefault();
    mark.setAttribute("tabindex", "-1");
    marks[place].setAttribute("tabindex", "0");
    marks[place].focus();
}

start();
