"""The pages of staff. Django finds what is registered here by importing this package."""

from jobs.admin import (
    alert_channel,
    alert_incident,
    alert_message,
    alert_rule,
    audit,
    execution,
    job,
    login,
    people,
    site,
    token,
)

__all__ = [
    "alert_channel",
    "alert_incident",
    "alert_message",
    "alert_rule",
    "audit",
    "execution",
    "job",
    "login",
    "people",
    "site",
    "token",
]
