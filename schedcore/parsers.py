"""From the text of an environment variable to its value. Each raises ValueError when it cannot.

The sentence about what is allowed stands with the variable, in `environment.py`.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import environ
import tzlocal
from cryptography.fernet import Fernet
from django.conf.global_settings import LANGUAGES

ROOT = Path(__file__).resolve().parent.parent
"""Relative paths in the environment start here, wherever the process was started."""

POSTGRESQL = "django.db.backends.postgresql"
SQLITE = "django.db.backends.sqlite3"

_WORDS = {"true": True, "yes": True, "on": True, "1": True}
_WORDS |= {"false": False, "no": False, "off": False, "0": False}
_HOST = re.compile(r"\*|\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\]")
_HOST_PATTERN = re.compile(r"/[^\s,]*|[A-Za-z0-9_.*-]+")
_ORIGIN = re.compile(r"https?://(\*\.)?[A-Za-z0-9._\[\]:-]+")


def whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", text) or not least <= int(text) <= most:
            raise ValueError
        return int(text)

    return parse


def number(least: float, most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = float(text)
        if not least <= value <= most:  # so that not-a-number is refused too
            raise ValueError
        return value

    return parse


def boolean(text: str) -> bool:
    if text.lower() not in _WORDS:
        raise ValueError
    return _WORDS[text.lower()]


def choice(choices: Sequence[str]) -> Callable[[str], str]:
    """One of the choices, whatever its case."""
    by_lower = {option.lower(): option for option in choices}

    def parse(text: str) -> str:
        if text.lower() not in by_lower:
            raise ValueError
        return by_lower[text.lower()]

    return parse


def items(text: str) -> tuple[str, ...]:
    """What stands between the commas."""
    found = tuple(item.strip() for item in text.split(",") if item.strip())
    if not found:
        raise ValueError
    return found


def hosts(text: str) -> tuple[str, ...]:
    return _each(_HOST, items(text))


def instance_hosts(text: str) -> tuple[str, ...]:
    """Names with * for a part, addresses and networks; see `jobs.estate.adapters.hosts`."""
    for item in items(text):
        if not _HOST_PATTERN.fullmatch(item):
            ip_network(item, strict=False)
    return items(text)


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Addresses count as networks of one."""
    return tuple(ip_network(item) for item in items(text))


def origins(text: str) -> tuple[str, ...]:
    return _each(_ORIGIN, items(text))


def base_url(text: str) -> str:
    """Where a site is reached, without the slash at its end."""
    return http_url(text).rstrip("/")


def http_url(text: str) -> str:
    found = urlsplit(text)
    if found.scheme not in ("http", "https") or not found.hostname:
        raise ValueError
    found.port  # noqa: B018  raises ValueError for a bad one
    if not text.isprintable() or " " in text:
        raise ValueError
    return text


def secret_key(text: str) -> str:
    """As long and as varied as Django's own `check --deploy` asks for."""
    if len(text) < 50 or len(set(text)) < 5:
        raise ValueError
    return text


def fernet_keys(text: str) -> tuple[str, ...]:
    for key in items(text):
        Fernet(key)
    return items(text)


def time_zone(text: str) -> str:
    """A zone that Python and Django both accept; Django looks into the system's own folder."""
    try:
        ZoneInfo(text)
    except (KeyError, OSError) as error:
        raise ValueError from error
    system = Path("/usr/share/zoneinfo")
    if system.is_dir() and not (system / text).is_file():
        raise ValueError
    return text


def host_time_zone() -> str:
    """The zone of this machine, as cron would use it; UTC where it has no IANA name."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return time_zone(tzlocal.get_localzone_name() or "UTC")
    except Exception:  # a machine's zone can be misconfigured in more ways than tzlocal names
        return "UTC"


def language(text: str) -> str:
    if text not in dict(LANGUAGES):
        raise ValueError
    return text


def path(text: str) -> Path:
    return ROOT / Path(text).expanduser()


def folders(text: str) -> tuple[Path, ...]:
    found = tuple(path(item) for item in items(text))
    if not all(folder.is_dir() for folder in found):
        raise ValueError
    return found


def database(text: str) -> dict[str, Any]:
    """Django's settings of the PostgreSQL or SQLite database of that URL."""
    scheme, _, rest = text.partition("://")
    if scheme == "sqlite":
        if not re.fullmatch(r"/[^?]+", rest) or rest.endswith("/"):
            raise ValueError
        return {"ENGINE": SQLITE, "NAME": path(rest[1:])}
    config: dict[str, Any] = environ.Env.db_url_config(text) if scheme in _SCHEMES else {}
    if not config.get("NAME"):
        raise ValueError
    return config


def postgres_url(text: str) -> str:
    if database(text)["ENGINE"] != POSTGRESQL:
        raise ValueError
    return text


def redis_url(text: str) -> str:
    found = urlsplit(text)
    if found.scheme not in ("redis", "rediss") or not found.hostname:
        raise ValueError
    found.port  # noqa: B018  raises ValueError for a bad one
    if not re.fullmatch(r"/?|/[0-9]{1,4}", found.path):
        raise ValueError
    return text


_SCHEMES = ("postgres", "postgresql", "psql", "pgsql")


def _each(pattern: re.Pattern[str], found: tuple[str, ...]) -> tuple[str, ...]:
    if not all(pattern.fullmatch(item) for item in found):
        raise ValueError
    return found
