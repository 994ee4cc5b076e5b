from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.utils.html import escape

from jobs.admin.charts.time_axis import TimeAxis
from jobs.admin.charts.timeline import Due, Lane, Stretch, timeline
from tests.admin.charts.pictures import having, is_bare, parsed, tips

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
AXIS = TimeAxis(NOON - HOUR, NOON + HOUR)


def drawn(*lanes: Lane) -> str:
    return timeline(lanes, AXIS, now=NOON, zone=UTC)


def test_what_ran_is_solid_and_what_is_due_is_hollow() -> None:
    ran = Stretch(NOON - HOUR / 2, NOON, "failed", "#1 · failed", "/run/1/")
    due = Due(NOON + HOUR / 2, NOON + HOUR / 2, "due at 12:30")
    picture = drawn(Lane(escape("Nightly"), "Nightly", [ran], [due]))

    solid, hollow = having(picture, "sc-column")
    assert (solid.get("x"), solid.get("width")) == ("25%", "25%")
    assert hollow.get("x") == "75%"
    assert [mark.get("href") for mark in having(picture, "sc-mark")] == ["/run/1/", None]
    assert tips(picture) == ["#1 · failed", "due at 12:30"]
    assert [use.get("href") for use in parsed(picture).iter("use")] == ["#timeline-failed"]
    assert is_bare(picture)


def test_now_is_a_line_in_every_lane() -> None:
    lane = Lane(escape("x"), "x", [])
    assert [line.get("x1") for line in having(drawn(lane, lane), "sc-now")] == ["50%", "50%"]


def test_the_shortest_run_can_be_seen_also_at_the_end() -> None:
    moment = AXIS.end
    picture = drawn(Lane(escape("x"), "x", [Stretch(moment, moment, "running", "", "/")]))
    (bar,) = having(picture, "sc-column")
    assert (bar.get("x"), bar.get("width")) == ("99.6%", "0.4%")


def test_signs_do_not_lie_on_top_of_each_other() -> None:
    def failed(minutes: float) -> Stretch:
        moment = NOON - timedelta(minutes=minutes)
        return Stretch(moment, moment, "failed", "", "/")

    picture = drawn(Lane(escape("x"), "x", [failed(30), failed(29.5), failed(20)]))
    assert len(having(picture, "sc-mark")) == 3
    assert len(list(parsed(picture).iter("use"))) == 2
