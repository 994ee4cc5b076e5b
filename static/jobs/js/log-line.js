// A line of a log in words. Pure.

const LEVELS = { debug: 10, info: 20, warning: 30, error: 40, critical: 50 };

/** Writes moments as the clock on the wall of a zone shows them, `03:00:12.345`. */
export function clockOf(zone) {
    const format = new Intl.DateTimeFormat("en-GB", {
        timeZone: zone,
        hour: "2-digit",
        minute: "2-digit",
        second: "2-digit",
        fractionalSecondDigits: 3,
        hourCycle: "h23",
    });
    return (at) => format.format(new Date(at));
}

/** The number of a level by its name, as the API says it; a number stays what it is. */
export function levelOf(name) {
    return LEVELS[name] ?? (Number(name) || 0);
}

/** Lines as a text to be copied, each `{time, level, message}`. */
export function asText(lines) {
    return lines.map((line) => `${line.time} ${line.level.toUpperCase()} ${line.message}`).join("\n");
}
