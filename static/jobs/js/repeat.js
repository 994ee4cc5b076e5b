// Does something again and again, while somebody looks.

const LONGEST_S = 60;

/** Seconds until the next step: longer after each of `failures` in a row. Pure. */
export function delayS(everyS, failures) {
    return Math.min(everyS * 2 ** Math.min(failures, 10), Math.max(LONGEST_S, everyS));
}

/** Calls `step` every so many seconds, never twice at once, and not while the page is hidden.
 *  It says how it went: "again", "failed" (the next one comes later) or "stop". */
export function repeat(step, everyS, page = document) {
    let failures = 0;
    let timer = null;
    let isRunning = false;

    async function run() {
        timer = null;
        isRunning = true;
        const went = await step();
        isRunning = false;
        if (went === "stop") {
            page.removeEventListener("visibilitychange", look);
            return;
        }
        failures = went === "failed" ? failures + 1 : 0;
        wait(delayS(everyS, failures));
    }

    function wait(seconds) {
        if (!page.hidden) timer = setTimeout(run, seconds * 1000);
    }

    function look() {
        if (page.hidden) {
            clearTimeout(timer);
            timer = null;
        } else if (timer === null && !isRunning) {
            wait(0);
        }
    }

    page.addEventListener("visibilitychange", look);
    wait(everyS);
}
