"""The variables that schedcore reads from the environment: one list, typed, with what is allowed.

Pure: text in, values and problems out. `settings.py` alone hands in the real environment.
README's table shows `VARIABLES`; `tests/project/test_readme.py` compares them.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import environ
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from jobs.conf import DEFAULT_TASKS_FILE, Network, SchedulerSettings
from schedcore import parsers

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as LazyText

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

PREFIX = "SCHEDCORE_"
DEVELOPMENT, PRODUCTION = "development", "production"


@dataclass(frozen=True, slots=True)
class Variable(Generic[T_co]):
    """One variable. `parse` raises ValueError for a text that is not `allowed`."""

    name: str
    parse: Callable[[str], T_co]
    default: T_co
    shown: str
    """The default as README shows it."""
    allowed: LazyText
    help: str
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the start is refused: `sentence` names the variable and its value, `hint` the fix.

    Both are translated when they are read, which needs Django's app registry.
    """

    sentence: LazyText
    hint: LazyText


@dataclass(frozen=True, slots=True)
class Unknown:
    """A variable with our prefix that nobody reads, and the name that is nearest."""

    name: str
    nearest: str | None


class Reader:
    """Reads variables and collects every problem. An empty value counts as unset."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[Problem] = []

    def has(self, variable: Variable[Any]) -> bool:
        return bool(self._environment.get(variable.name, "").strip())

    def read(self, variable: Variable[T], default: T | None = None) -> T:
        """The value; where it is unset or cannot be used, the default."""
        fallback = variable.default if default is None else default
        if not self.has(variable):
            return fallback
        try:
            return variable.parse(self._environment[variable.name].strip())
        except ValueError:
            self.refuse(variable)
            return fallback

    def require(self, variable: Variable[Any]) -> None:
        if not self.has(variable):
            sentence = format_lazy(_("{name} must be set in production."), name=variable.name)
            self.problems.append(Problem(sentence, _allowed(variable.allowed)))

    def refuse(self, variable: Variable[Any], allowed: LazyText | None = None) -> None:
        if variable.is_secret:
            sentence = format_lazy(_("The value of {name} cannot be used."), name=variable.name)
        else:
            value = _shortened(self._environment.get(variable.name, ""))
            sentence = format_lazy(
                _("{name} cannot be “{value}”."), name=variable.name, value=value
            )
        self.problems.append(Problem(sentence, _allowed(allowed or variable.allowed)))

    def unknown(self) -> list[Unknown]:
        names = [variable.name for variable in VARIABLES]
        ours = (name for name in self._environment if name.startswith(PREFIX))
        return [
            Unknown(name, next(iter(difflib.get_close_matches(name, names, n=1)), None))
            for name in sorted(set(ours) - set(names))
        ]


def with_dotenv(environment: Mapping[str, str], path: Path) -> dict[str, str]:
    """The environment, and under it what the file `.env` says, if there is one.

    Raises ValueError if the file cannot be read.
    """
    merged = dict(environment)
    try:
        path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return merged
    except OSError as error:
        raise ValueError(error.strerror) from error
    dotenv: Any = type("Dotenv", (environ.Env,), {"ENVIRON": merged})
    dotenv.read_env(path)
    return merged


def from_systemd(environment: Mapping[str, str], pid: int) -> tuple[str, float]:
    """Where systemd waits for word of the process `pid`, and every how many seconds it wants a
    sign of life (0: never).

    sd_notify(3) and sd_watchdog_enabled(3). Not in `VARIABLES`: systemd sets them, no person.
    """
    address = environment.get("NOTIFY_SOCKET", "")
    if environment.get("WATCHDOG_PID", str(pid)) != str(pid):
        return address, 0.0
    with suppress(ValueError):
        return address, parsers.whole(0, 10**15)(environment.get("WATCHDOG_USEC", "0")) / 1e6
    return address, 0.0


def from_sudo(environment: Mapping[str, str], uid: int) -> str:
    """Who called this process through sudo; empty without it.

    Believed of the superuser's processes only, as anybody may set that variable for their own.
    Not in `VARIABLES`: sudo sets it, no person.
    """
    return environment.get("SUDO_USER", "") if uid == 0 else ""


def _whole(
    name: str, default: int, least: int, most: int, help: str, shown: str = ""
) -> Variable[int]:
    allowed = format_lazy(_("a whole number from {least} to {most}"), least=least, most=most)
    parse = parsers.whole(least, most)
    return Variable(name, parse, default, shown or f"`{default}`", allowed, help)


def _number(name: str, default: float, least: float, most: float, help: str) -> Variable[float]:
    allowed = format_lazy(_("a number from {least} to {most}"), least=least, most=most)
    return Variable(name, parsers.number(least, most), default, f"`{default:g}`", allowed, help)


def _boolean(name: str, default: bool, help: str) -> Variable[bool]:
    shown = f"`{str(default).lower()}`"
    return Variable(name, parsers.boolean, default, shown, _("true or false"), help)


def _choice(
    name: str, default: str, choices: Sequence[str], help: str, shown: str = ""
) -> Variable[str]:
    allowed = format_lazy(_("one of {choices}"), choices=", ".join(choices))
    parse = parsers.choice(choices)
    return Variable(name, parse, default, shown or f"`{default}`", allowed, help)


def _allowed(what: LazyText) -> LazyText:
    return format_lazy(_("Allowed: {what}."), what=what)


def _shortened(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:100]}…"


_POSTGRES_URL = _("postgres://user:password@host:5432/name (special characters as %-codes)")
_DEFAULTS = SchedulerSettings()

ENV_FILE = Variable(
    "SCHEDCORE_ENV_FILE",
    parsers.path,
    parsers.ROOT / ".env",
    "`.env`",
    _("a path"),
    "File with more of these variables; the real environment wins over it.",
)
ENV = _choice(
    "SCHEDCORE_ENV",
    DEVELOPMENT,
    (DEVELOPMENT, PRODUCTION),
    "Production requires the keys and the hosts below, and expects HTTPS.",
)
VAR_DIR = Variable(
    "SCHEDCORE_VAR_DIR",
    parsers.path,
    parsers.ROOT / "var",
    "`var`",
    _("a folder that can be written"),
    "Where the SQLite database and development's keys are kept.",
)
SECRET_KEY = Variable(
    "SCHEDCORE_SECRET_KEY",
    parsers.secret_key,
    "",
    "development: made and kept in `var`; production: required",
    _("at least 50 random characters"),
    "Signs sessions and forms.",
    is_secret=True,
)
CREDENTIALS_KEY: Variable[tuple[str, ...]] = Variable(
    "SCHEDCORE_CREDENTIALS_KEY",
    parsers.fernet_keys,
    (),
    "development: made and kept in `var`; production: required",
    _("Fernet keys (32 bytes in URL-safe base64), the newest first, with commas between"),
    "Encrypts the passwords of instances and the addresses of alert channels. To change it, put "
    "a new key before the old one.",
    is_secret=True,
)
DATABASE_URL: Variable[dict[str, Any]] = Variable(
    "DATABASE_URL",
    parsers.database,
    {},
    "SQLite in `var`",
    format_lazy(_("{postgres}, or sqlite:///path"), postgres=_POSTGRES_URL),
    "The database of schedcore itself.",
    is_secret=True,
)
DB_POOL_MIN = _whole(
    "SCHEDCORE_DB_POOL_MIN", 1, 0, 1000, "PostgreSQL: connections that each process keeps open."
)
DB_POOL_MAX = _whole(
    "SCHEDCORE_DB_POOL_MAX",
    0,
    2,
    1000,
    "PostgreSQL: the most connections in the pool of one process. A scheduler has two besides, "
    "for its loop and for LISTEN, and each of its `SCHEDCORE_MAX_PROCESSES` one.",
    shown="`SCHEDCORE_MAX_WORKERS` + 5",
)
DB_POOL_TIMEOUT = _number(
    "SCHEDCORE_DB_POOL_TIMEOUT", 10.0, 0.1, 600, "PostgreSQL: seconds to wait for a free one."
)
LISTEN_URL = Variable(
    "SCHEDCORE_LISTEN_URL",
    parsers.postgres_url,
    _DEFAULTS.listen_url,
    "`DATABASE_URL`",
    _POSTGRES_URL,
    "A direct address of the same database, where `DATABASE_URL` leads to a pooler.",
    is_secret=True,
)
ALLOWED_HOSTS: Variable[tuple[str, ...]] = Variable(
    "SCHEDCORE_ALLOWED_HOSTS",
    parsers.hosts,
    ("127.0.0.1", "localhost", "[::1]"),
    "development: `127.0.0.1,localhost,[::1]`; production: required",
    _("host names without port, with commas between"),
    "Names under which the site is reached.",
)
CSRF_TRUSTED_ORIGINS: Variable[tuple[str, ...]] = Variable(
    "SCHEDCORE_CSRF_TRUSTED_ORIGINS",
    parsers.origins,
    (),
    "none",
    _("origins such as https://jobs.example.org, with commas between"),
    "Further origins whose forms are accepted, as behind some proxies.",
)
SECURE_SSL_REDIRECT = _boolean(
    "SCHEDCORE_SECURE_SSL_REDIRECT", True, "Production: send http to https."
)
HSTS_SECONDS = _whole(
    "SCHEDCORE_HSTS_SECONDS",
    3600,
    0,
    63072000,
    "Production: how long browsers insist on https.",
)
TRUST_PROXY = _boolean(
    "SCHEDCORE_TRUST_PROXY",
    False,
    "Believe X-Forwarded-Proto, X-Request-ID, and the last address of X-Forwarded-For. Only behind "
    "a proxy that always sets or removes them.",
)
SESSION_HOURS = _whole(
    "SCHEDCORE_SESSION_HOURS", 12, 1, 8760, "Hours after which who is logged in must log in again."
)
LOGIN_ATTEMPTS = _whole(
    "SCHEDCORE_LOGIN_ATTEMPTS",
    20,
    1,
    1000,
    "Failed logins from one address after which it is locked; an account is after 10 times as "
    "many, from wherever they came.",
)
LOGIN_LOCK_MINUTES = _whole(
    "SCHEDCORE_LOGIN_LOCK_MINUTES",
    10,
    1,
    1440,
    "Minutes until a locked account or address may try again.",
)
API_RATE = _whole(
    "SCHEDCORE_API_RATE",
    _DEFAULTS.api_rate,
    0,
    10**6,
    "API: requests a minute of one token or user; 0 for no limit.",
)
API_ANONYMOUS_RATE = _whole(
    "SCHEDCORE_API_ANONYMOUS_RATE",
    _DEFAULTS.api_anonymous_rate,
    0,
    10**6,
    "API: requests a minute from one address without a login; 0 for no limit.",
)
API_FAILED_LOGINS = _whole(
    "SCHEDCORE_API_FAILED_LOGINS",
    _DEFAULTS.api_failed_logins,
    0,
    10**6,
    "API: requests a minute from one address with a token that is not valid; 0 for no limit.",
)
CACHE_URL = Variable(
    "SCHEDCORE_CACHE_URL",
    parsers.redis_url,
    "",
    "each web process for itself",
    _("redis://user:password@host:6379/0 (special characters as %-codes)"),
    "A Redis server in which all web processes together count the requests of those limits. "
    "While it does not answer, requests are not limited.",
    is_secret=True,
)
METRICS_NETWORKS: Variable[tuple[Network, ...]] = Variable(
    "SCHEDCORE_METRICS_NETWORKS",
    parsers.networks,
    (),
    "none",
    _("addresses and networks such as 10.2.0.0/16, with commas between"),
    "From where `/metrics` may be read without a token, by whoever asks the web server itself "
    "and not through a proxy.",
)
METRICS_PER_JOB = _boolean(
    "SCHEDCORE_METRICS_PER_JOB",
    _DEFAULTS.metrics_per_job,
    "Whether `/metrics` has series of each job, besides those of all together.",
)
PORT = _whole("PORT", 8000, 1, 65535, "Port of the web server that `make run` starts.")
TIME_ZONE = Variable(
    "SCHEDCORE_TIME_ZONE",
    parsers.time_zone,
    "UTC",
    "the host's, else `UTC`",
    _("a time zone of the IANA database, such as Europe/Berlin"),
    "Zone of jobs that name none, and of every time shown.",
)
LANGUAGE_CODE = Variable(
    "SCHEDCORE_LANGUAGE_CODE",
    parsers.language,
    "en",
    "`en`",
    _("a language that Django knows, such as en or zh-hans"),
    "Language for those whose browser names none.",
)
LOG_LEVEL = _choice(
    "SCHEDCORE_LOG_LEVEL",
    "INFO",
    ("DEBUG", "INFO", "WARNING", "ERROR"),
    "The least level that is logged.",
)
LOG_FORMAT = _choice(
    "SCHEDCORE_LOG_FORMAT",
    "text",
    ("json", "text"),
    "JSON, one object a line, or text for people.",
    shown="development: `text`; production: `json`",
)
MAX_WORKERS = _whole(
    "SCHEDCORE_MAX_WORKERS", _DEFAULTS.max_workers, 1, 1000, "Runs at one time in one scheduler."
)
MAX_PROCESSES = _whole(
    "SCHEDCORE_MAX_PROCESSES",
    _DEFAULTS.max_processes,
    1,
    1000,
    "Further runs at one time, of jobs whose executor is `processes`.",
)
COALESCE = _boolean(
    "SCHEDCORE_COALESCE", _DEFAULTS.coalesce, "Several late occurrences of a job become one run."
)
MAX_INSTANCES = _whole(
    "SCHEDCORE_MAX_INSTANCES", _DEFAULTS.max_instances, 1, 1000, "Runs of one job at one time."
)
MISFIRE_GRACE_TIME = _whole(
    "SCHEDCORE_MISFIRE_GRACE_TIME",
    _DEFAULTS.misfire_grace_time_s,
    0,
    31536000,
    "Seconds after which a late occurrence is missed, not run; 0 for no limit.",
)
TIMEOUT = _whole(
    "SCHEDCORE_TIMEOUT",
    _DEFAULTS.timeout_s,
    0,
    31536000,
    "Seconds that a run may take; 0 for no limit.",
)
MAX_RETRIES = _whole(
    "SCHEDCORE_MAX_RETRIES",
    _DEFAULTS.max_retries,
    0,
    100,
    "How often a run that failed or timed out is tried again.",
)
RETRY_DELAY = _whole(
    "SCHEDCORE_RETRY_DELAY", _DEFAULTS.retry_delay_s, 0, 31536000, "Seconds until the first retry."
)
RETRY_BACKOFF = _number(
    "SCHEDCORE_RETRY_BACKOFF",
    _DEFAULTS.retry_backoff,
    1,
    10,
    "The delay before each further retry is that many times the one before.",
)
LEASE_TTL = _number(
    "SCHEDCORE_LEASE_TTL",
    _DEFAULTS.lease_ttl_s,
    2,
    600,
    "Seconds of silence after which another scheduler takes over.",
)
POLL_INTERVAL = _number(
    "SCHEDCORE_POLL_INTERVAL",
    _DEFAULTS.poll_interval_s,
    0.1,
    60,
    "Seconds between two looks for changes, where the database cannot notify.",
)
SHUTDOWN_GRACE = _number(
    "SCHEDCORE_SHUTDOWN_GRACE",
    _DEFAULTS.shutdown_grace_s,
    0,
    3600,
    "Seconds that runs get to end when the scheduler stops.",
)
RETENTION_DAYS = _whole(
    "SCHEDCORE_RETENTION_DAYS",
    _DEFAULTS.retention_days,
    1,
    36500,
    "Days for which history is kept.",
)
RUN_LOG_LINES = _whole(
    "SCHEDCORE_RUN_LOG_LINES",
    _DEFAULTS.run_log_lines,
    1,
    1000000,
    "Lines that are kept of the log of one run; what is cut is said.",
)
RUN_LOG_BYTES = _whole(
    "SCHEDCORE_RUN_LOG_BYTES",
    _DEFAULTS.run_log_bytes,
    1000,
    100000000,
    "Bytes that are kept of the log of one run.",
)
TASKS_FILE = Variable(
    "SCHEDCORE_TASKS_FILE",
    parsers.path,
    DEFAULT_TASKS_FILE,
    "`jobs/fixtures/scheduler_tasks.yaml`",
    _("a path"),
    "The jobs that are loaded at the start.",
)
BASE_URL = Variable(
    "SCHEDCORE_BASE_URL",
    parsers.base_url,
    _DEFAULTS.base_url,
    "messages have no links",
    _("an address such as https://jobs.example.org"),
    "Where people reach the site: for the links in alerts.",
)
HEARTBEAT_URL = Variable(
    "SCHEDCORE_HEARTBEAT_URL",
    parsers.http_url,
    _DEFAULTS.heartbeat_url,
    "none is called",
    _("an address that begins with http:// or https://"),
    "Called while the scheduler is healthy, so that a service outside notices when it is not.",
    is_secret=True,
)
HEARTBEAT_INTERVAL = _whole(
    "SCHEDCORE_HEARTBEAT_INTERVAL",
    _DEFAULTS.heartbeat_interval_s,
    5,
    86400,
    "Seconds between two such calls.",
)
INSTANCE_HOSTS: Variable[tuple[str, ...]] = Variable(
    "SCHEDCORE_INSTANCE_HOSTS",
    parsers.instance_hosts,
    (),
    "any",
    _("host names (* for a part of one) and networks such as 10.2.0.0/16, with commas between"),
    "Hosts that an instance may be on.",
)
SQLITE_FOLDERS: Variable[tuple[Path, ...]] = Variable(
    "SCHEDCORE_SQLITE_FOLDERS",
    parsers.folders,
    (),
    "`SCHEDCORE_VAR_DIR`",
    _("folders that exist, with commas between"),
    "Folders below which the file of an SQLite instance may lie.",
)

VARIABLES: list[Variable[Any]] = [
    found for found in list(globals().values()) if isinstance(found, Variable)
]
"""All of the above, in that order."""
