// Translates what stands on the lines of its input, for the tests that hold it against the code
// that schedules. A line is an expression or an object of fields, in JSON; so is its answer.

import { createInterface } from "node:readline";

import { expressionOf, fieldsOf } from "../../static/jobs/js/cron-fields.js";

for await (const line of createInterface({ input: process.stdin })) {
    const asked = JSON.parse(line);
    try {
        const said = typeof asked === "string" ? fieldsOf(asked) : expressionOf(asked);
        console.log(JSON.stringify({ said }));
    } catch (error) {
        console.log(JSON.stringify({ why: error.message }));
    }
}
