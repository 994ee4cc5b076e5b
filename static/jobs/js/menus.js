// Menus made of <details>: one open at a time, closed by Escape or a click elsewhere.

const MENU = ".sc-controls details[open]";

export function closeMenus(root) {
    const open = () => root.querySelectorAll(MENU);
    document.addEventListener("click", (event) => {
        open().forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
    });
    root.addEventListener("keydown", (event) => {
        const menu = event.target.closest(MENU);
        if (event.key !== "Escape" || !menu) return;
        menu.open = false;
        menu.querySelector("summary").focus();
    });
}
