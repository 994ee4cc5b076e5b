// Makes a link of each bar, once its row is seen; tooltip.js says what each is.

import { decode } from "./runs.js";
import { words } from "./page-words.js";
import { region } from "./times.js";
import { duration } from "./time-words.js";

const SVG = "http://www.w3.org/2000/svg";
const MOST = 20;
// Pixels, as jobs/admin/bars.py draws.
const STEP = 5;
const TALL = 28;

/** Watch the pictures below `root`; call the answer with those parts that come later. */
export function linkBars(root) {
    const seen = new IntersectionObserver((entries) => {
        for (const entry of entries.filter((each) => each.isIntersecting)) {
            seen.unobserve(entry.target);
            addLinks(entry.target);
        }
    }, { rootMargin: "200px" });
    const watch = (part) => part.querySelectorAll(".sc-bars").forEach((svg) => seen.observe(svg));
    watch(root);
    return watch;
}

function addLinks(svg) {
    const runs = decode(svg.dataset.runs);
    if (runs.length) svg.setAttribute("role", "group");
    runs.reverse().forEach((run, place) => {
        const x = (MOST - runs.length + place) * STEP - 0.5;
        const area = element("rect", {
            class: "sc-hit", x, y: 0, width: STEP, height: TALL,
        });
        const title = element("title", {});
        title.textContent = told(run);
        const link = element("a", {
            class: "sc-mark",
            href: `../jobexecution/${run.id}/change/`,
            tabindex: place === runs.length - 1 ? 0 : -1,
        });
        link.append(title, area);
        svg.append(link);
    });
}

function element(name, attributes) {
    const made = document.createElementNS(SVG, name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    return made;
}

/** As tooltip.js shows it, a line a part. */
function told(run) {
    const at = new Intl.DateTimeFormat(region(), {
        weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
        timeZoneName: "short",
    }).format(run.at * 60_000);
    const took = run.seconds === null ? [] : [duration(run.seconds, words())];
    return [words()[`look_${run.look}`], ...took, at, `#${run.id}`].join(" · ");
}
