"""Alert rules: list, create, show, change, delete, preview."""

from __future__ import annotations

from typing import Any, TypedDict

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.request import Request

from jobs.alerts.preview import preview
from jobs.api import filters
from jobs.api.endpoint import Endpoint
from jobs.api.envelope import Answer
from jobs.api.filters import Filters
from jobs.api.row import CREATED, RowDetail, RowList, RowView
from jobs.api.shown import Shown
from jobs.api.strict import Choice, Flag, Strict, Text, Whole
from jobs.api.view import ApiView
from jobs.control import alert_rule as control
from jobs.control.alert import AlertExists, TooMany
from jobs.control.alert_channel import MAX_CHANNELS
from jobs.executions.database import database_now
from jobs.models import AlertRule, Kind
from jobs.models.alert import MAX_DURATION_S, MAX_THRESHOLD, MIN_DURATION_S, NAME_LENGTH


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


class RulePreviewData(TypedDict):
    """`matches` jobs, of which `job_ids` has the first 20; and a made-up message."""

    matches: int
    job_ids: list[str]
    subject: str
    body: str


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
        max_length=MAX_CHANNELS,
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
        max_length=MAX_CHANNELS,
        help_text=gettext_lazy("Their names."),
    )


class RuleFilters(Filters):
    name = filters.Text("name", max_length=NAME_LENGTH)
    kind = filters.Words("kind", Kind.values)
    is_enabled = filters.YesNo("is_enabled")


class RuleScoped(RowView):
    model, noun, shown = AlertRule, "rule", RuleSerializer

    def rows(self) -> QuerySet[Any]:
        return AlertRule.objects.prefetch_related("channels")


class RuleList(RuleScoped, RowList):
    """List the rules by which alerts are told."""

    rights = {"GET": "manage_job", "POST": "manage_job"}
    filterset = RuleFilters

    @CREATED.but(action="rule.create", body=NewRuleBody, raises=(AlertExists, TooMany))
    def post(self, request: Request) -> Answer:
        """Add a rule: which jobs, what is wrong with them, and which channels are told."""
        rule = control.create(self.body(), actor=self.actor)
        message = _("The rule “%(name)s” is created.") % {"name": rule.name}
        return self.created(rule, message, reverse("scheduler:alert_rule", args=[rule.pk]))


class RuleDetail(RuleScoped, RowDetail):
    """Show a rule."""

    rights = {"GET": "manage_job", "PATCH": "manage_job", "DELETE": "manage_job"}

    @Endpoint(action="rule.change", body=RuleBody, shows="shown", raises=(AlertExists,))
    def patch(self, request: Request, pk: str) -> Answer:
        """Change fields of a rule; those that are absent stay as they are."""
        self.row(pk)
        rule = control.change(int(pk), self.body(), actor=self.actor)
        message = _("The rule “%(name)s” is changed.") % {"name": rule.name}
        return Answer(self.shown(rule).data, message)

    @Endpoint(action="rule.delete")
    def delete(self, request: Request, pk: str) -> Answer:
        """Delete a rule. What it found stays."""
        rule = self.row(pk)
        self.body()
        control.delete(rule.pk, actor=self.actor)
        return Answer(None, _("The rule “%(name)s” is deleted.") % {"name": rule.name})


class RulePreview(ApiView):
    rights = {"POST": "manage_job"}

    @Endpoint(body=NewRuleBody, shows=RulePreviewData)
    def post(self, request: Request) -> Answer:
        """Tell which jobs a rule would be about and what it would say; nothing is saved."""
        cleaned, _channels = control.clean(self.body())
        found = preview(AlertRule(**cleaned), database_now())
        shown: RulePreviewData = {
            "matches": found.matches,
            "job_ids": found.job_ids,
            "subject": found.text.subject,
            "body": found.text.body,
        }
        return Answer(shown)
