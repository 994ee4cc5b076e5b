from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EstateConfig(AppConfig):
    name = "jobs.estate"
    label = "estate"
    verbose_name = _("Database estate")
    default_auto_field = "django.db.models.BigAutoField"
