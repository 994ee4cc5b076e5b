import assert from "node:assert/strict";
import { test } from "node:test";

import { nextPlace, placed } from "../../static/jobs/js/tooltip-place.js";

const view = { width: 400, height: 300 };
const tip = { width: 100, height: 40 };

function mark(left, top) {
    return { left, top, width: 10, bottom: top + 20 };
}

test("a tip stands above its mark and is centred", () => {
    assert.deepEqual(placed(mark(195, 100), tip, view), { x: 150, y: 52 });
});

test("a tip stands below a mark at the top of the window", () => {
    assert.deepEqual(placed(mark(195, 10), tip, view), { x: 150, y: 38 });
});

test("a tip never leaves the window", () => {
    assert.equal(placed(mark(0, 100), tip, view).x, 8);
    assert.equal(placed(mark(395, 100), tip, view).x, 292);
    assert.equal(placed({ left: 0, top: 0, width: 9, bottom: 300 }, tip, view).y, 252);
    assert.deepEqual(placed(mark(0, 0), { width: 999, height: 999 }, view), { x: 8, y: 8 });
});

test("arrow keys lead from mark to mark and stop at the ends", () => {
    assert.equal(nextPlace("ArrowRight", 0, 3), 1);
    assert.equal(nextPlace("ArrowRight", 2, 3), 2);
    assert.equal(nextPlace("ArrowLeft", 0, 3), 0);
    assert.equal(nextPlace("Home", 2, 3), 0);
    assert.equal(nextPlace("End", 0, 3), 2);
    assert.equal(nextPlace("a", 1, 3), null);
});
