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
    assert.equal(kindOf(400, false), "declined");
    assert.equal(kindOf(409, false), "declined");
    for (const status of [405, 429, 500, 502, 503]) assert.equal(kindOf(status, false), "lost");
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

function answering(t, status, type, body) {
    const response = {
        status, redirected: false, headers: new Headers({ "Content-Type": type }),
        json: async () => body,
    };
    return t.mock.method(globalThis, "fetch", async () => response).mock;
}

test("who declines says why, if in the form that was asked for", async (t) => {
    answering(t, 409, "application/json", { message: "busy" });
    assert.deepEqual(await ask("/x", "json"), { kind: "declined", body: { message: "busy" } });
    answering(t, 400, "text/html; charset=utf-8", null);
    assert.deepEqual(await ask("/x", "json"), { kind: "declined", body: null });
});

test("what is sent is a POST, and shows its token", async (t) => {
    const asked = answering(t, 200, "application/json", {});
    await ask("/x", "json");
    await ask("/x", "json", { token: "secret" });
    await ask("/x", "json", { body: "{}" });
    const sent = asked.calls.map(({ arguments: [, options] }) => options);
    assert.deepEqual(sent.map((options) => options.method), ["GET", "POST", "POST"]);
    assert.equal(sent[1].headers["X-CSRFToken"], "secret");
    assert.equal(sent[2].body, "{}");
    assert.ok(!("X-CSRFToken" in sent[0].headers));
});
