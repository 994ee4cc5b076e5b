import assert from "node:assert/strict";
import { test } from "node:test";

import { timeOfDay } from "../../static/jobs/js/cron-panel.js";
import { matching } from "../../static/jobs/js/matching.js";
import { isKnown, offsetOf, onClock, untilText } from "../../static/jobs/js/moments.js";
import { nextTab } from "../../static/jobs/js/tabs.js";
import { idleNames, placeOf, triggerOf } from "../../static/jobs/js/trigger.js";

const ZONES = ["Asia/Shanghai", "America/Sao_Paulo", "Europe/Berlin", "America/New_York"].map(
    (value) => ({ value, label: `${value} (UTC)` }),
);

function found(typed, options = ZONES) {
    return matching(options, typed).map((option) => option.value);
}

test("an option is found by parts of it, in any order, without accents", () => {
    assert.deepEqual(found("shang"), ["Asia/Shanghai"]);
    assert.deepEqual(found("york amer"), ["America/New_York"]);
    assert.deepEqual(found("são paulo"), ["America/Sao_Paulo"]);
    assert.deepEqual(found("Berlin"), ["Europe/Berlin"]);
    assert.deepEqual(found("mars"), []);
    assert.equal(found("").length, ZONES.length);
});

test("options that begin with what is typed come first, those that only tell of it last", () => {
    const options = [
        { value: "a", label: "Clean up", about: "After the report" },
        { value: "b", label: "Weekly report" },
        { value: "c", label: "Report of sizes" },
    ];
    assert.deepEqual(found("report", options), ["c", "b", "a"]);
});

test("Chinese names are found", () => {
    assert.deepEqual(found("同步", [{ value: "x", label: "账户同步" }]), ["x"]);
});

test("a moment is told on the clock of a zone", () => {
    const moment = new Date("2027-03-28T01:30:00Z");
    assert.equal(onClock(moment, "Europe/Berlin", "en"), "Sun 2027-03-28 03:30");
    assert.equal(onClock(new Date("2026-11-25T16:00:05Z"), "Asia/Shanghai", "en"), "Thu 2026-11-26 00:00:05");
    assert.equal(offsetOf(moment, "Europe/Berlin"), "UTC+02:00");
    assert.equal(offsetOf(moment, "America/St_Johns"), "UTC-02:30");
    assert.equal(offsetOf(moment, "UTC"), "UTC+00:00");
    assert.equal(isKnown("Mars/Olympus"), false);
    assert.equal(isKnown("Asia/Shanghai"), true);
});

test("the time until a moment is told in its greatest unit", () => {
    const now = new Date("2026-11-25T16:00:00Z");
    const until = (seconds) => untilText(new Date(now.getTime() + seconds * 1000), now, "en");
    assert.equal(until(59), "in 59 sec.");
    assert.equal(until(3599), "in 59 min.");
    assert.equal(until(47 * 3600), "in 47 hr.");
    assert.equal(until(49 * 3600), "in 2 days");
});

test("arrows go round the tabs, Home and End to their ends", () => {
    assert.equal(nextTab("ArrowRight", 2, 3), 0);
    assert.equal(nextTab("ArrowLeft", 0, 3), 2);
    assert.equal(nextTab("Home", 2, 3), 0);
    assert.equal(nextTab("End", 0, 3), 2);
    assert.equal(nextTab("x", 0, 3), null);
});

const FORM = {
    trigger_type: "cron",
    cron_style: "expression",
    cron_expression: " 0 3 * * * ",
    cron_hour: "4",
    interval_hours: "2",
    run_date: "2030-01-01T00:00",
    jitter: "5",
    start_date: "",
    timezone: "Asia/Shanghai",
};

function asked(changes) {
    const form = { ...FORM, ...changes };
    return triggerOf((name) => form[name] ?? "").trigger_params;
}

test("only what counts is asked about", () => {
    assert.deepEqual(asked({}), { cron_expression: "0 3 * * *", jitter: "5" });
    assert.deepEqual(asked({ cron_style: "fields" }), { hour: "4", jitter: "5" });
    assert.deepEqual(asked({ trigger_type: "interval" }), { hours: "2", jitter: "5" });
    assert.deepEqual(asked({ trigger_type: "date" }), { run_date: "2030-01-01T00:00" });
});

test("only what counts is sent", () => {
    assert.ok(!idleNames("cron").includes("cron_hour"));
    assert.ok(idleNames("cron").includes("interval_hours"));
    assert.ok(idleNames("interval").includes("cron_expression"));
    assert.ok(idleNames("date").includes("jitter"));
    assert.ok(!idleNames("date").includes("run_date"));
});

test("an error stands at the field that it is about, or at the first that counts", () => {
    assert.equal(placeOf("trigger_params.hour", "cron", "fields"), "cron_hour");
    assert.equal(placeOf("trigger_params.hours", "interval", ""), "interval_hours");
    assert.equal(placeOf("trigger_params.jitter", "cron", "expression"), "jitter");
    assert.equal(placeOf("trigger_params", "cron", "expression"), "cron_expression");
    assert.equal(placeOf("trigger_params", "date", ""), "run_date");
    assert.equal(placeOf("timezone", "cron", "fields"), "timezone");
    assert.equal(placeOf("count", "cron", "fields"), null);
});

test("a time of day is one hour and one minute", () => {
    assert.equal(timeOfDay({ hour: "7", minute: "5" }), "07:05");
    assert.equal(timeOfDay({ hour: "*/2", minute: "5" }), "");
    assert.equal(timeOfDay({ hour: "25", minute: "5" }), "");
});
