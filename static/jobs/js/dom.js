// Elements made in one expression.

/** An element with properties (or attributes, where a name has a dash) and children. */
export function element(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
        if (value === null || value === undefined) continue;
        if (name.includes("-") || name === "role") made.setAttribute(name, value);
        else made[name] = value;
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
}
