// What jobs/admin/bars.py writes into `data-runs`.

/** The newest first: id, look, seconds (null: it did not run) and start in Unix seconds. */
export function decode(text) {
    let id = 0;
    let at = 0;
    return text.split(";").filter(Boolean).map((part) => {
        const [idStep, look, seconds, atStep] = part.split(",");
        id += Number(idStep);
        at += Number(atStep);
        return { id, look, seconds: seconds === "" ? null : Number(seconds), at };
    });
}
