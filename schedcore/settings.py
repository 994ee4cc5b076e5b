"""Settings of the project; the only place that reads the environment.

A value that cannot be used is noted in `SCHEDCORE_PROBLEMS` and its default taken, so that
all problems show at once: as system checks (`jobs.checks`) and when a process starts
(`schedcore.start`).
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from jobs.conf import SchedulerSettings
from schedcore import environment as variables
from schedcore.environment import Problem, Reader, Unknown, Variable
from schedcore.keys import kept
from schedcore.parsers import POSTGRESQL, ROOT, SQLITE, host_time_zone
from schedcore.version import VERSION

# --- The environment ----------------------------------------------------------------------

BASE_DIR = ROOT
_env = Reader(os.environ)
_env_file = _env.read(variables.ENV_FILE)
try:
    _env = Reader(variables.with_dotenv(os.environ, _env_file))
except ValueError as _error:
    _sentence = format_lazy(
        _("{file} cannot be read: {reason}."), file=str(_env_file), reason=str(_error)
    )
    _env.problems.append(Problem(_sentence, _("Make it a UTF-8 text that may be read.")))

PRODUCTION = _env.read(variables.ENV) == variables.PRODUCTION
DEBUG = not PRODUCTION
VAR = _env.read(variables.VAR_DIR)


@cache
def _ready_folder(folder: Path) -> bool:
    """Make the folder if need be; False, and a problem, where it cannot be written."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return True
    sentence = format_lazy(_("The folder {folder} cannot be written."), folder=str(folder))
    hint = _("Run schedcore as its owner, or choose another folder with SCHEDCORE_VAR_DIR.")
    _env.problems.append(Problem(sentence, hint))
    return False


def _key(variable: Variable[Any], file: str, make: Callable[[], str]) -> Any:
    """The variable; without it a key that development keeps, and production does without."""
    if PRODUCTION:
        _env.require(variable)
    if PRODUCTION or _env.has(variable):
        return _env.read(variable, default=variable.parse(make()))
    path = VAR / file
    if not path.exists() and not _ready_folder(VAR):
        return variable.parse(make())
    try:
        return variable.parse(kept(path, make))
    except ValueError:
        reason: Any = _("it holds no key; restore it from a backup")
    except OSError as error:
        reason = error.strerror
    sentence = format_lazy(
        _("The file {file} cannot be used: {reason}."), file=str(path), reason=reason
    )
    hint = format_lazy(_("Run schedcore as its owner, or set {name}."), name=variable.name)
    _env.problems.append(Problem(sentence, hint))
    return variable.parse(make())


SECRET_KEY: str = _key(variables.SECRET_KEY, "secret_key", lambda: secrets.token_urlsafe(50))
_credentials_keys: tuple[str, ...] = _key(
    variables.CREDENTIALS_KEY, "credentials_key", lambda: Fernet.generate_key().decode()
)

_notify_socket, _watchdog_s = variables.from_systemd(os.environ, os.getpid())

SCHEDCORE = SchedulerSettings(
    max_workers=_env.read(variables.MAX_WORKERS),
    max_processes=_env.read(variables.MAX_PROCESSES),
    coalesce=_env.read(variables.COALESCE),
    max_instances=_env.read(variables.MAX_INSTANCES),
    misfire_grace_time_s=_env.read(variables.MISFIRE_GRACE_TIME),
    timeout_s=_env.read(variables.TIMEOUT),
    max_retries=_env.read(variables.MAX_RETRIES),
    retry_delay_s=_env.read(variables.RETRY_DELAY),
    retry_backoff=_env.read(variables.RETRY_BACKOFF),
    lease_ttl_s=_env.read(variables.LEASE_TTL),
    poll_interval_s=_env.read(variables.POLL_INTERVAL),
    shutdown_grace_s=_env.read(variables.SHUTDOWN_GRACE),
    retention_days=_env.read(variables.RETENTION_DAYS),
    run_log_lines=_env.read(variables.RUN_LOG_LINES),
    run_log_bytes=_env.read(variables.RUN_LOG_BYTES),
    base_url=_env.read(variables.BASE_URL),
    heartbeat_url=_env.read(variables.HEARTBEAT_URL),
    heartbeat_interval_s=_env.read(variables.HEARTBEAT_INTERVAL),
    api_rate=_env.read(variables.API_RATE),
    api_anonymous_rate=_env.read(variables.API_ANONYMOUS_RATE),
    api_failed_logins=_env.read(variables.API_FAILED_LOGINS),
    metrics_networks=_env.read(variables.METRICS_NETWORKS),
    metrics_per_job=_env.read(variables.METRICS_PER_JOB),
    trust_proxy=_env.read(variables.TRUST_PROXY),
    tasks_file=_env.read(variables.TASKS_FILE),
    notify_socket=_notify_socket,
    watchdog_s=_watchdog_s,
    sudo_user=variables.from_sudo(os.environ, os.geteuid()),
    listen_url=_env.read(variables.LISTEN_URL),
    credentials_keys=_credentials_keys,
    instance_hosts=_env.read(variables.INSTANCE_HOSTS),
    sqlite_folders=_env.read(variables.SQLITE_FOLDERS, default=(VAR,)),
)

