"""Reads a picture as a browser does."""

from __future__ import annotations

from xml.etree import ElementTree


def parsed(picture: str) -> ElementTree.Element:
    """Raises for what is not well-formed."""
    return ElementTree.fromstring(f"<root>{picture}</root>")


def having(picture: str, look: str) -> list[ElementTree.Element]:
    """The elements of a class."""
    return [one for one in parsed(picture).iter() if look in one.get("class", "").split()]


def tips(picture: str) -> list[str]:
    return ["".join(title.itertext()) for title in parsed(picture).iter("title")]


def texts(picture: str, name: str) -> list[str]:
    return ["".join(one.itertext()) for one in parsed(picture).iter(name)]


def is_bare(picture: str) -> bool:
    """Without what a strict Content-Security-Policy forbids."""
    return not any(
        one.tag in ("style", "script")
        or any(key == "style" or key[:2] == "on" for key in one.attrib)
        for one in parsed(picture).iter()
    )
