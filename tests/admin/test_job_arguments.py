"""The arguments of a task, one field a parameter."""

from __future__ import annotations

import json
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from django.test import Client
from pydantic import Field

from jobs.models import AuditEvent, Job
from jobs.registry import scheduled_task
from tests.admin.pages import ADD, controls, errors_of, job_url, new_job, typed
from tests.factories import make_job


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@pytest.fixture(autouse=True)
def _paint(_tasks: None) -> None:
    @scheduled_task(label="Paint")
    def paint(
        wall: str,
        /,
        litres: Annotated[int, Field(ge=1, le=99, description="How much.")] = 5,
        *,
        ratio: float | None = None,
        is_wet: bool = False,
        is_thick: bool,
        colour: Colour = Colour.RED,
        finish: Literal["matt", "gloss"] | None = None,
        day: date | None = None,
        rooms: list[str] | None = None,
        recipe: dict[str, int] | None = None,
        note: str = "-",
    ) -> None:
        """Paint a wall.

        With a brush.
        """

    @scheduled_task
    def anything(*parts: int, first: str | None, **more: int) -> None: ...


def paint_job(**kwargs: Any) -> Job:
    given = {"wall": "north", "is_thick": True, **kwargs}
    return make_job(function="paint", kwargs=given)


def saved(manager: Client, job: Job, **changes: str) -> dict[str, Any]:
    response = manager.post(job_url(job), {**typed(manager, job_url(job)), **changes})
    assert response.status_code == 302, errors_of(response)
    job.refresh_from_db()
    return dict(job.kwargs)


def test_choosing_a_function_shows_its_documented_fields(manager: Client) -> None:
    """Without scripts: the button beside the function."""
    sent = {**typed(manager, ADD), "function": "paint", "_arguments": "show"}

    response = manager.post(ADD, sent)

    assert errors_of(response) == {}
    page = response.content.decode()
    assert "With a brush." in page
    assert "How much. Whole number from 1 to 99. Default: 5." in page
    assert "default: no" in page
    assert "default: red" in page
    assert 'value="&quot;blue&quot;"' in page
    assert 'type="date"' in page
    assert page.count("required</span>") == 5  # name, function, executor, wall, is_thick
    assert not Job.objects.exists()


def test_typed_fields_become_typed_arguments(manager: Client) -> None:
    sent = new_job(
        function="paint",
        **{
            "arg-wall": "north",
            "arg-litres": "7",
            "arg-ratio": "0.5",
            "arg-is_wet": "false",
            "arg-is_thick": "true",
            "arg-colour": '"blue"',
            "arg-finish": "null",
            "arg-day": "2030-01-31",
            "arg-rooms": "hall\r\n 2nd room ",
            "arg-recipe": '{"white": 3}',
            "arg-note": "",
        },
    )
    del sent["kwargs"]

    assert manager.post(ADD, sent).status_code == 302

    job = Job.objects.get()
    assert job.kwargs == {
        "wall": "north",
        "litres": 7,
        "ratio": 0.5,
        "is_wet": False,
        "is_thick": True,
        "colour": "blue",
        "finish": None,
        "day": "2030-01-31",
        "rooms": ["hall", "2nd room"],
        "recipe": {"white": 3},
    }


STORED: list[dict[str, Any]] = [
    {},
    {"litres": 5},
    {"ratio": 2},
    {"ratio": 2.0},
    {"ratio": 1e300},
    {"ratio": None},
    {"is_wet": False},
    {"is_wet": True, "is_thick": False},
    {"colour": "red"},
    {"finish": None},
    {"day": None},
    {"day": "2030-01-31"},
    {"rooms": []},
    {"rooms": ["[", "a\nb", ""]},
    {"recipe": {}},
    {"recipe": {"ä": 1, "z": 2, "b" * 90: 3}},
    {"note": ""},
    {"note": "  "},
    {"note": " kept "},
    {"note": "two\nlines\n"},
    {"note": "\nfirst line empty"},
    {"note": "a\r\nb"},
    {"note": "a\tb"},
    {"note": "长长的中文备注 🎨 \u202eRTL"},
    {"note": '"quoted" & <b>'},
    {"note": "null"},
]


