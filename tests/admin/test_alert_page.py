"""The pages of alerts: who sees them, and that what happened stays as it is."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.admin.conftest import logged_in, staff
from tests.factories import grant, make_channel, make_incident, make_job, make_message, make_rule

CHANNELS = "/admin/jobs/alertchannel/"
RULES = "/admin/jobs/alertrule/"
INCIDENTS = "/admin/jobs/alertincident/"
MESSAGES = "/admin/jobs/alertmessage/"


@pytest.mark.parametrize("who", ["viewer", "operator", "owner", "nobody"])
def test_channels_rules_and_messages_are_for_who_manages_all_jobs(db: None, who: str) -> None:
    rights = {"viewer": ["view_job"], "operator": ["run_job"]}.get(who, [])
    user = staff(*rights)
    if who == "owner":
        grant(user, "manage_job", make_job("report"))
    client = logged_in(user)
    rule = make_rule(channel := make_channel())
    message = make_message()
    pages = [CHANNELS, RULES, MESSAGES, f"{CHANNELS}add/", f"{RULES}add/"]
    pages += [f"{CHANNELS}{channel.pk}/change/", f"{RULES}{rule.pk}/change/"]
    pages += [f"{MESSAGES}{message.pk}/change/", f"{CHANNELS}{channel.pk}/delete/"]
    for page in pages:
        assert client.get(page).status_code == 403, page
        assert client.post(page, {}).status_code == 403, page
    assert client.post(f"{CHANNELS}{channel.pk}/test/").status_code == 403
    assert "alertchannel" not in client.get("/admin/").content.decode()


def test_nobody_changes_what_happened(manager: Client) -> None:
    pages = {INCIDENTS: make_incident(), MESSAGES: make_message()}
    for page, row in pages.items():
        assert manager.get(f"{page}add/").status_code == 403
        assert manager.post(f"{page}{row.pk}/change/", {}).status_code == 403
        assert manager.post(f"{page}{row.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("page", [RULES, MESSAGES])
def test_no_list_is_filtered_by_a_dash(manager: Client, page: str) -> None:
    make_message(channel=make_channel("chat"))
    make_rule(make_channel("mail"))
    cl = manager.get(page).context["cl"]
    (spec,) = [one for one in cl.filter_specs if "channel" in one.title]
    choices = [choice["display"] for choice in spec.choices(cl)]
    assert choices == ["All", "chat", "mail"]
