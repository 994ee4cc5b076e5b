// Radio buttons that choose a panel, as tabs.
// Source: ARIA Authoring Practices, "Tabs Pattern", with automatic activation.

/** Makes tabs of the radio buttons in `group`; `changed` is told the chosen value. */
export function makeTabs(group, panels, changed) {
    const radios = [...group.querySelectorAll("input[type=radio]")];
    const list = document.createElement("div");
    list.className = "sc-tablist";
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-label", group.querySelector("legend").textContent.trim());
    const tabs = radios.map((radio) => {
        const panel = panels.find((one) => one.dataset.panel === radio.value);
        const tab = document.createElement("button");
        tab.type = "button";
        tab.id = `${radio.id}_tab`;
        tab.textContent = radio.closest("label").textContent.trim();
        tab.setAttribute("role", "tab");
        panel.id ||= `sc-panel-${radio.value}`;
        panel.setAttribute("role", "tabpanel");
        panel.setAttribute("aria-labelledby", tab.id);
        tab.setAttribute("aria-controls", panel.id);
        tab.addEventListener("click", () => choose(radios.indexOf(radio)));
        return tab;
    });
    list.append(...tabs);
    list.addEventListener("keydown", (event) => {
        const present = tabs.indexOf(document.activeElement);
        const next = nextTab(event.key, present, tabs.length);
        if (present < 0 || next === null) return;
        event.preventDefault();
        choose(next);
        tabs[next].focus();
    });
    group.before(list);
    group.hidden = true;

    function choose(index) {
        radios[index].checked = true;
        show();
        changed(radios[index].value);
    }

    function show() {
        const chosen = Math.max(0, radios.findIndex((radio) => radio.checked));
        tabs.forEach((tab, index) => {
            const isChosen = index === chosen;
            tab.setAttribute("aria-selected", String(isChosen));
            tab.tabIndex = isChosen ? 0 : -1;
        });
        for (const panel of panels) panel.hidden = panel.dataset.panel !== radios[chosen].value;
    }

    radios[0].checked ||= !radios.some((radio) => radio.checked);
    show();
}

/** The tab to which a key leads; null if it leads nowhere. */
export function nextTab(key, present, count) {
    if (key === "ArrowRight") return (present + 1) % count;
    if (key === "ArrowLeft") return (present + count - 1) % count;
    if (key === "Home") return 0;
    if (key === "End") return count - 1;
    return null;
}