# --- Django -------------------------------------------------------------------------------

ALLOWED_HOSTS = list(_env.read(variables.ALLOWED_HOSTS))
if PRODUCTION:
    _env.require(variables.ALLOWED_HOSTS)
CSRF_TRUSTED_ORIGINS = list(_env.read(variables.CSRF_TRUSTED_ORIGINS))
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_apscheduler",
    "guardian",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "jobs",
    "jobs.estate",
    *(() if PRODUCTION else ("jobs.demo",)),
]
MIDDLEWARE = [
    "jobs.api.trace.TraceMiddleware",
    "jobs.metrics.http.HttpMetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "schedcore.headers.MoreSecurityHeaders",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "schedcore.liveness.LivenessMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "axes.middleware.AxesMiddleware",
    "jobs.admin.nul.NulMiddleware",
    "jobs.admin.refusals.RefusalMiddleware",
]
ROOT_URLCONF = "schedcore.urls"
WSGI_APPLICATION = "schedcore.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000  # a hundred rows ticked, or a long form, are far fewer
DATA_UPLOAD_MAX_NUMBER_FILES = 0
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
TIME_ZONE = _env.read(variables.TIME_ZONE, default=host_time_zone())
USE_I18N = True
LANGUAGE_CODE = _env.read(variables.LANGUAGE_CODE)

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "static_root"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "schedcore.static_files.HashedFiles"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
# Development serves the files where they lie, so that nothing has to be collected first.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not PRODUCTION

# --- The database -------------------------------------------------------------------------


def _sqlite(config: dict[str, Any]) -> dict[str, Any]:
    """Writers wait their turn from the first statement on, and a commit survives power loss."""
    _ready_folder(Path(config["NAME"]).parent)
    options = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
    # A file, since threads and processes meet in it; of this process, so that two runs of
    # the suite do not meet.
    test = {"NAME": VAR / f"test-{os.getpid()}.sqlite3"}
    return {**config, "OPTIONS": options, "TEST": test}


def _postgresql(config: dict[str, Any]) -> dict[str, Any]:
    least = _env.read(variables.DB_POOL_MIN)
    most = _env.read(variables.DB_POOL_MAX, default=max(least, SCHEDCORE.max_workers + 5))
    if least > most:
        _env.refuse(variables.DB_POOL_MIN, _("at most the value of SCHEDCORE_DB_POOL_MAX"))
        least = most
    pool = {
        "min_size": least,
        "max_size": most,
        "timeout": _env.read(variables.DB_POOL_TIMEOUT),
        # After an outage everybody is back at the same moment: its back-off grows without it
        # to minutes, and the first scheduler to return would take the others for dead.
        "reconnect_timeout": 3.0,
    }
    # A connection whose other end has gone without a word is noticed within seconds.
    keepalives = {
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
        "connect_timeout": 5,  # for each address; a server that is frozen accepts and is silent
    }
    return {
        **config,
        "OPTIONS": {**keepalives, **config.get("OPTIONS", {}), "pool": pool},
        "CONN_MAX_AGE": 0,  # the pool keeps them
        "CONN_HEALTH_CHECKS": True,  # a connection is tried before it leaves the pool
        "TEST": {"NAME": f"test_schedcore_{os.getpid()}"},
    }


_database = _env.read(variables.DATABASE_URL) or {
    "ENGINE": SQLITE,
    "NAME": VAR / "schedcore.sqlite3",
}
DATABASES = {
    "default": _postgresql(_database) if _database["ENGINE"] == POSTGRESQL else _sqlite(_database)
}

# --- The cache, in which the API counts requests -------------------------------------------

