// What has become of a request: a few kinds of answer, whatever went wrong.

/** The kind of an answer: "ok", "declined" (the body says why), "expired" (the session),
 *  "refused", "gone" or "lost" (which may pass). The admin redirects who is not logged in, the
 *  API says 401. Pure. */
export function kindOf(status, isRedirected) {
    if (isRedirected || status === 401) return "expired";
    if (status === 400 || status === 409) return "declined";
    if (status === 403) return "refused";
    if (status === 404) return "gone";
    return status >= 200 && status < 300 ? "ok" : "lost";
}

/** Ask for `url`; an answer `{kind, body}`, never an exception. `read` takes the body out of
 *  the response, "text" or "json". With `body`, or the CSRF `token`, it is sent as a POST. */
export async function ask(url, read, { waitMs = 15_000, body, token } = {}) {
    try {
        const response = await fetch(url, {
            method: body === undefined && token === undefined ? "GET" : "POST",
            body,
            credentials: "same-origin",
            headers: {
                Accept: read === "json" ? "application/json" : "text/html",
                ...(token && { "X-CSRFToken": token }),
            },
            signal: AbortSignal.timeout(waitMs),
        });
        const kind = kindOf(response.status, response.redirected);
        const isTold = kind === "ok" || (kind === "declined" && isOf(response, read));
        return { kind, body: isTold ? await response[read]() : null };
    } catch {
        return { kind: "lost", body: null };
    }
}

// Who declines in another form than was asked for, as with a page, has nothing for a script.
function isOf(response, read) {
    const type = response.headers.get("Content-Type") ?? "";
    return (read === "json") === type.startsWith("application/json");
}
