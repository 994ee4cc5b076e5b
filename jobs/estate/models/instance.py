"""`DatabaseInstance`: a database server, or database file, that is looked after."""

from __future__ import annotations

from datetime import tzinfo
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import OuterRef, Q, Subquery, Sum
from django.utils import timezone as django_timezone
from django.utils.translation import gettext_lazy as _

from jobs import cipher
from jobs.conf import conf
from jobs.errors import Conflict
from jobs.estate.adapters.base import Adapter, ConnectionTarget
from jobs.estate.adapters.errors import FolderNotPermitted, HostNotPermitted
from jobs.estate.adapters.hosts import require_permitted
from jobs.estate.adapters.registry import UnknownEngine, all_adapters, get_adapter
from jobs.estate.adapters.sqlite import permitted_path

MAX_TIMEOUT_S = 3600


class TlsMode(models.TextChoices):
    """libpq's words; other engines' adapters translate them."""

    DISABLE = "disable", _("off")
    PREFER = "prefer", _("if the server offers it")
    REQUIRE = "require", _("required, certificate not checked")
    VERIFY_CA = "verify-ca", _("required, certificate checked")
    VERIFY_FULL = "verify-full", _("required, certificate and host name checked")


def engine_choices() -> list[tuple[str, str]]:
    return [(adapter.engine, adapter.label) for adapter in all_adapters()]


def validate_tags(value: Any) -> None:
    if not isinstance(value, list) or not all(isinstance(tag, str) and tag for tag in value):
        raise ValidationError(_('Enter a list of words, as in ["production", "berlin"].'))


@cache
def known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def validate_zone(value: str) -> None:
    if value not in known_zones():
        raise ValidationError(_("There is no time zone of this name; enter one as Europe/Berlin."))


class DatabaseInstanceQuerySet(models.QuerySet["DatabaseInstance"]):
    def active(self) -> DatabaseInstanceQuerySet:
        return self.filter(is_active=True)

    def with_latest_total(self) -> DatabaseInstanceQuerySet:
        """Annotate `latest_total`: bytes, the newest snapshots of its present databases together.

        None when there is none. One statement for all rows.
        """
        from jobs.estate.models.database import Database
        from jobs.estate.models.snapshot import DatabaseSizeSnapshot

        newest = DatabaseSizeSnapshot.objects.filter(database=OuterRef("pk")).order_by("-day")
        totals = (
            Database.objects.present()
            .filter(instance=OuterRef("pk"))
            .order_by()
            .values("instance")
            .annotate(bytes=Sum(Subquery(newest.values("total_bytes")[:1])))
            .values("bytes")
        )
        return self.annotate(
            latest_total=Subquery(totals, output_field=models.BigIntegerField(null=True))
        )


class NoChanges(Conflict):
    """Partitions of the instance are not to be changed from here."""

    code = "no_change_credential"

    def __init__(self, name: str) -> None:
        super().__init__(
            _("“%(name)s” has no user for changes, so nothing is changed on it.") % {"name": name}
        )


