// Moments on the wall clock of a zone, and how far off they are.

/** "Thu 2026-11-26 07:30", with seconds where they are not zero. */
export function onClock(moment, zone, language) {
    const parts = partsOf(moment, zone);
    const weekday = new Intl.DateTimeFormat(language, { weekday: "short", timeZone: zone });
    const seconds = parts.second === "00" ? "" : `:${parts.second}`;
    const date = `${parts.year}-${parts.month}-${parts.day}`;
    return `${weekday.format(moment)} ${date} ${parts.hour}:${parts.minute}${seconds}`;
}

/** "UTC+08:00". */
export function offsetOf(moment, zone) {
    const { year, month, day, hour, minute, second } = partsOf(moment, zone);
    const wall = Date.UTC(year, month - 1, day, hour, minute, second);
    const minutes = Math.round((wall - Math.floor(moment.getTime() / 1000) * 1000) / 60000);
    const sign = minutes < 0 ? "-" : "+";
    const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
    return `UTC${sign}${String(hours).padStart(2, "0")}:${String(rest).padStart(2, "0")}`;
}

/** "in 3 hours", by the greatest unit that fits, rounded down. */
export function untilText(moment, now, language) {
    const seconds = Math.floor((moment - now) / 1000);
    const size = Math.abs(seconds);
    const format = new Intl.RelativeTimeFormat(language, { style: "short" });
    for (const [unit, length, from] of [
        ["day", 86400, 172800],
        ["hour", 3600, 3600],
        ["minute", 60, 60],
    ]) {
        if (size >= from) return format.format(Math.trunc(seconds / length), unit);
    }
    return format.format(seconds, "second");
}

/** The zone of whoever looks at the page. */
export function ownZone() {
    return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Whether this browser can show the times of a zone. */
export function isKnown(zone) {
    try {
        return Boolean(new Intl.DateTimeFormat("en", { timeZone: zone }));
    } catch {
        return false;
    }
}

function partsOf(moment, zone) {
    const format = new Intl.DateTimeFormat("en-GB", {
        timeZone: zone,
        calendar: "iso8601",
        hourCycle: "h23",
        year: "numeric",
        month: "2-digit",
        day: "2-digit",
        hour: "2-digit",
        minute: "2-digit",
        second: "2-digit",
    });
    return Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, value]));
}
