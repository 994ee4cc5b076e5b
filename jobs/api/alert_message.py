"""Alert messages: what channels were told."""

from __future__ import annotations

from django.utils.translation import gettext_lazy
from rest_framework import serializers

from jobs.api import filters
from jobs.api.filters import Filters
from jobs.api.row import RowList
from jobs.api.shown import Moment, Shown
from jobs.models import AlertMessage
from jobs.models.alert import NAME_LENGTH


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


class MessageFilters(Filters):
    channel = filters.Text("channel_name", max_length=NAME_LENGTH)
    since = filters.Moment("created_at", "gte", help_text=gettext_lazy("Then or later."))
    until = filters.Moment("created_at", "lte", help_text=gettext_lazy("Then or earlier."))


class MessageList(RowList):
    """List what channels were told, and what waits to be told, the newest first."""

    model, shown = AlertMessage, MessageSerializer
    rights = {"GET": "manage_job"}
    filterset = MessageFilters
