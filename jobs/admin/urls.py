"""The pages of staff that are about no one model."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from jobs.admin.overview import overview, overview_live

urlpatterns = [
    path("", admin.site.admin_view(overview), name="overview"),
    path("live/", admin.site.admin_view(overview_live), name="overview_live"),
]
