from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DemoConfig(AppConfig):
    """Tasks and data to try things out with. Installed in development only."""

    name = "jobs.demo"
    label = "demo"
    verbose_name = _("Demonstration")
