// The rows of a table that are put up to date without disturbing whoever works in them: a cell
// that is being used is left alone until it is not.

/** A row has `data-id` and `data-revision`; its cells have classes `field-…`. */
export class Rows {
    constructor(table, onCell = () => {}) {
        this.table = table;
        this.onCell = onCell;
        this.waiting = new Map();
        this.shown = new Map();
        for (const cell of table.querySelectorAll("[class^=field-]")) {
            this.shown.set(cell, cell.innerHTML);
        }
        for (const kind of ["focusout", "toggle"]) {
            table.addEventListener(kind, () => setTimeout(() => this.catchUp()), true);
        }
    }

    /** The rows by id. */
    get all() {
        return new Map([...this.table.tBodies[0].rows].map((row) => [row.dataset.id, row]));
    }

    /** Ids and revisions, of the rows that are not gone. */
    known() {
        return Object.fromEntries(
            [...this.all].filter(([, row]) => !row.classList.contains("sc-gone"))
                .map(([id, row]) => [id, row.dataset.revision]));
    }

    /** Take rows over as the server sends them; `evenUsed` also cells that are being used. Of an
     *  answer to what was `known`, those that have become something else meanwhile are left out,
     *  since they are newer. */
    apply({ rows = {}, gone = [] }, { evenUsed = false, known = null } = {}) {
        const all = this.all;
        const isNewer = (id) => known && all.get(id)?.dataset.revision !== known[id];
        for (const [id, { revision, state, cells }] of Object.entries(rows)) {
            const row = all.get(id);
            if (!row || isNewer(id)) continue;
            row.dataset.revision = revision;
            row.dataset.state = state;
            for (const [name, html] of Object.entries(cells)) {
                const cell = row.querySelector(`.field-${name}`);
                if (cell) this.put(cell, normal(html), evenUsed);
            }
        }
        for (const id of gone) this.remove(all.get(id));
    }

    put(cell, html, evenUsed) {
        this.waiting.delete(cell);
        if (this.shown.get(cell) === html) return;
        if (!evenUsed && isUsed(cell)) {
            this.waiting.set(cell, html);
            return;
        }
        const kept = [...cell.querySelectorAll(":scope > .sc-said")];
        cell.innerHTML = html;
        cell.append(...kept);
        this.shown.set(cell, html);
        this.onCell(cell);
    }

    catchUp() {
        for (const [cell, html] of [...this.waiting]) this.put(cell, html, false);
    }

    /** Its place stays, so that nothing below it jumps. */
    remove(row) {
        if (!row) return;
        row.classList.add("sc-gone");
        row.querySelectorAll("input:checked").forEach((each) => each.click());
        row.querySelectorAll("button, input").forEach((each) => (each.disabled = true));
    }
}

function isUsed(cell) {
    return cell.contains(document.activeElement) || cell.querySelector("details[open]") !== null;
}

/** As the browser would write it, to compare it with what stands. */
function normal(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.innerHTML;
}
