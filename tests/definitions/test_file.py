"""Reading the file strictly, whatever it holds."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import definition_file, definitions
from jobs.control.audit import Actor
from jobs.definitions import DefinitionsInvalid
from jobs.models import AuditEvent, Job, LoadedDefinition, Revision
from tests.definitions.conftest import HEAD, item

Write = Callable[..., Path]
GOOD = f"  - {item()}\n"


def refused(text: str | bytes, path: Path) -> DefinitionsInvalid:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DefinitionsInvalid) as caught:
        definitions.load()
    assert all(problem.isprintable() for problem in caught.value.problems)
    assert len(caught.value.message) < 400_000
    return caught.value


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("", "file", "must hold the key"),
        ("- a\n", "file", "must hold the key"),
        ("just text", "file", "must hold the key"),
        ("default_tasks:\n", "default_tasks", "must be a list"),
        ("default_tasks: {a: 1}\n", "default_tasks", "must be a list"),
        ("default_tasks: []\nmore: 1\n", "more", "only key"),
        ("default_tasks: []\n1: 1\n", "1", "only key"),
        ("default_tasks: []\ndefault_tasks: []\n", "line 2", "stands here twice"),
        ("default_tasks: []\n---\ndefault_tasks: []\n", "line 2", "not valid YAML"),
        (f"{HEAD}\t- id: x\n", "line 2", "tab"),
        (f"{HEAD}  - id: x\n\tname: y\n", "line 3", "tab"),
        (f"{HEAD}  - cron: * * * * *\n", "line 2", "in quotes"),
        (f"{HEAD}  - cron: @daily\n", "line 2", "in quotes"),
        (f"{HEAD}  - [\n", "line 3", "not valid YAML"),
        (f"{HEAD}  - &a {{}}\n", "line 2", "Anchors"),
        (f"{HEAD}  - *a\n", "line 2", "Anchors"),
        (f"{HEAD}  - !!python/object/apply:os.system [ls]\n", "line 2", "tag"),
        (f"{HEAD}  - !!binary aGk=\n", "line 2", "tag"),
        (f"{HEAD}  - !mine 1\n", "line 2", "tag"),
        (f"{HEAD}  - ? [a]\n    : b\n", "line 2", "not valid YAML"),
        (f"{HEAD}  - =\n", "line 2", "not valid YAML"),
        (f"{HEAD}  - {'9' * 5000}\n", "line 2", "too large"),
        (f"{HEAD}  - 0x{'f' * 5000}\n", "line 2", "too large"),
        (f"{HEAD}  - a\x00b\n", "line 2", "not allowed"),
        (f"{HEAD}  - a\x1bb\n", "line 2", "not allowed"),
        (f"{HEAD}  - {'[' * 3000}{']' * 3000}\n", "line 2", "nested too deeply"),
        (f"{HEAD}  - {'[' * 300_000}\n", "line 2", ""),
        (f"{HEAD}  - [1{':1' * 1_000_000}]\n", "line 2", "too large"),
        (f"{HEAD}  - 1{':1' * 1_000_000}.0\n", "line 2", "too large"),
        (f"{HEAD}  - [{'1,' * 1_000_000}]\n", "line 2", "too many values"),
    ],
)
def test_text_that_is_not_plain_yaml_with_a_list_is_refused_with_its_line(
    tasks_file: Path, text: str, where: str, what: str
) -> None:
    error = refused(text, tasks_file)
    assert what in " ".join(error.errors[where]), error.errors


def test_ten_megabytes_are_refused_before_they_are_parsed(tasks_file: Path) -> None:
    assert "larger than 4 MiB" in str(refused(b"x" * 10_000_000, tasks_file))


def test_text_in_another_encoding_is_refused_with_its_line(tasks_file: Path) -> None:
    error = refused(b"default_tasks: []\n# caf\xe9\n", tasks_file)
    assert "not UTF-8" in error.errors["line 2"][0]
    assert "not UTF-8" in str(refused("default_tasks: []".encode("utf-16"), tasks_file))
    assert "not UTF-8" in str(refused(b"default_tasks: [\xed\xa0\x80]", tasks_file))


def test_half_a_surrogate_pair_is_refused(tasks_file: Path) -> None:
    entry = item("x", more='description: "\\ud800"')
    refused(f"{HEAD}  - {entry}\n", tasks_file)


def test_a_billion_laughs_are_refused(tasks_file: Path) -> None:
    laughs = ["a0: &a0 [lol]"] + [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)
    ]
    error = refused("\n".join([*laughs, "default_tasks: []"]), tasks_file)
    assert len(error.errors) == 9


@pytest.mark.parametrize(
    ("entry", "field", "what"),
    [
        ("1", "default_tasks[0]", "must be a mapping"),
        ("null", "default_tasks[0]", "must be a mapping"),
        ("{name: x}", "default_tasks[0].id", "needs an id"),
        (item("a/b"), "default_tasks[0] (a/b).id", "is no id"),
        (item("'a b'"), "default_tasks[0] (a b).id", "is no id"),
        (item("12"), "default_tasks[0].id", "is no id"),
        (item("reload"), "default_tasks[0] (reload).id", "reserved"),
        (item("x", hour="99"), "default_tasks[0] (x).trigger_params.hour", "99"),
        (item("x", more="function: gone"), "line 2", "twice"),
        (item("x", more="is_enabled: true"), "default_tasks[0] (x).is_enabled", "no such key"),
        (item("x", more="naem: y"), "default_tasks[0] (x).naem", "no such key"),
        (item("x", more="1: y"), "default_tasks[0] (x).1", "no such key"),
        (item("x", more="enabled: 1"), "default_tasks[0] (x).enabled", "true or false"),
        (item("x", more="enabled: null"), "default_tasks[0] (x).enabled", "true or false"),
        (item("x", more="args: 1"), "default_tasks[0] (x).args", "list"),
        (item("x", more="kwargs: [1]"), "default_tasks[0] (x).kwargs", "object"),
        (item("x", more="kwargs: {a: .nan}"), "default_tasks[0] (x).kwargs", "JSON"),
        (item("x", more='kwargs: {a: "\\0"}'), "default_tasks[0] (x).kwargs", "stored"),
        (item("x", more="timezone: Mars/X"), "default_tasks[0] (x).timezone", "Mars/X"),
        (item("x", more="executor: celery"), "default_tasks[0] (x).executor", "celery"),
        (item("x", more="max_instances: 0"), "default_tasks[0] (x).max_instances", "1"),
        (item("x", more="timeout: -1"), "default_tasks[0] (x).timeout", "-1"),
        (item("x", more='description: "\\0"'), "default_tasks[0] (x).description", "stored"),
    ],
)
def test_a_bad_item_is_refused_at_its_field(
    write: Write, entry: str, field: str, what: str
) -> None:
    write(entry)
    with pytest.raises(DefinitionsInvalid) as caught:
        definitions.load()
    assert what in " ".join(caught.value.errors[field]), caught.value.errors


def test_an_id_of_300_characters_is_refused(tasks_file: Path) -> None:
    error = refused(f"{HEAD}  - {item('x' * 300)}\n", tasks_file)
    assert "is no id" in str(error)


def test_unknown_function_is_named_with_those_that_exist(tasks_file: Path) -> None:
    entry = "{id: x, name: X, function: gone, trigger_type: cron, trigger_params: {hour: 1}}"
    error = refused(f"{HEAD}  - {entry}\n", tasks_file)
    assert "beep" in error.errors["default_tasks[0] (x).function"][0]


def test_same_id_twice_is_refused_at_the_second_item(write: Write) -> None:
    write(item("a"), item("b"), item("a"))
    with pytest.raises(DefinitionsInvalid) as caught:
        definitions.load()
    assert list(caught.value.errors) == ["default_tasks[2] (a).id"]
    assert "default_tasks[0]" in caught.value.message


def test_every_problem_of_every_item_is_listed(write: Write) -> None:
    write(item("a", hour="99", more="naem: x, enabled: 3"), item("b"), item("c d"))
    with pytest.raises(DefinitionsInvalid) as caught:
        definitions.load()
    assert sorted(caught.value.errors) == [
        "default_tasks[0] (a).enabled",
        "default_tasks[0] (a).naem",
        "default_tasks[0] (a).trigger_params.hour",
        "default_tasks[2] (c d).id",
    ]


def test_a_file_of_nothing_but_problems_is_refused_with_a_bounded_list(tasks_file: Path) -> None:
    error = refused(HEAD + "  - 1\n" * 100_000, tasks_file)
    assert len(error.problems) == definition_file.MAX_PROBLEMS + 1


@pytest.mark.django_db
def test_one_bad_item_leaves_all_jobs_untouched(write: Write, actor: Actor) -> None:
    write(item("a"))
    definitions.ensure(actor)
    before = list(Job.objects.values()), list(LoadedDefinition.objects.values())
    events, revision = AuditEvent.objects.count(), Revision.objects.get().number
    write(item("a", hour="5"), item("b"), item("c", hour="99"))
    for change in (definitions.ensure, definitions.reload):
        with pytest.raises(DefinitionsInvalid):
            change(actor)
    assert before == (list(Job.objects.values()), list(LoadedDefinition.objects.values()))
    assert (events, revision) == (AuditEvent.objects.count(), Revision.objects.get().number)


def test_dates_in_a_file_are_texts_and_may_be_past(write: Write) -> None:
    write(
        "{id: x, name: X, function: beep, trigger_type: date, kwargs: {day: 2020-01-02}, "
        "trigger_params: {run_date: 2020-01-02 03:04:05}}"
    )
    found = definitions.load().items["x"]
    assert found["kwargs"] == {"day": "2020-01-02"}
    assert found["trigger_params"]["run_date"].startswith("2020-01-02T03:04:05")


def test_byte_order_mark_is_no_problem(tasks_file: Path) -> None:
    tasks_file.write_bytes(b"\xef\xbb\xbf" + (HEAD + GOOD).encode())
    assert "nightly" in definitions.load().items


def test_keys_that_json_turns_into_texts_are_texts_at_once(write: Write) -> None:
    write(item("x", more="kwargs: {by: {1: one}}"))
    assert definitions.load().items["x"]["kwargs"] == {"by": {"1": "one"}}


def test_a_pipe_or_folder_is_no_file(tasks_file: Path) -> None:
    os.mkfifo(tasks_file)
    assert "is not a file" in definitions.load().warnings[0]
    tasks_file.unlink()
    tasks_file.mkdir()
    assert "is not a file" in definitions.load().warnings[0]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(texts, values, max_size=4), max_size=4))
def test_what_is_written_is_read_back_as_it_was(items: list[dict[str, Any]]) -> None:
    assert definition_file.parse(definition_file.write(items), Path("x")) == items
