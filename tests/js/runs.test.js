import assert from "node:assert/strict";
import { test } from "node:test";

import { decode } from "../../static/jobs/js/runs.js";

test("runs are decoded as jobs/admin/bars.py encodes them", () => {
    assert.deepEqual(decode("100,s,41.2,1772625600;-10,m,,-3600"), [
        { id: 100, look: "s", seconds: 41.2, at: 1772625600 },
        { id: 90, look: "m", seconds: null, at: 1772622000 },
    ]);
});

test("no runs are none", () => {
    assert.deepEqual(decode(""), []);
});
