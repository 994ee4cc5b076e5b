// The trigger as it stands in a form, and where an error about it belongs.

export const CRON_NAMES = ["second", "minute", "hour", "day", "day_of_week", "month", "week", "year"];
export const UNITS = ["weeks", "days", "hours", "minutes", "seconds"];
const WINDOW = ["start_date", "end_date", "jitter"];

/** Type, parameters and zone, as the server takes them. `value` gives a control's text. */
export function triggerOf(value) {
    const type = value("trigger_type");
    const params = {};
    for (const [name, param] of counting(type, value("cron_style"))) {
        const text = value(name).trim();
        if (text !== "") params[param] = text;
    }
    return {
        trigger_type: type,
        trigger_params: params,
        timezone: value("timezone"),
    };
}

/** The name of the control at which an error of the path stands; null if it has none. */
export function placeOf(path, type, style) {
    const [group, param] = path.split(".", 2);
    if (group === "timezone" || group === "trigger_type") return group;
    const names = [...counting(type, style)];
    if (group !== "trigger_params") {
        // The server may name a parameter without its group.
        return names.find(([, one]) => one === group)?.[0] ?? null;
    }
    return (names.find(([, one]) => one === param) ?? names[0])[0];
}

/** Names of all controls that make up a trigger. */
export function controlNames() {
    return [
        "timezone",
        "cron_expression",
        ...CRON_NAMES.map((name) => `cron_${name}`),
        ...UNITS.map((name) => `interval_${name}`),
        "run_date",
        ...WINDOW,
    ];
}

/** Names of controls that do not count, and are not to be sent. */
export function idleNames(type) {
    const idle = [];
    if (type !== "cron") {
        idle.push("cron_style", "cron_expression", ...CRON_NAMES.map((name) => `cron_${name}`));
    }
    if (type !== "interval") idle.push(...UNITS.map((name) => `interval_${name}`));
    if (type !== "date") idle.push("run_date");
    else idle.push(...WINDOW);
    return idle;
}

function* counting(type, style) {
    if (type === "date") {
        yield ["run_date", "run_date"];
        return;
    }
    if (type === "interval") for (const unit of UNITS) yield [`interval_${unit}`, unit];
    else if (style === "fields") for (const name of CRON_NAMES) yield [`cron_${name}`, name];
    else yield ["cron_expression", "cron_expression"];
    for (const name of WINDOW) yield [name, name];
}
