import assert from "node:assert/strict";
import { test } from "node:test";

import { ask, kindOf } from "../../static/jobs/js/answer.js";

test("a login page in place of an answer means that the session has ended", () => {
    assert.equal(kindOf(200, true), "expired");
    assert.equal(kindOf(401, false), "expired");
});

test("only a success is an answer; what may pass is lost", () => {
    assert.equal(kindOf(200, false), "ok");
    assert.equal(kindOf(403, false), "refused");
    assert.equal(kindOf(404, false), "gone");
    for (const status of [400, 429, 500, 502, 503]) assert.equal(kindOf(status, false), "lost");
});

test("a request that fails is an answer, too", async (t) => {
    t.mock.method(globalThis, "fetch", () => Promise.reject(new TypeError("no network")));
    assert.deepEqual(await ask("/x", "json"), { kind: "lost", body: null });
});

test("a body that breaks off is no answer", async (t) => {
    const broken = { status: 200, redirected: false, json: () => Promise.reject(new Error("cut")) };
    t.mock.method(globalThis, "fetch", () => Promise.resolve(broken));
    assert.deepEqual(await ask("/x", "json"), { kind: "lost", body: null });
});