class DatabaseInstance(models.Model):
    """How to reach it, and for how long to wait. The password is stored encrypted."""

    name = models.CharField(
        _("name"),
        max_length=100,
        unique=True,
        help_text=_("What you call it; up to 100 characters."),
    )
    engine = models.CharField(_("engine"), max_length=30, choices=engine_choices)
    host = models.CharField(
        _("host"),
        max_length=255,
        blank=True,
        validators=[RegexValidator(r"\A[^\s,]+\Z", _("Enter one host, without spaces or commas."))],
    )
    port = models.PositiveIntegerField(
        _("port"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(65535)],
    )
    username = models.CharField(_("user"), max_length=100, blank=True)
    password_encrypted = models.TextField(blank=True, default="", editable=False)
    database = models.CharField(
        _("maintenance database or file"),
        max_length=1000,
        blank=True,
        help_text=_(
            "The database to log in to; empty for the engine's default. "
            "For SQLite the full path of the file."
        ),
    )
    tls_mode = models.CharField(
        _("TLS"), max_length=12, choices=TlsMode.choices, default=TlsMode.PREFER
    )
    ca = models.TextField(
        _("CA certificates"),
        blank=True,
        help_text=_("PEM text that the server's certificate is checked against."),
    )
    connect_timeout_s = models.PositiveIntegerField(
        _("connect timeout (s)"),
        default=5,
        validators=[MinValueValidator(2), MaxValueValidator(MAX_TIMEOUT_S)],
    )
    statement_timeout_s = models.PositiveIntegerField(
        _("statement timeout (s)"),
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_TIMEOUT_S)],
        help_text=_("For all statements of one visit together."),
    )
    timezone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        validators=[validate_zone],
        help_text=_("Whose days count for its snapshots; empty for this server's own."),
    )
    size_limit_bytes = models.PositiveBigIntegerField(
        _("size limit (bytes)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("For the forecast of the day on which it is reached."),
    )
    change_username = models.CharField(
        _("user for changes"),
        max_length=100,
        blank=True,
        help_text=_("Who may create and detach partitions; empty to change nothing there."),
    )
    change_password_encrypted = models.TextField(blank=True, default="", editable=False)
    tags = models.JSONField(_("tags"), default=list, blank=True, validators=[validate_tags])
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Only active instances are synced.")
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = DatabaseInstanceQuerySet.as_manager()

    class Meta:
        verbose_name = _("instance")
        verbose_name_plural = _("instances")
        ordering = ("name",)
        default_permissions = ("view",)
        permissions = (("manage_databaseinstance", _("Can manage instances")),)
        constraints = (
            models.CheckConstraint(condition=~Q(name=""), name="instance_name_not_empty"),
            models.CheckConstraint(
                condition=Q(port__isnull=True) | Q(port__range=(1, 65535)),
                name="instance_port_in_range",
            ),
            # A timeout of 0 would mean "for ever" to most drivers.
            models.CheckConstraint(
                condition=Q(connect_timeout_s__gt=0, statement_timeout_s__gt=0),
                name="instance_timeouts_positive",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def password(self) -> str:
        """In the clear. Raises SchedulerError when no key can read it."""
        return cipher.decrypt(self.password_encrypted)

    def set_password(self, text: str) -> None:
        """Encrypt it onto this row, which is yet to be saved. Raises SchedulerError."""
        self.password_encrypted = cipher.encrypt(text)

    @property
    def has_password(self) -> bool:
        return bool(self.password_encrypted)

    @property
    def zone(self) -> tzinfo:
        """Whose days count; this server's own where the instance's is not known here."""
        if self.timezone in known_zones():
            return ZoneInfo(self.timezone)
        return django_timezone.get_default_timezone()

    def set_change_password(self, text: str) -> None:
        """The same as `set_password`, for the credential that may change partitions."""
        self.change_password_encrypted = cipher.encrypt(text)

    @property
    def may_be_changed(self) -> bool:
        return bool(self.change_username)

    def target(self) -> ConnectionTarget:
        """What an adapter needs to read. Raises SchedulerError (password not readable, engine
        gone, host not permitted)."""
        return self._target(self.username, self.password_encrypted)

    def change_target(self) -> ConnectionTarget:
        """The same to change partitions; raises NoChanges too, where no credential is given."""
        if not self.may_be_changed:
            raise NoChanges(self.name)
        return self._target(self.change_username, self.change_password_encrypted)

    def _target(self, username: str, password_encrypted: str) -> ConnectionTarget:
        adapter = get_adapter(self.engine)
        if not adapter.is_file:
            require_permitted(self.host, conf().instance_hosts)
        return ConnectionTarget(
            engine=self.engine,
            database=self.database or adapter.default_database,
            host=self.host,
            port=self.port,
            username=username,
            password=cipher.decrypt(password_encrypted),
            tls_mode=self.tls_mode,
            ca=self.ca,
            connect_timeout_s=self.connect_timeout_s,
            statement_timeout_s=self.statement_timeout_s,
            folders=conf().sqlite_folders,
        )

    def clean(self) -> None:
        try:
            adapter = get_adapter(self.engine)
        except UnknownEngine as error:
            raise ValidationError(error.errors) from None
        errors = self._file_errors() if adapter.is_file else self._server_errors(adapter)
        if errors:
            raise ValidationError(errors)

    def _file_errors(self) -> dict[str, Any]:
        errors: dict[str, Any] = {
            field: _("A file has none; leave this empty.")
            for field in ("host", "port", "username", "change_username")
            if getattr(self, field)
        }
        try:
            permitted_path(self.database, conf().sqlite_folders)
        except FolderNotPermitted as error:
            errors["database"] = error.message
        return errors

    def _server_errors(self, adapter: Adapter) -> dict[str, Any]:
        errors: dict[str, Any] = {
            field: _("%(engine)s needs this.") % {"engine": adapter.label}
            for field in ("host", "port", "username")
            if not getattr(self, field)
        }
        try:
            require_permitted(self.host, conf().instance_hosts)
        except HostNotPermitted as error:
            errors["host"] = error.message
        if self.tls_mode == TlsMode.VERIFY_CA and not self.ca.strip():
            errors["ca"] = _("Without CA certificates there is nothing to check against.")
        return errors
