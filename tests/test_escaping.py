"""Nothing that a terminal would obey is left of a text, and what people write stays."""

from __future__ import annotations

import unicodedata

import pytest

from jobs.escaping import harmless, one_line

HOSTILE = [
    "\x1b[2J\x1b[H",  # clear the screen
    "\x1b]0;root\x07",  # the window's title
    "\x9b31m",  # CSI as one character of C1
    "\x08\x08\x08",
    "all\rwell",
    "\u202egnp.exe",
    "\u2066\u2069",
    "half\ud800",
    "line\u2028line",
    "\x00\x7f",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_a_terminal_would_obey_reaches_it(text: str) -> None:
    for found in (harmless(text), one_line(text)):
        assert found.isprintable()
        found.encode()  # half a pair could not be


def test_every_control_character_is_written_out() -> None:
    controls = [
        char
        for char in map(chr, range(0x110000))
        if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") and char not in "\n\t"
    ]
    assert len(controls) > 2000
    for char in controls:
        assert harmless(char) == ascii(char)[1:-1]


def test_what_people_write_stays_as_it_is() -> None:
    for text in ("容量同步", "Müller & Söhne", "a\nb", "[bold]not markup[/bold]", ":smile:"):
        assert harmless(text) == text
    assert harmless("a\tb") == "a    b"
