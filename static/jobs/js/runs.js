// What jobs/admin/bars.py writes into `data-runs`.

/** The newest first: id, start in Unix minutes, seconds (null: it did not run) and look. */
export function decode(text) {
    let id = 0;
    let at = 0;
    return text.split(";").filter(Boolean).map((part) => {
        const [idStep, atStep, seconds = "", look = ""] = part.split(",");
        id -= Number(idStep);
        at -= Number(atStep);
        return { id, look, seconds: seconds === "" ? null : Number(seconds), at };
    });
}
