// Cron expressions and separate cron fields, each said as the other where that is exact.
//
// An expression means what crontab(5) means: Sunday is 0 or 7, and a day matches either the day
// or the weekday when both are restricted. Separate fields mean what APScheduler means: Monday is
// 0, and a day matches both. So weekdays are translated by name, and what cannot be said exactly
// is not said: the answer is a reason then, never another schedule.

export const NAMES = ["second", "minute", "hour", "day", "month", "day_of_week", "year"];

// APScheduler's order, the coarsest first: what is left out below the last given is its lowest.
const COARSE_FIRST = ["year", "month", "day", "week", "day_of_week", "hour", "minute", "second"];
const LOWEST = { month: "1", day: "1", hour: "0", minute: "0", second: "0" };

const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MONTHS = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const PLACES = { 1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 5: "5th" };
const NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
};
const RANGES = {
    second: [0, 59],
    minute: [0, 59],
    hour: [0, 23],
    day: [1, 31],
    month: [1, 12],
    year: [1970, 2099],
};
const TERM = /^(?:\*|(\d{1,4})(?:-(\d{1,4}))?)(?:\/(\d{1,3}))?$/;

const CRONTAB = "crontab";
const APSCHEDULER = "APScheduler";

// Why something cannot be said the other way; the names of sentences.
export class Untranslatable extends Error {}

/** The fields that say the same as an expression; throws Untranslatable. */
export function fieldsOf(expression) {
    const parts = split(expression);
    const [second, minute, hour, day, month, weekday, year] = parts;
    const fields = {
        second: terms("second", second, CRONTAB),
        minute: terms("minute", minute, CRONTAB),
        hour: terms("hour", hour, CRONTAB),
        month: months(month, CRONTAB),
        year: terms("year", year, CRONTAB),
        ...days(day, weekday),
    };
    if (fields.second === "0") fields.second = "";
    for (const name of ["hour", "day", "month", "day_of_week", "year"]) {
        if (fields[name] === "*") fields[name] = "";
    }
    return fields;
}

/** The expression that says the same as fields, empty ones left out; throws Untranslatable. */
export function expressionOf(given) {
    const fields = { ...implied(given), ...filled(given) };
    if (Object.keys(filled(given)).length === 0) throw new Untranslatable("unreadable");
    if (fields.week !== "*") throw new Untranslatable("week");
    const [day, weekday] = crontabDays(tidy(fields.day), tidy(fields.day_of_week));
    const parts = [
        terms("minute", tidy(fields.minute), APSCHEDULER),
        terms("hour", tidy(fields.hour), APSCHEDULER),
        day,
        months(tidy(fields.month), APSCHEDULER),
        weekday,
    ];
    const second = terms("second", tidy(fields.second), APSCHEDULER);
    const year = terms("year", tidy(fields.year), APSCHEDULER);
    if (year !== "*") return [second, ...parts, year].join(" ");
    return second === "0" ? parts.join(" ") : [second, ...parts].join(" ");
}

/** What each field means while it is empty. */
export function implied(given) {
    const left = new Set(Object.keys(filled(given)));
    const found = {};
    let isBelow = false;
    for (const name of COARSE_FIRST) {
        if (left.delete(name)) isBelow = left.size === 0;
        found[name] = isBelow && name in LOWEST && !(name in filled(given)) ? LOWEST[name] : "*";
    }
    return found;
}

/** Names of the weekdays that a field means; null where it holds no number. */
export function weekdaysBehind(text) {
    if (!/\d/.test(text)) return null;
    try {
        return spread(tidy(text), 6, WEEKDAYS, APSCHEDULER).map((day) => WEEKDAYS[day]);
    } catch (error) {
        if (error instanceof Untranslatable) return null;
        throw error;
    }
}

function split(expression) {
    const text = expression.trim().toLowerCase();
    const parts = (NICKNAMES[text] ?? text).split(/\s+/);
    if (![5, 6, 7].includes(parts.length)) throw new Untranslatable("unreadable");
    if (parts.length === 5) parts.unshift("0");
    if (parts.length === 6) parts.push("*");
    return parts;
}

function filled(given) {
    return Object.fromEntries(
        Object.entries(given).filter(([, text]) => text !== undefined && text.trim() !== ""),
    );
}

function tidy(text) {
    return text.trim().toLowerCase().replace(/\s*,\s*/g, ",");
}

// A list of numbers, ranges and steps that both read alike.
function terms(name, text, dialect) {
    return text
        .split(",")
        .map((term) => oneTerm(name, term, dialect))
        .join(",");
}

function oneTerm(name, term, dialect) {
    const [least, most] = RANGES[name];
    const match = TERM.exec(term);
    if (!match) throw new Untranslatable("unreadable");
    const [first, last, step] = match.slice(1).map((part) => (part ? Number(part) : undefined));
    if (first < least || first > most || last > most || last < first) {
        throw new Untranslatable("unreadable");
    }
    if (step === undefined) return term;
    if (step === 0 || step > most - least) throw new Untranslatable("unreadable");
    if (first === undefined) return term;
    const end = endOf(first, last, most, dialect);
    // A step that reaches no second value is refused by APScheduler.
    if (step > end - first) return String(first);
    return last === first ? `${first}-${end}/${step}` : term;
}

// Where a range with a step ends. A number alone goes on to the last, and crontab's library
// takes 5-5 for a number alone.
function endOf(first, last, most, dialect) {
    if (last === undefined || (dialect === CRONTAB && last === first)) return most;
    return last;
}

function range(first, last, step = 1) {
    const values = [];
    for (let value = first; value <= last; value += step) values.push(value);
    return values;
}

