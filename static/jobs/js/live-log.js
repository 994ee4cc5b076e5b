// The log of a run: follows it while it grows, loads what came before, copies it.

import { ask } from "./answer.js";
import { copyText } from "./copy.js";
import { asText, clockOf, levelOf } from "./log-line.js";
import { tell } from "./notice.js";
import { words } from "./page-words.js";

const NEAR_PX = 24;
const MANY = 100; // lines of a list that is laid out only where it is looked at

/** The log in `section`, see templates/admin/jobs/jobexecution/log.html. */
export class LiveLog {
    constructor(section, { grows }) {
        this.section = section;
        this.box = section.querySelector(".sc-log");
        this.follow = section.querySelector("[data-follow]");
        this.last = Number(section.dataset.last);
        this.clock = clockOf(section.dataset.zone);
        this.follow.hidden = !grows;
        this.listen();
    }

    /** Whether the lines shown are the newest, so that others may be added to them. */
    get isNewest() {
        return "newest" in this.section.dataset;
    }

    /** Once the run has its verdict. */
    end() {
        this.follow.hidden = true;
        const empty = this.box.querySelector(".sc-empty");
        if (!empty.hidden) empty.textContent = words().silent;
    }

    /** Loads what has been said since; the kind of the answer, and whether the run has ended
     *  and nothing is left to be loaded. */
    async update() {
        for (;;) {
            const { kind, body } = await ask(`${this.section.dataset.logs}?after=${this.last}`, "json");
            if (kind !== "ok") return { kind, isDone: false };
            this.append(body.data);
            this.last = body.meta.next_after;
            if (body.data.length === 0) return { kind, isDone: body.meta.is_finished };
        }
    }

    /** To the newest line, unless somebody is reading elsewhere. */
    showNewest() {
        if (this.isFollowing) this.box.scrollTop = this.box.scrollHeight;
    }

    get isFollowing() {
        return this.follow.getAttribute("aria-pressed") === "true";
    }

    listen() {
        const copy = this.section.querySelector("[data-copy]");
        copy.hidden = false;
        this.follow.addEventListener("click", () => {
            this.setFollowing(!this.isFollowing);
            this.showNewest();
        });
        // Who scrolls up wants to read; who scrolls down to the end wants the news.
        this.box.addEventListener("scroll", () => this.setFollowing(this.isAtEnd()), { passive: true });
        copy.addEventListener("click", () => copyText(asText(this.lines()), copy));
        this.box.addEventListener("click", (event) => {
            if (event.target.closest("[data-earlier]")) this.loadEarlier(event);
        });
    }

    setFollowing(is) {
        this.follow.setAttribute("aria-pressed", String(is));
    }

    isAtEnd() {
        const { scrollHeight, scrollTop, clientHeight } = this.box;
        return scrollHeight - scrollTop - clientHeight < NEAR_PX;
    }

    append(lines) {
        if (lines.length === 0) return;
        const list = document.createElement("ol");
        list.classList.toggle("sc-log-many", lines.length >= MANY);
        list.append(...lines.map((line) => this.entry(line)));
        this.box.querySelector(".sc-empty").before(list);
        this.box.querySelector(".sc-empty").hidden = true;
        this.showNewest();
    }

    entry(line) {
        const entry = document.createElement("li");
        entry.value = line.id;
        entry.className = `sc-log-${levelOf(line.level)}`;
        const time = document.createElement("time");
        time.dateTime = time.title = line.at;
        time.textContent = this.clock(line.at);
        const level = document.createElement("span");
        level.textContent = words()[`level_${line.level}`] ?? line.level;
        const message = document.createElement("code");
        message.textContent = line.message;
        entry.append(time, " ", level, " ", message);
        return entry;
    }

    lines() {
        return [...this.box.querySelectorAll("li")].map((entry) => ({
            time: entry.children[0].textContent,
            level: entry.children[1].textContent,
            message: entry.children[2].textContent,
        }));
    }

    // The link leads to a page with the lines before; they are taken from it.
    async loadEarlier(event) {
        event.preventDefault();
        const link = event.target.closest("[data-earlier]");
        const { kind, body } = await ask(link.href, "text");
        tell(kind);
        if (kind !== "ok") return;
        const earlier = new DOMParser().parseFromString(body, "text/html").querySelector(".sc-log");
        const more = this.box.querySelector(".sc-log-more");
        const before = this.box.scrollHeight;
        more.after(document.importNode(earlier.querySelector("ol"), true));
        const further = earlier.querySelector("[data-earlier]");
        if (further) link.href = further.href;
        else more.remove();
        this.box.scrollTop += this.box.scrollHeight - before;
    }
}
