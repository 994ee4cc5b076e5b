// Copies a text, and says on the button how that went.

import { words } from "./page-words.js";

const SHOWN_MS = 2_000;

export async function copyText(text, button) {
    const is = (await toClipboard(text)) || bySelection(text);
    const label = button.dataset.label ?? button.textContent;
    button.dataset.label = label;
    button.textContent = is ? words().copied : words().not_copied;
    setTimeout(() => (button.textContent = label), SHOWN_MS);
}

async function toClipboard(text) {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        return false;
    }
}

// Where the page came without TLS, browsers have no clipboard for it.
function bySelection(text) {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const is = document.execCommand("copy");
    area.remove();
    return is;
}