@pytest.mark.parametrize("kwargs", STORED, ids=json.dumps)
def test_saving_without_a_change_keeps_the_very_arguments(
    manager: Client, kwargs: dict[str, Any]
) -> None:
    job = paint_job(**kwargs)
    job.refresh_from_db()  # databases have their own numbers
    before = json.dumps(job.kwargs, sort_keys=True)

    assert json.dumps(saved(manager, job), sort_keys=True) == before
    assert job.version == 1
    assert AuditEvent.objects.count() == 1


def test_one_changed_argument_leaves_the_others_as_they_were(manager: Client) -> None:
    job = paint_job(note="", ratio=2.0, rooms=["a"])

    assert saved(manager, job, **{"arg-litres": "6"}) == {
        "wall": "north",
        "is_thick": True,
        "note": "",
        "ratio": 2.0,
        "rooms": ["a"],
        "litres": 6,
    }


def test_an_emptied_field_leaves_its_argument_out(manager: Client) -> None:
    job = paint_job(litres=6, is_wet=True, colour="blue", rooms=["a"], note="")

    emptied = {"arg-litres": "", "arg-is_wet": "", "arg-colour": "", "arg-rooms": ""}
    assert saved(manager, job, **emptied, **{"json-note": ""}) == {
        "wall": "north",
        "is_thick": True,
    }


@pytest.mark.parametrize(
    ("field", "text", "part"),
    [
        ("arg-wall", "", "needs this parameter"),
        ("arg-litres", "5.5", "“5.5” is not a whole number"),
        ("arg-litres", "100", "less than or equal to 99"),
        ("arg-litres", "9" * 5000, "not a whole number"),
        ("arg-litres", "9" * 30, "99"),
        ("arg-ratio", "half", "“half” is not a number"),
        ("arg-ratio", "NaN", "not a number"),
        ("arg-ratio", "1e999", "not a number"),
        ("arg-day", "31.01.2030", "date"),
        ("arg-rooms", '["a"', "This is not JSON"),
        ("arg-rooms", "[1]", "0: "),
        ("arg-recipe", '{"white": "x"}', "white: "),
        ("arg-recipe", "[" * 100_000, "This is not JSON"),
        ("arg-note", "a\x00b", "cannot be stored"),
    ],
)
def test_a_wrong_argument_is_named_at_its_field_and_kept(
    manager: Client, field: str, text: str, part: str
) -> None:
    job = paint_job()

    response = manager.post(job_url(job), {**typed(manager, job_url(job)), field: text})

    errors = errors_of(response)
    assert set(errors) == {field}
    assert part in errors[field][0]
    assert controls(response)[field].replace("\r\n", "\n") == text
    job.refresh_from_db()
    assert job.version == 1


@pytest.mark.parametrize(
    ("field", "text", "part"),
    [
        ("arg-colour", '"pink"', "red"),
        ("arg-colour", "pink", "“pink” is not among the choices"),
        ("arg-is_thick", "perhaps", "“perhaps” is not among the choices"),
        ("arg-is_thick", "3", "valid boolean"),
    ],
)
def test_what_is_no_choice_is_refused_at_its_field(
    manager: Client, field: str, text: str, part: str
) -> None:
    job = paint_job()

    response = manager.post(job_url(job), {**typed(manager, job_url(job)), field: text})

    assert part in errors_of(response)[field][0]


def test_all_wrong_arguments_are_named_at_once(manager: Client) -> None:
    job = paint_job()
    wrong = {"arg-wall": "", "arg-is_thick": "", "arg-litres": "0"}

    response = manager.post(job_url(job), {**typed(manager, job_url(job)), **wrong})

    assert set(errors_of(response)) == set(wrong)


def test_fields_and_json_turn_into_each_other(manager: Client) -> None:
    job = paint_job(litres=6)
    shown = typed(manager, job_url(job))

    as_json = manager.post(job_url(job), {**shown, "arg-note": "new", "_arguments": "json"})
    sent = controls(as_json)
    assert json.loads(sent["kwargs"]) == {
        "wall": "north",
        "litres": 6,
        "is_thick": True,
        "note": "new",
    }
    sent["kwargs"] = '{"wall": "", "is_thick": false, "further": 1}'
    as_fields = controls(manager.post(job_url(job), {**sent, "_arguments": "fields"}))

    assert as_fields["json-wall"] == '""'
    assert as_fields["arg-is_thick"] == "false"
    assert as_fields["arg-litres"] == ""
    assert json.loads(as_fields["arg_more"]) == {"further": 1}
    job.refresh_from_db()
    assert job.version == 1


