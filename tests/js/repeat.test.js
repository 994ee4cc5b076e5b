import assert from "node:assert/strict";
import { test } from "node:test";

import { delayS, repeat } from "../../static/jobs/js/repeat.js";

test("after each failure it waits longer, up to a minute", () => {
    assert.deepEqual([0, 1, 2, 3, 4, 5, 99].map((n) => delayS(2, n)), [2, 4, 8, 16, 32, 60, 60]);
    assert.equal(delayS(90, 3), 90);
});

function hidable() {
    const page = new EventTarget();
    page.hidden = false;
    page.turn = (is) => {
        page.hidden = is;
        page.dispatchEvent(new Event("visibilitychange"));
    };
    return page;
}

async function pass(t, seconds) {
    for (let second = 0; second < seconds; second += 1) {
        t.mock.timers.tick(1000);
        await Promise.resolve();
        await Promise.resolve();
        await Promise.resolve();
    }
}

test("it goes on until it is told to stop", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const answers = ["again", "failed", "again", "stop"];
    let steps = 0;
    repeat(async () => answers[steps++], 2, hidable());
    await pass(t, 60);
    assert.equal(steps, 4);
});

test("it rests while nobody looks, and starts at once when somebody does", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const page = hidable();
    let steps = 0;
    repeat(async () => ((steps += 1), "again"), 2, page);
    page.turn(true);
    await pass(t, 60);
    assert.equal(steps, 0);
    page.turn(false);
    await pass(t, 1);
    assert.equal(steps, 1);
});

test("two steps never run at once", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const page = hidable();
    let running = 0;
    let finish;
    repeat(() => ((running += 1), new Promise((resolve) => (finish = resolve))), 2, page);
    await pass(t, 10);
    page.turn(true);
    page.turn(false);
    await pass(t, 10);
    assert.equal(running, 1);
    finish("again");
    await pass(t, 3);
    assert.equal(running, 2);
});