_cache_url = _env.read(variables.CACHE_URL)
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": _cache_url,
        "KEY_PREFIX": "schedcore",
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 1, "SOCKET_TIMEOUT": 1},
    }
    if _cache_url
    else {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
DJANGO_REDIS_IGNORE_EXCEPTIONS = True  # without its counter the API works on
DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = True

# --- Who may do what ----------------------------------------------------------------------

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # lets nobody in: it keeps out who is locked
    "jobs.permission_backend.PermissionBackend",
    "guardian.backends.ObjectPermissionBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
ANONYMOUS_USER_NAME = None
GUARDIAN_MONKEY_PATCH_USER = False
GUARDIAN_MONKEY_PATCH_GROUP = False
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

# Failed logins are counted in the database, so that all web processes count together.
AXES_HANDLER = "jobs.admin.login_lock.LoginLock"
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]
AXES_USERNAME_CALLABLE = "jobs.admin.login_lock.counted_name"
AXES_FAILURE_LIMIT = _env.read(variables.LOGIN_ATTEMPTS)
AXES_COOLOFF_TIME = timedelta(minutes=_env.read(variables.LOGIN_LOCK_MINUTES))
# Else whoever goes on trying could lock somebody out for ever.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
# Else an own account would be enough to try others without end.
AXES_RESET_ON_SUCCESS = False
AXES_CLIENT_IP_CALLABLE = "jobs.control.address.client_address"
AXES_LOCKOUT_CALLABLE = "jobs.admin.login.locked"
AXES_DISABLE_ACCESS_LOG = True  # the audit knows of logins
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["jobs.api.envelope.EnvelopeRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "jobs.api.envelope.exception_handler",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "schedcore",
    "VERSION": VERSION,
    "DEFAULT_GENERATOR_CLASS": "jobs.api.openapi.document.DocumentGenerator",
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enum_id_removal"],
    "SORT_OPERATION_PARAMETERS": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

SESSION_COOKIE_AGE = _env.read(variables.SESSION_HOURS) * 3600
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
_ssl_redirect = _env.read(variables.SECURE_SSL_REDIRECT)
_hsts_seconds = _env.read(variables.HSTS_SECONDS)
TRUST_PROXY = SCHEDCORE.trust_proxy
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
if PRODUCTION:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = _ssl_redirect
    SECURE_REDIRECT_EXEMPT = [r"^healthz$"]  # load balancers ask without TLS
    if SCHEDCORE.metrics_networks:
        SECURE_REDIRECT_EXEMPT += [r"^metrics$"]  # and so does Prometheus, of the server itself
    SECURE_HSTS_SECONDS = _hsts_seconds
    SILENCED_SYSTEM_CHECKS = [
        # To bind all subdomains of a domain, and to have it listed in browsers, is the
        # decision of the domain's owner, not of one site in it.
        "security.W005",
        "security.W021",
    ]

# --- Logs ---------------------------------------------------------------------------------

_log_format = _env.read(variables.LOG_FORMAT, default="json" if PRODUCTION else "text")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "schedcore.logs.JsonLines"},
        "text": {"()": "schedcore.logs.TerminalLines"},
    },
    "handlers": {"console": {"class": "schedcore.logs.StandardError", "formatter": _log_format}},
    "root": {"handlers": ["console"], "level": _env.read(variables.LOG_LEVEL)},
    "loggers": {
        # Django's own handlers go, so that every line has one shape and 500s their traceback.
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        # jobs.api.trace tells of every answer, jobs.api.fallback of what makes no sense, which
        # is no error of ours.
        "django.request": {"level": "ERROR"},
        "django.security": {"level": "CRITICAL"},
        "django.security.csrf": {"level": "WARNING"},
        # jobs.admin.login says the same with keys.
        "axes": {"level": "ERROR"},
        # jobs.runtime says the same with keys.
        "apscheduler": {"level": "WARNING"},
        # Every attempt to connect, of every connection; whoever needs one says what failed.
        "psycopg.pool": {"level": "ERROR"},
    },
}

# --- The web server that `manage.py quickstart` starts --------------------------------------

PORT = _env.read(variables.PORT)
WEB_COMMAND = (
    sys.executable,
    "-m",
    "gunicorn",
    "--config",
    "python:schedcore.webserver",
    f"--bind=127.0.0.1:{PORT}",
    "schedcore.wsgi",
)

SCHEDCORE_PROBLEMS: list[Problem] = _env.problems
SCHEDCORE_UNKNOWN: list[Unknown] = _env.unknown()
