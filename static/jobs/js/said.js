// What the server says of the page's own words, in the language of who looks.

let found = null;

/** By name; see jobs/admin/live.py. */
export function said(page = document) {
    found ??= JSON.parse(page.getElementById("sc-said").textContent);
    return found;
}
