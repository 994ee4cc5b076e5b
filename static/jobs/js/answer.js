// What has become of a request: four kinds of answer, whatever went wrong.

/** The kind of an answer: "ok", "expired" (the session), "refused", "gone" or "lost" (which may
 *  pass). The admin redirects who is not logged in, the API says 401. Pure. */
export function kindOf(status, isRedirected) {
    if (isRedirected || status === 401) return "expired";
    if (status === 403) return "refused";
    if (status === 404) return "gone";
    return status >= 200 && status < 300 ? "ok" : "lost";
}

/** Ask for `url`; an answer `{kind, body}`, never an exception. `read` takes the body out of
 *  the response, "text" or "json". */
export async function ask(url, read, { waitMs = 15_000 } = {}) {
    try {
        const response = await fetch(url, {
            credentials: "same-origin",
            headers: { Accept: read === "json" ? "application/json" : "text/html" },
            signal: AbortSignal.timeout(waitMs),
        });
        const kind = kindOf(response.status, response.redirected);
        return { kind, body: kind === "ok" ? await response[read]() : null };
    } catch {
        return { kind: "lost", body: null };
    }
}
