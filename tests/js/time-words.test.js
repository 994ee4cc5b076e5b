import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { duration, fill, relative, span } from "../../static/jobs/js/time-words.js";

const cases = JSON.parse(readFileSync(new URL("times.json", import.meta.url)));
const words = {
    now: "now", in: "in %(span)s", ago: "%(span)s ago", seconds: "%(n)d s", minutes: "%(n)d min",
    hours: "%(n)d h", days: "%(n)d days", exact_seconds: "%(n)s s",
    minutes_seconds: "%(minutes)d min %(seconds)d s", hours_minutes: "%(hours)d h %(minutes)d min",
};

test("spans, distances and durations are worded as the server words them", () => {
    for (const [seconds, text] of cases.spans) assert.equal(span(seconds, words), text);
    for (const [seconds, text] of cases.durations) assert.equal(duration(seconds, words), text);
    for (const [seconds, text] of cases.relative) {
        assert.equal(relative(1000 + seconds, 1000, words), text);
    }
});

test("values are put in by name, in any order", () => {
    assert.equal(fill("%(b)s vor %(a)d", { a: 1, b: "x" }), "x vor 1");
});
