"""The admin site's names, and the pages of other apps that do not belong on it."""

from __future__ import annotations

import django_apscheduler.admin  # noqa: F401  so that its pages are there to be taken away
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django_apscheduler.models import DjangoJob, DjangoJobExecution

admin.site.site_header = "schedcore"
admin.site.site_title = "schedcore"
admin.site.index_title = _("Administration")

# They would start a scheduler in the web process, and their rows are ours to write.
for model in (DjangoJob, DjangoJobExecution):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
