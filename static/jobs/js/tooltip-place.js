// Where a tip stands, and where the arrow keys lead. Pure.

const GAP = 8;

/** The corner of a tip of size `tip` beside the box `mark`: above it and centred, below it
 *  where there is no room, and never outside of `view`. All in pixels. */
export function placed(mark, tip, view) {
    const above = mark.top - tip.height - GAP;
    const y = above >= GAP ? above : Math.min(mark.bottom + GAP, view.height - tip.height - GAP);
    const x = mark.left + mark.width / 2 - tip.width / 2;
    return {
        x: Math.round(Math.max(GAP, Math.min(x, view.width - tip.width - GAP))),
        y: Math.round(Math.max(GAP, y)),
    };
}

/** Which of `count` marks a key leads to from `place`; null for keys that lead nowhere. */
export function nextPlace(key, place, count) {
    const last = count - 1;
    switch (key) {
        case "ArrowLeft":
            return Math.max(place - 1, 0);
        case "ArrowRight":
            return Math.min(place + 1, last);
        case "Home":
            return 0;
        case "End":
            return last;
        default:
            return null;
    }
}
