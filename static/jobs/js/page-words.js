// What the server says of the page's own words, in the language of who looks.

let found = null;

/** By name; see jobs/admin/page_words.py. */
export function words(page = document) {
    found ??= JSON.parse(page.getElementById("sc-page-words").textContent);
    return found;
}
