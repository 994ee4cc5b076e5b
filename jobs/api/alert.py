"""Alerts: channels and rules are kept; what went wrong and what was told is listed."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, ClassVar, TypedDict

from django.db.models import Model, QuerySet
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request

from jobs.alerts.preview import preview
from jobs.api import filters
from jobs.api.endpoint import Endpoint
from jobs.api.envelope import Answer
from jobs.api.filters import Filters
from jobs.api.page import KeysetMeta
from jobs.api.paging import page_of
from jobs.api.permissions import OnAnyJob
from jobs.api.shown import Moment, Shown
from jobs.api.strict import Choice, Flag, Strict, Text, Whole
from jobs.api.view import ApiView, Listing
from jobs.control import alert_channel as channels
from jobs.control import alert_rule as rules
from jobs.control.alert import AlertExists, TooMany
from jobs.errors import SchedulerError
from jobs.executions.database import database_now
from jobs.models import AlertChannel, AlertIncident, AlertMessage, AlertRule, Kind
from jobs.models.alert import MAX_DURATION_S, MAX_THRESHOLD, MIN_DURATION_S, NAME_LENGTH

STATES = ("open", "closed")


class ChannelSerializer(Shown):
    """`address` is what is left of it without secrets. `last_error` is empty if the last message
    was delivered."""

    model = AlertChannel

    id = serializers.IntegerField()
    name = serializers.CharField()
    address = serializers.CharField(source="shown")
    is_enabled = serializers.BooleanField()
    last_sent_at = Moment()
    last_error = serializers.CharField()
    last_error_at = Moment()


class RuleSerializer(Shown):
    """`channels` are their names; `duration_s` is null for all but the two kinds that need it."""

    model = AlertRule

    id = serializers.IntegerField()
    name = serializers.CharField()
    pattern = serializers.CharField()
    kind = serializers.CharField()
    threshold = serializers.IntegerField()
    duration_s = serializers.IntegerField()
    channels = serializers.SerializerMethodField()
    tells_recovery = serializers.BooleanField()
    is_enabled = serializers.BooleanField()

    def get_channels(self, rule: AlertRule) -> list[str]:
        return [channel.name for channel in rule.channels.all()]


class IncidentSerializer(Shown):
    """`count` verdicts in a row, the last of which is `execution_id`; null of a job that had no
    success. `closed_at` is null while it is open."""

    model = AlertIncident

    id = serializers.IntegerField()
    rule = serializers.CharField(source="rule_name")
    kind = serializers.CharField()
    job_id = serializers.CharField()
    job_name = serializers.CharField()
    began_at = Moment()
    last_at = Moment()
    opened_at = Moment()
    closed_at = Moment()
    count = serializers.IntegerField()
    execution_id = serializers.IntegerField()


class MessageSerializer(Shown):
    """It waits while neither `sent_at` nor `gave_up_at` is set. `notices` are the incidents that
    it tells of."""

    model = AlertMessage

    id = serializers.IntegerField()
    channel = serializers.CharField(source="channel_name")
    subject = serializers.CharField()
    body = serializers.CharField()
    notices = serializers.IntegerField()
    attempts = serializers.IntegerField()
    created_at = Moment()
    sent_at = Moment()
    gave_up_at = Moment()
    error = serializers.CharField()


class TestData(TypedDict):
    """`error` is empty if the channel has taken the message."""

    is_sent: bool
    error: str


class RulePreviewData(TypedDict):
    """`matches` jobs, of which `job_ids` has the first 20; and a made-up message."""

    matches: int
    job_ids: list[str]
    subject: str
    body: str


ADDRESS_HELP = gettext_lazy("As apprise reads it. It is encrypted, and never shown.")


class ChannelBody(Strict):
    """What is absent stays as it is."""

    name = Text(required=False, max_length=NAME_LENGTH)
    url = Text(required=False, max_length=channels.MAX_URL, help_text=ADDRESS_HELP)
    is_enabled = Flag(required=False)


class NewChannelBody(ChannelBody):
    """A channel is enabled unless it says otherwise."""

    name = Text(max_length=NAME_LENGTH)
    url = Text(max_length=channels.MAX_URL, help_text=ADDRESS_HELP)


class RuleBody(Strict):
    """What is absent stays as it is. `duration_s` is for `running_long` and `no_success` alone,
    which need it."""

    name = Text(required=False, max_length=NAME_LENGTH)
    pattern = Text(
        required=False,
        max_length=100,
        help_text=gettext_lazy("The id of a job, or a pattern of ids such as etl-*."),
    )
    kind = Choice(Kind.values, required=False)
    threshold = Whole(required=False, min_value=1, max_value=MAX_THRESHOLD)
    duration_s = Whole(
        required=False, allow_null=True, min_value=MIN_DURATION_S, max_value=MAX_DURATION_S
    )
    channels = serializers.ListField(
        child=Text(max_length=NAME_LENGTH),
        required=False,
        min_length=1,
        max_length=channels.MAX_CHANNELS,
        help_text=gettext_lazy("Their names."),
    )
    tells_recovery = Flag(required=False)
    is_enabled = Flag(required=False)


class NewRuleBody(RuleBody):
    """What is absent: all jobs, any trouble, the first time, and the recovery too."""

    name = Text(max_length=NAME_LENGTH)
    channels = serializers.ListField(
        child=Text(max_length=NAME_LENGTH),
        min_length=1,
        max_length=channels.MAX_CHANNELS,
        help_text=gettext_lazy("Their names."),
    )


class ChannelFilters(Filters):
    name = filters.Text("name", max_length=NAME_LENGTH)
    is_enabled = filters.YesNo("is_enabled")


class RuleFilters(Filters):
    name = filters.Text("name", max_length=NAME_LENGTH)
    kind = filters.Words("kind", Kind.values)
    is_enabled = filters.YesNo("is_enabled")


class IncidentFilters(Filters):
    job = filters.Text("job_id", max_length=100, help_text=gettext_lazy("The id of the job."))
    kind = filters.Words("kind", Kind.values)
    is_over = filters.YesNo("closed_at", method="of_state")

    def of_state(self, rows: QuerySet[Any], _name: str, is_over: bool) -> QuerySet[Any]:
        return rows.filter(closed_at__isnull=not is_over)


class MessageFilters(Filters):
    channel = filters.Text("channel_name", max_length=NAME_LENGTH)
    since = filters.Moment("created_at", "gte", help_text=gettext_lazy("Then or later."))
    until = filters.Moment("created_at", "lte", help_text=gettext_lazy("Then or earlier."))


class AlertView(ApiView):
    """For who manages all jobs, but for incidents."""

    model: ClassVar[type[Model]]
    shown: ClassVar[type[Shown]]
    noun: ClassVar[str]
    not_found: SchedulerError
    rights = {"GET": "manage_job"}

    def rows(self) -> QuerySet[Any]:
        return self.model._default_manager.all()

    def row(self, pk: str) -> Any:
        """The row of the path; raises what says that there is none."""
        found = self.rows().filter(pk=pk).first()
        if found is None:
            sentence = _("There is no %(what)s %(id)s.") % {"what": self.what, "id": pk}
            raise type(self.not_found)(sentence)
        return found

    @property
    def what(self) -> str:
        return str(self.model._meta.verbose_name)

    def asked_about(self) -> tuple[str, str]:
        return "", " ".join([self.noun, self.kwargs.get("pk", "")]).strip()


class AlertList(AlertView, Listing):
    @Endpoint(query="paging", filters="filterset", shows=["shown"], meta=KeysetMeta)
    def get(self, request: Request) -> Answer:
        rows, query = self.filtered(self.rows())
        page, meta = page_of(rows, query)
        return Answer(self.shown(page, many=True).data, meta=meta)


class ChannelScoped(AlertView):
    model, noun, shown = AlertChannel, "channel", ChannelSerializer
    not_found = channels.ChannelNotFound(_("There is no alert channel 7."))


class ChannelList(ChannelScoped, AlertList):
    """List the channels that alerts are told by."""

    rights = {"GET": "manage_job", "POST": "manage_job"}
    filterset = ChannelFilters

    @Endpoint(
        action="channel.create",
        body=NewChannelBody,
        shows="shown",
        status=HTTPStatus.CREATED,
        answer_headers=("Location",),
        raises=(AlertExists, TooMany),
    )
    @method_decorator(sensitive_variables())
    def post(self, request: Request) -> Answer:
        """Add a channel. Its address is encrypted, and is never shown."""
        channel = channels.create(self.body(), actor=self.actor)
        return Answer(
            self.shown(channel).data,
            _("The channel “%(name)s” is created.") % {"name": channel.name},
            status=HTTPStatus.CREATED,
            headers={"Location": reverse("scheduler:alert_channel", args=[channel.pk])},
        )


class ChannelDetail(ChannelScoped):
    """Show a channel."""

    rights = {"GET": "manage_job", "PATCH": "manage_job", "DELETE": "manage_job"}

    @Endpoint(shows="shown")
    def get(self, request: Request, pk: str) -> Answer:
        self.query()
        return Answer(self.shown(self.row(pk)).data)

    @Endpoint(action="channel.change", body=ChannelBody, shows="shown", raises=(AlertExists,))
    @method_decorator(sensitive_variables())
    def patch(self, request: Request, pk: str) -> Answer:
        """Change fields of a channel; those that are absent stay as they are."""
        self.row(pk)
        channel = channels.change(int(pk), self.body(), actor=self.actor)
        message = _("The channel “%(name)s” is changed.") % {"name": channel.name}
        return Answer(self.shown(channel).data, message)

    @Endpoint(action="channel.delete", raises=(channels.ChannelInUse,))
    def delete(self, request: Request, pk: str) -> Answer:
        """Delete a channel that no rule uses. What it was told stays."""
        channel = self.row(pk)
        self.body()
        channels.delete(channel.pk, actor=self.actor)
        return Answer(None, _("The channel “%(name)s” is deleted.") % {"name": channel.name})


class ChannelTest(ChannelScoped):
    rights = {"POST": "manage_job"}

    @Endpoint(action="channel.test", shows=TestData)
    def post(self, request: Request, pk: str) -> Answer:
        """Send a test by a channel, and wait for its answer, up to 20 seconds."""
        channel = self.row(pk)
        self.body()
        error = channels.send_test(channel.pk, actor=self.actor)
        found: TestData = {"is_sent": not error, "error": error}
        name = {"name": channel.name, "error": error}
        sent = _("The test was sent to “%(name)s”; see whether it has come.") % name
        failed = _("The test did not reach “%(name)s”: %(error)s") % name
        return Answer(found, failed if error else sent)


class RuleScoped(AlertView):
    model, noun, shown = AlertRule, "rule", RuleSerializer
    not_found = rules.RuleNotFound(_("There is no alert rule 7."))

    def rows(self) -> QuerySet[Any]:
        return AlertRule.objects.prefetch_related("channels")


class RuleList(RuleScoped, AlertList):
    """List the rules by which alerts are told."""

    rights = {"GET": "manage_job", "POST": "manage_job"}
    filterset = RuleFilters

    @Endpoint(
        action="rule.create",
        body=NewRuleBody,
        shows="shown",
        status=HTTPStatus.CREATED,
        answer_headers=("Location",),
        raises=(AlertExists, TooMany),
    )
    def post(self, request: Request) -> Answer:
        """Add a rule: which jobs, what is wrong with them, and which channels are told."""
        rule = rules.create(self.body(), actor=self.actor)
        return Answer(
            self.shown(rule).data,
            _("The rule “%(name)s” is created.") % {"name": rule.name},
            status=HTTPStatus.CREATED,
            headers={"Location": reverse("scheduler:alert_rule", args=[rule.pk])},
        )


class RuleDetail(RuleScoped):
    """Show a rule."""

    rights = {"GET": "manage_job", "PATCH": "manage_job", "DELETE": "manage_job"}

    @Endpoint(shows="shown")
    def get(self, request: Request, pk: str) -> Answer:
        self.query()
        return Answer(self.shown(self.row(pk)).data)

    @Endpoint(action="rule.change", body=RuleBody, shows="shown", raises=(AlertExists,))
    def patch(self, request: Request, pk: str) -> Answer:
        """Change fields of a rule; those that are absent stay as they are."""
        self.row(pk)
        rule = rules.change(int(pk), self.body(), actor=self.actor)
        message = _("The rule “%(name)s” is changed.") % {"name": rule.name}
        return Answer(self.shown(self.row(pk)).data, message)

    @Endpoint(action="rule.delete")
    def delete(self, request: Request, pk: str) -> Answer:
        """Delete a rule. What it found stays."""
        rule = self.row(pk)
        self.body()
        rules.delete(rule.pk, actor=self.actor)
        return Answer(None, _("The rule “%(name)s” is deleted.") % {"name": rule.name})


class RulePreview(ApiView):
    rights = {"POST": "manage_job"}

    @Endpoint(body=NewRuleBody, shows=RulePreviewData)
    def post(self, request: Request) -> Answer:
        """Tell which jobs a rule would be about and what it would say; nothing is saved."""
        cleaned, _channels = rules.clean(self.body())
        found = preview(AlertRule(**cleaned), database_now())
        shown: RulePreviewData = {
            "matches": found.matches,
            "job_ids": found.job_ids,
            "subject": found.text.subject,
            "body": found.text.body,
        }
        return Answer(shown)


class IncidentList(Listing):
    """Of the jobs that one may see."""

    permission_classes = [IsAuthenticated, OnAnyJob]
    rights = {"GET": "view_job"}
    filterset = IncidentFilters

    @Endpoint(query="paging", filters="filterset", shows=[IncidentSerializer], meta=KeysetMeta)
    def get(self, request: Request) -> Answer:
        """List what rules found wrong with jobs, the newest first."""
        rows, query = self.filtered(AlertIncident.objects.opened().visible_to(request.user))
        page, meta = page_of(rows, query)
        return Answer(IncidentSerializer(page, many=True).data, meta=meta)


class MessageList(AlertList):
    """List what channels were told, and what waits to be told, the newest first."""

    model, noun, shown = AlertMessage, "message", MessageSerializer
    filterset = MessageFilters
