"""What the scripts of a job's form say; they have no words of their own."""

from __future__ import annotations

from django.utils.translation import gettext as _


def words() -> dict[str, str]:
    """By the names that the modules in `static/jobs/js` know; placeholders as in %(name)s."""
    return {
        # The list that can be searched
        "search": _("Type to search"),
        "nothing_found": _("Nothing found"),
        "more_found": _("%(n)s more; type to narrow the list"),
        # Cron expression and fields
        "follows_fields": _("The separate fields count; the expression says the same."),
        "follows_expression": _("The expression counts; the fields say the same."),
        "only_expression": _("The expression counts. The separate fields cannot say it: %(why)s"),
        "only_fields": _("The separate fields count. No expression says the same: %(why)s"),
        "why_either": _("crontab takes a day that matches either the day or the weekday."),
        "why_both": _("crontab would take a day that matches either of the two."),
        "why_last_working": _("they have no last working day of the month."),
        "why_positions": _("a position such as “the 2nd Friday” cannot be combined with others."),
        "why_week": _("crontab knows no week of the year."),
        "why_unreadable": _("it cannot be read yet."),
        "weekdays_are": _("By number, 0 is Monday: this means %(names)s."),
        # The preview
        "preview_stale": _("This is what it was before the last change."),
        "preview_lost": _("No answer from the server. What you typed is still here."),
        "preview_expired": _("Your session has ended. Log in again before you save."),
        "preview_refused": _("The server cannot show it at the moment."),
        "preview_none": _("It will not be due."),
        "your_time": _("Your time"),
        "times_of": _("Times of %(zone)s"),
        # Saving
        "expired": _("Your session has ended. Nothing was sent, and all you typed is still here."),
        "login": _("Log in in another tab"),
        "then_save": _("then save again."),
        "lost": _("No answer from the server. Nothing was sent; what you typed is still here."),
        "other_user": _("You are logged in as %(user)s now. Save again if this change is theirs."),
        # The arguments of another function
        "arguments_wait": _("Fetching the arguments of this function…"),
        "arguments_lost": _("They could not be fetched. Press “Show its arguments”."),
    }
