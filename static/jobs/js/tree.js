// Opens and folds the whole of a tree, and copies what it shows as JSON.

import { ask } from "./answer.js";
import { copyText } from "./copy.js";
import { tell } from "./notice.js";

/** For the trees in `root`, also those that come to it later. */
export function start(root) {
    root.addEventListener("click", (event) => {
        const button = event.target.closest("button");
        if (!button) return;
        if ("unfold" in button.dataset) setAll(button, true);
        else if ("fold" in button.dataset) setAll(button, false);
        else if (button.dataset.copyResult) copyResult(button);
    });
    show(root);
}

/** The buttons, which are of no use without this module. */
export function show(root) {
    for (const tools of root.querySelectorAll("[data-tree-tools]")) {
        tools.hidden = false;
        const folds = tools.parentElement.querySelector(".sc-tree details") !== null;
        tools.querySelector("[data-unfold]").hidden = !folds;
        tools.querySelector("[data-fold]").hidden = !folds;
    }
}

function setAll(button, open) {
    const tree = button.closest("section").querySelector(".sc-tree");
    for (const branch of tree.querySelectorAll("details")) branch.open = open;
}

// The tree is cut where it is long; the API has all of it.
async function copyResult(button) {
    const { kind, body } = await ask(button.dataset.copyResult, "json");
    tell(kind);
    if (kind === "ok") await copyText(JSON.stringify(body.data.result, null, 2), button);
}