function days(dayText, weekdayText) {
    const day = dayText === "?" ? "*" : dayText;
    const weekday = weekdayText === "?" ? "*" : weekdayText;
    if (!day.startsWith("*") && !weekday.startsWith("*")) throw new Untranslatable("either");
    if (/[#l]/.test(weekday)) {
        if (day !== "*") throw new Untranslatable("positions");
        return { day: positions(weekday), day_of_week: "*" };
    }
    return { day: monthDays(day), day_of_week: weekdayNames(crontabWeekdays(weekday)) };
}

function monthDays(text) {
    return text
        .split(",")
        .map((term) => {
            if (term === "lw") throw new Untranslatable("last_working");
            return term === "l" ? "last" : oneTerm("day", term, CRONTAB);
        })
        .join(",");
}

// 5#2 and 5l, which crontab writes as weekdays and APScheduler as days.
function positions(text) {
    return text
        .split(",")
        .map((term) => {
            const match = /^([0-7]|[a-z]{3})#([1-5])$|^([0-7])l$/.exec(term);
            if (!match) throw new Untranslatable("positions");
            const [, nth, place, last] = match;
            const name = WEEKDAYS[fromMonday(nth ?? last)];
            if (name === undefined) throw new Untranslatable("unreadable");
            return last === undefined ? `${PLACES[place]} ${name}` : `last ${name}`;
        })
        .join(",");
}

function fromMonday(text) {
    return /^\d$/.test(text) ? (Number(text) + 6) % 7 : WEEKDAYS.indexOf(text);
}

function crontabWeekdays(text) {
    // Sunday may end a range, though by number it comes first.
    const sunday = text.replace(/(^|,)([^,]*)-sun(?=\/|,|$)/g, (whole, comma, first) =>
        first === "sun" ? whole : `${comma}${first}-7`,
    );
    const names = ["sun", ...WEEKDAYS.slice(0, 6)];
    const found = spread(sunday, 7, names, CRONTAB);
    return [...new Set(found.map((number) => (number + 6) % 7))].sort();
}

// The numbers from 0 to `most` behind a list of terms, names among them.
function spread(text, most, names, dialect) {
    const values = new Set();
    for (const term of text.split(",")) {
        const match = /^(?:\*|(\w{1,4})(?:-(\w{1,4}))?)(?:\/(\d{1,3}))?$/.exec(term);
        if (!match) throw new Untranslatable("unreadable");
        const isAll = match[1] === undefined;
        const first = isAll ? 0 : number(match[1], names);
        const last = match[2] === undefined ? undefined : number(match[2], names);
        const step = match[3] === undefined ? undefined : Number(match[3]);
        let end = last ?? first;
        if (step !== undefined) end = endOf(first, last, most, dialect);
        if (isAll) end = most;
        if (first > most || end > most || end < first || step === 0 || step > most) {
            throw new Untranslatable("unreadable");
        }
        range(first, end, step).forEach((value) => values.add(value));
    }
    return [...values].sort((a, b) => a - b);
}

function number(text, names) {
    const value = /^\d+$/.test(text) ? Number(text) : names.indexOf(text);
    if (value < 0) throw new Untranslatable("unreadable");
    return value;
}

function weekdayNames(numbers) {
    if (numbers.length === 7) return "*";
    const runs = [];
    for (const day of numbers) {
        const run = runs.at(-1);
        if (run !== undefined && run.at(-1) === day - 1) run.push(day);
        else runs.push([day]);
    }
    return runs
        .map((run) =>
            run.length > 2
                ? `${WEEKDAYS[run[0]]}-${WEEKDAYS[run.at(-1)]}`
                : run.map((day) => WEEKDAYS[day]).join(","),
        )
        .join(",");
}

// Day and weekday as crontab writes them: one of the two must begin with a star.
function crontabDays(day, weekday) {
    if (/[a-z]/.test(day)) {
        const isLast = day.split(",").some((term) => term === "last");
        if (!isLast) {
            if (weekday !== "*") throw new Untranslatable("both");
            return ["*", day.split(",").map(crontabPosition).join(",")];
        }
    }
    // APScheduler knows no steps beside names.
    if (/[a-z][^,]*\//.test(weekday)) throw new Untranslatable("unreadable");
    const names = weekdayNames(spread(weekday, 6, WEEKDAYS, APSCHEDULER));
    const numbers = day
        .split(",")
        .map((term) => (term === "last" ? "l" : oneTerm("day", term, APSCHEDULER)))
        .join(",")
        .toUpperCase();
    if (names !== "*" && !numbers.startsWith("*")) throw new Untranslatable("both");
    return [numbers, names];
}

function crontabPosition(term) {
    const match = /^(1st|2nd|3rd|4th|5th|last) +([a-z]{3})$/.exec(term);
    const day = match === null ? -1 : WEEKDAYS.indexOf(match[2]);
    if (day < 0) throw new Untranslatable("positions");
    const cron = (day + 1) % 7;
    return match[1] === "last" ? `${cron}L` : `${cron}#${match[1][0]}`;
}

// Months by name stay names, unless there is a step, which APScheduler refuses beside them.
function months(text, dialect) {
    const isNamed = text.split(",").every((term) => {
        const match = /^([a-z]{3})(?:-([a-z]{3}))?$/.exec(term);
        if (match === null) return false;
        const first = MONTHS.indexOf(match[1]);
        const last = match[2] === undefined ? first : MONTHS.indexOf(match[2]);
        return first >= 0 && last >= first;
    });
    if (isNamed) return text;
    const numbers = text.replace(/[a-z]+/g, (name) => String(number(name, MONTHS) + 1));
    return terms("month", numbers, dialect);
}
