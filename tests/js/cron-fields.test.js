import assert from "node:assert/strict";
import { test } from "node:test";

import {
    Untranslatable,
    expressionOf,
    fieldsOf,
    implied,
    weekdaysBehind,
} from "../../static/jobs/js/cron-fields.js";

function given(fields) {
    return Object.fromEntries(Object.entries(fields).filter(([, text]) => text !== ""));
}

function why(translate) {
    try {
        return { said: translate() };
    } catch (error) {
        assert.ok(error instanceof Untranslatable);
        return error.message;
    }
}

for (const [expression, fields] of [
    ["30 7 * * 1-5", { minute: "30", hour: "7", day_of_week: "mon-fri" }],
    ["0 0 * * 0", { minute: "0", hour: "0", day_of_week: "sun" }],
    ["0 0 * * 7", { minute: "0", hour: "0", day_of_week: "sun" }],
    ["0 0 * * fri-sun", { minute: "0", hour: "0", day_of_week: "fri-sun" }],
    ["0 0 * * 0,6", { minute: "0", hour: "0", day_of_week: "sat,sun" }],
    ["0 0 * * */2", { minute: "0", hour: "0", day_of_week: "tue,thu,sat,sun" }],
    ["*/5 * * * *", { minute: "*/5" }],
    ["5-5/10 * * * *", { minute: "5-59/10" }],
    ["* * * * *", { minute: "*" }],
    ["0 0 1,15 * *", { minute: "0", hour: "0", day: "1,15" }],
    ["0 0 L * *", { minute: "0", hour: "0", day: "last" }],
    ["0 0 ? * 5#2", { minute: "0", hour: "0", day: "2nd fri" }],
    ["0 0 * * 0L", { minute: "0", hour: "0", day: "last sun" }],
    ["0 0 1 JAN,apr-jun *", { minute: "0", hour: "0", day: "1", month: "jan,apr-jun" }],
    ["0 0 1 jan-dec/3 *", { minute: "0", hour: "0", day: "1", month: "1-12/3" }],
    ["15 0 3 * * *", { second: "15", minute: "0", hour: "3" }],
    ["0 0 3 1 1 * 2030-2040/2", { minute: "0", hour: "3", day: "1", month: "1", year: "2030-2040/2" }],
    ["@weekly", { minute: "0", hour: "0", day_of_week: "sun" }],
    [" 50/20\t3  * * * ", { minute: "50", hour: "3" }],
]) {
    test(`the fields of ${JSON.stringify(expression)}`, () => {
        assert.deepEqual(given(fieldsOf(expression)), fields);
    });
}

for (const [fields, expression] of [
    [{ hour: "7" }, "0 7 * * *"],
    [{ day_of_week: "0-4", hour: "8" }, "0 8 * * mon-fri"],
    [{ day_of_week: "6" }, "0 0 * * sun"],
    [{ day_of_week: "*/2" }, "0 0 * * mon,wed,fri,sun"],
    [{ second: "*/10" }, "*/10 * * * * *"],
    [{ minute: "5" }, "5 * * * *"],
    [{ day: "last", hour: "3" }, "0 3 L * *"],
    [{ day: "last, 15" }, "0 0 L,15 * *"],
    [{ day: "1st mon, 3rd mon" }, "0 0 * * 1#1,1#3"],
    [{ day: "last sun" }, "0 0 * * 0L"],
    [{ day: "*/2", day_of_week: "mon" }, "0 0 */2 * mon"],
    [{ month: "Jan" }, "0 0 1 jan *"],
    [{ year: "2030" }, "0 0 0 1 1 * 2030"],
    [{ hour: "1, 2", minute: " 30 " }, "30 1,2 * * *"],
]) {
    test(`the expression of ${JSON.stringify(fields)}`, () => {
        assert.equal(expressionOf(fields), expression);
    });
}

for (const [expression, reason] of [
    ["0 0 1 * 1", "either"],
    ["0 0 1-31 * 1-5", "either"],
    ["0 0 LW * *", "last_working"],
    ["0 0 * * 1,5#2", "positions"],
    ["0 0 */2 * 5#2", "positions"],
    ["0 0 * *", "unreadable"],
    ["", "unreadable"],
    ["61 * * * *", "unreadable"],
    ["*/0 * * * *", "unreadable"],
    ["*/60 * * * *", "unreadable"],
    ["5-1 * * * *", "unreadable"],
    ["0 0 * * 8", "unreadable"],
    ["0 0 * foo *", "unreadable"],
    ["@reboot", "unreadable"],
    ["一 * * * *", "unreadable"],
    [`${"9".repeat(5000)} * * * *`, "unreadable"],
]) {
    test(`${JSON.stringify(expression.slice(0, 20))} is not said in fields: ${reason}`, () => {
        assert.equal(why(() => fieldsOf(expression)), reason);
    });
}

for (const [fields, reason] of [
    [{ day: "1", day_of_week: "mon" }, "both"],
    [{ day: "2nd fri", day_of_week: "mon" }, "both"],
    [{ day: "2nd fri, 15" }, "positions"],
    [{ week: "5" }, "week"],
    [{}, "unreadable"],
    [{ hour: " " }, "unreadable"],
    [{ hour: "25" }, "unreadable"],
    [{ day_of_week: "mon-fri/2" }, "unreadable"],
    [{ day_of_week: "7" }, "unreadable"],
]) {
    test(`${JSON.stringify(fields)} is not said as an expression: ${reason}`, () => {
        assert.equal(why(() => expressionOf(fields)), reason);
    });
}

test("an empty field means its lowest value below the last given, and any above", () => {
    assert.deepEqual(implied({ day: "1" }), {
        year: "*",
        month: "*",
        day: "*",
        week: "*",
        day_of_week: "*",
        hour: "0",
        minute: "0",
        second: "0",
    });
    assert.equal(implied({ month: "1" }).day, "1");
    assert.equal(implied({ minute: "5", day: "1" }).hour, "*");
    assert.equal(implied({}).minute, "*");
});

test("weekdays by number are told by name", () => {
    assert.deepEqual(weekdaysBehind("0-2,6"), ["mon", "tue", "wed", "sun"]);
    assert.equal(weekdaysBehind("mon-fri"), null);
    assert.equal(weekdaysBehind("9"), null);
});
