import assert from "node:assert/strict";
import { test } from "node:test";

import { asText, clockOf, levelOf } from "../../static/jobs/js/log-line.js";

test("a moment is shown by the clock on the wall of the zone", () => {
    assert.equal(clockOf("Asia/Shanghai")("2026-07-01T16:00:00.5Z"), "00:00:00.500");
    assert.equal(clockOf("UTC")("2026-07-01T03:09:07.123456Z"), "03:09:07.123");
});

test("levels have numbers, also those without a name", () => {
    assert.equal(levelOf("warning"), 30);
    assert.equal(levelOf("35"), 35);
    assert.equal(levelOf("odd"), 0);
});

test("a log is copied as it reads", () => {
    const lines = [
        { time: "03:00:00.000", level: "info", message: "a" },
        { time: "03:00:01.000", level: "error", message: "b\nc" },
    ];
    assert.equal(asText(lines), "03:00:00.000 INFO a\n03:00:01.000 ERROR b\nc");
});
