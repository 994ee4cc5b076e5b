import assert from "node:assert/strict";
import { test } from "node:test";

import { decode } from "../../static/jobs/js/runs.js";

test("runs are decoded as jobs/admin/bars.py encodes them", () => {
    assert.deepEqual(decode("-100,-29543760,41.2;10,60,,m"), [
        { id: 100, look: "", seconds: 41.2, at: 29543760 },
        { id: 90, look: "m", seconds: null, at: 29543700 },
    ]);
});

test("no runs are none", () => {
    assert.deepEqual(decode(""), []);
});