@pytest.mark.parametrize("text", ["{", "[1]", "3"])
def test_json_that_is_wrong_stays_json(manager: Client, text: str) -> None:
    sent = new_job(function="paint", kwargs=text, _arguments="fields")

    response = manager.post(ADD, sent)

    assert set(errors_of(response)) == {"kwargs"}
    assert controls(response)["kwargs"] == text


def test_a_typed_value_that_is_wrong_keeps_its_field(manager: Client) -> None:
    job = paint_job()
    sent = {**typed(manager, job_url(job)), "arg-litres": "x", "_arguments": "json"}

    response = manager.post(job_url(job), sent)

    assert set(errors_of(response)) == {"arg-litres"}
    assert controls(response)["arg-litres"] == "x"


def test_another_function_keeps_what_it_takes_too(manager: Client) -> None:
    job = make_job(kwargs={"recipient": "dba", "days": 3})

    @scheduled_task
    def near_report(*, recipient: str, hours: int = 1) -> None: ...

    sent = {**typed(manager, job_url(job)), "function": "near_report"}
    response = manager.post(job_url(job), {**sent, "_arguments": "show"})

    shown = controls(response)
    assert (shown["arg-recipient"], shown["arg-hours"]) == ("dba", "")
    assert manager.post(job_url(job), shown).status_code == 302
    job.refresh_from_db()
    assert (job.function, job.kwargs) == ("near_report", {"recipient": "dba"})


def test_arguments_that_another_function_does_not_take_are_not_dropped_unseen(
    manager: Client,
) -> None:
    job = make_job(kwargs={"days": 3})
    sent = {**typed(manager, job_url(job)), "function": "other_report"}

    response = manager.post(job_url(job), sent)

    assert "days" in errors_of(response)["function"][0]
    again = controls(response)
    assert "arg-days" not in again
    assert manager.post(job_url(job), again).status_code == 302
    job.refresh_from_db()
    assert (job.function, job.kwargs) == ("other_report", {})


def test_arguments_of_any_name_and_by_position_are_json(manager: Client) -> None:
    job = make_job(function="anything", args=[1, 2], kwargs={"first": None, "x": 1, "first-x": 2})
    shown = typed(manager, job_url(job))

    assert json.loads(shown["arg_more"]) == {"x": 1, "first-x": 2}
    assert shown["args"] == "[1, 2]"
    assert shown["arg-first"] == "null"  # required, so that empty would not be null
    assert saved(manager, job, arg_more='{"x": 2}', args="[3]") == {"first": None, "x": 2}
    assert job.args == [3]
    sent = {**typed(manager, job_url(job)), "arg_more": '{"x": "y"}'}
    assert "x: " in errors_of(manager.post(job_url(job), sent))["arg_more"][0]
    sent = {**typed(manager, job_url(job)), "arg_more": "[1]"}
    assert "object" in errors_of(manager.post(job_url(job), sent))["arg_more"][0]


def test_what_is_given_by_position_is_said_at_its_field(manager: Client) -> None:
    job = make_job(function="paint", args=["north"], kwargs={"is_thick": True})

    assert "It is given by position, below." in manager.get(job_url(job)).content.decode()
    sent = {**typed(manager, job_url(job)), "arg-wall": "south"}
    assert "Given twice" in errors_of(manager.post(job_url(job), sent))["arg-wall"][0]


def test_stored_arguments_that_the_task_does_not_know_any_more_are_kept(manager: Client) -> None:
    job = paint_job()
    Job.objects.filter(pk=job.pk).update(kwargs={**job.kwargs, "old": 1, "litres": "many"})

    shown = typed(manager, job_url(job))

    assert json.loads(shown["arg_more"]) == {"old": 1}
    assert shown["json-litres"] == '"many"'
    assert saved(manager, job, name="Renamed")["old"] == 1


def test_arguments_that_are_no_object_do_not_break_the_page(manager: Client) -> None:
    job = paint_job()
    Job.objects.filter(pk=job.pk).update(kwargs=[1], args={"a": 1})

    assert manager.get(job_url(job)).status_code == 200


def test_the_list_of_functions_says_what_each_is_about(manager: Client) -> None:
    page = manager.get(ADD).content.decode()

    assert 'value="paint" data-about="Paint a wall"' in page
