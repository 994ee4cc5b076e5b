// Times in words, by the same rules as jobs/admin/display.py.

/** Put values in a text as Python's % does: "%(n)d min". */
export function fill(text, values) {
    return text.replace(/%\((\w+)\)[sd]/g, (_, name) => String(values[name]));
}

/** "4 h": the greatest unit that fits, rounded down. */
export function span(seconds, words) {
    const whole = Math.floor(seconds);
    if (whole < 60) return fill(words.seconds, { n: whole });
    if (whole < 3600) return fill(words.minutes, { n: Math.floor(whole / 60) });
    if (whole < 48 * 3600) return fill(words.hours, { n: Math.floor(whole / 3600) });
    return fill(words.days, { n: Math.floor(whole / 86400) });
}

/** "in 4 h", "2 min ago"; both in Unix seconds. */
export function relative(at, now, words) {
    const seconds = at - now;
    if (Math.abs(seconds) < 1) return words.now;
    return fill(seconds > 0 ? words.in : words.ago, { span: span(Math.abs(seconds), words) });
}

/** "0.21 s", "41 s", "5 min 3 s", "2 h 3 min". */
export function duration(seconds, words) {
    if (seconds < 10) return fill(words.exact_seconds, { n: seconds.toFixed(2) });
    const whole = Math.round(seconds);
    if (whole < 60) return fill(words.seconds, { n: whole });
    const minutes = Math.floor(whole % 3600 / 60);
    if (whole < 3600) return fill(words.minutes_seconds, { minutes, seconds: whole % 60 });
    return fill(words.hours_minutes, { hours: Math.floor(whole / 3600), minutes });
}
