// Which options of a list a typed text means.

/** Options in whose text every typed word occurs: those that begin with it come first. */
export function matching(options, typed) {
    const words = plain(typed).split(" ").filter(Boolean);
    const found = options.filter((option) => {
        const text = plain(`${option.label} ${option.value} ${option.about ?? ""}`);
        return words.every((word) => text.includes(word));
    });
    return found
        .map((option) => ({ option, rank: rank(option, words) }))
        .sort((a, b) => a.rank - b.rank)
        .map(({ option }) => option);
}

function rank(option, words) {
    if (words.length === 0) return 0;
    const label = plain(option.label);
    if (label.startsWith(words[0])) return 0;
    if (label.split(" ").some((part) => part.startsWith(words[0]))) return 1;
    return words.every((word) => label.includes(word)) ? 2 : 3;
}

// "São_Paulo" is found by "sao paulo", and a path by its parts.
function plain(text) {
    return text
        .normalize("NFD")
        .replace(/\p{M}/gu, "")
        .toLowerCase()
        .replace(/[\s_/().]+/g, " ")
        .trim();
}
