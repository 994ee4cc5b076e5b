"""The addresses of the site."""

from __future__ import annotations

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from jobs.admin.people import change_own_password
from jobs.api.health import Liveness
from jobs.api.metrics import Metrics


class Icon(RedirectView):
    def get_redirect_url(self, *args: object, **kwargs: object) -> str:
        return static("jobs/img/favicon.svg")


urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="root"),
    # Before the site's own page of that path, which leaves no audit event.
    path(
        "admin/password_change/",
        admin.site.admin_view(change_own_password, cacheable=True),
        name="own_password",
    ),
    path("admin/overview/", include("jobs.admin.urls")),
    path("admin/", admin.site.urls),
    # Before the scheduler's own, which answers for every path that is not there.
    path("scheduler/", include("jobs.estate.api.urls")),
    path("scheduler/", include("jobs.api.urls")),
    path("healthz", Liveness.as_view(), name="healthz"),
    path("metrics", Metrics.as_view(), name="metrics"),
    path("favicon.ico", Icon.as_view(), name="icon"),
]

# What fails outside of a view keeps the API's form under its addresses.
handler400 = "jobs.api.fallback.bad_request"
handler500 = "jobs.api.fallback.server_error"
