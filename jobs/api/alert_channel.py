"""Alert channels: list, create, show, change, delete, test."""

from __future__ import annotations

from typing import TypedDict

from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables
from rest_framework import serializers
from rest_framework.request import Request

from jobs.api import filters
from jobs.api.endpoint import Endpoint
from jobs.api.envelope import Answer
from jobs.api.filters import Filters
from jobs.api.row import CREATED, RowDetail, RowList, RowView
from jobs.api.shown import Moment, Shown
from jobs.api.strict import Flag, Strict, Text
from jobs.control import alert_channel as control
from jobs.control.alert import AlertExists, TooMany
from jobs.models import AlertChannel
from jobs.models.alert import NAME_LENGTH

ADDRESS_HELP = gettext_lazy("As apprise reads it. It is encrypted, and never shown.")


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


class TestData(TypedDict):
    """`error` is empty if the channel has taken the message."""

    is_sent: bool
    error: str


class ChannelBody(Strict):
    """What is absent stays as it is."""

    name = Text(required=False, max_length=NAME_LENGTH)
    url = Text(required=False, max_length=control.MAX_URL, help_text=ADDRESS_HELP)
    is_enabled = Flag(required=False)


class NewChannelBody(ChannelBody):
    """A channel is enabled unless it says otherwise."""

    name = Text(max_length=NAME_LENGTH)
    url = Text(max_length=control.MAX_URL, help_text=ADDRESS_HELP)


class ChannelFilters(Filters):
    name = filters.Text("name", max_length=NAME_LENGTH)
    is_enabled = filters.YesNo("is_enabled")


class ChannelScoped(RowView):
    model, noun, shown = AlertChannel, "channel", ChannelSerializer


class ChannelList(ChannelScoped, RowList):
    """List the channels that alerts are told by."""

    rights = {"GET": "manage_job", "POST": "manage_job"}
    filterset = ChannelFilters

    @CREATED.but(action="channel.create", body=NewChannelBody, raises=(AlertExists, TooMany))
    @method_decorator(sensitive_variables())
    def post(self, request: Request) -> Answer:
        """Add a channel. Its address is encrypted, and is never shown."""
        channel = control.create(self.body(), actor=self.actor)
        message = _("The channel “%(name)s” is created.") % {"name": channel.name}
        return self.created(channel, message, reverse("scheduler:alert_channel", args=[channel.pk]))


class ChannelDetail(ChannelScoped, RowDetail):
    """Show a channel."""

    rights = {"GET": "manage_job", "PATCH": "manage_job", "DELETE": "manage_job"}

    @Endpoint(action="channel.change", body=ChannelBody, shows="shown", raises=(AlertExists,))
    @method_decorator(sensitive_variables())
    def patch(self, request: Request, pk: str) -> Answer:
        """Change fields of a channel; those that are absent stay as they are."""
        self.row(pk)
        channel = control.change(int(pk), self.body(), actor=self.actor)
        message = _("The channel “%(name)s” is changed.") % {"name": channel.name}
        return Answer(self.shown(channel).data, message)

    @Endpoint(action="channel.delete", raises=(control.ChannelInUse,))
    def delete(self, request: Request, pk: str) -> Answer:
        """Delete a channel that no rule uses. What it was told stays."""
        channel = self.row(pk)
        self.body()
        control.delete(channel.pk, actor=self.actor)
        return Answer(None, _("The channel “%(name)s” is deleted.") % {"name": channel.name})


class ChannelTest(ChannelScoped):
    rights = {"POST": "manage_job"}

    @Endpoint(action="channel.test", shows=TestData)
    def post(self, request: Request, pk: str) -> Answer:
        """Send a test by a channel, and wait for its answer, up to 20 seconds."""
        channel = self.row(pk)
        self.body()
        error = control.send_test(channel.pk, actor=self.actor)
        found: TestData = {"is_sent": not error, "error": error}
        name = {"name": channel.name, "error": error}
        sent = _("The test was sent to “%(name)s”; see whether it has come.") % name
        failed = _("The test did not reach “%(name)s”: %(error)s") % name
        return Answer(found, failed if error else sent)
