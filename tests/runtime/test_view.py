"""What a run's log keeps of what its task says, and up to where."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import Any

import pytest

from jobs.runtime.view import MAX_TEXT
from tests.runtime.views import make_view

CUT = "The log is cut here: it is too long."


@pytest.fixture
def limits(settings: Any) -> Any:
    def set_limits(**limits: int) -> None:
        settings.SCHEDCORE = replace(settings.SCHEDCORE, **limits)

    return set_limits


def test_ten_thousand_lines_or_a_megabyte_are_kept_unless_the_settings_say_otherwise() -> None:
    view, heard = make_view()
    for number in range(10_001):
        view.log(logging.INFO, "tests", str(number))
    assert heard.messages[-2:] == ["9999", CUT]
    view, heard = make_view()
    for _number in range(51):
        view.log(logging.INFO, "tests", "x" * 20_000)
    assert len(heard.lines) == 51
    assert heard.messages[-1] == CUT


def test_a_log_of_exactly_as_many_lines_as_are_kept_is_whole(limits: Any) -> None:
    limits(run_log_lines=3)
    view, heard = make_view()
    for text in "abc":
        view.log(logging.INFO, "tests", text)
    assert heard.messages == ["a", "b", "c"]


def test_one_line_more_is_cut_and_the_cut_is_said_once(limits: Any) -> None:
    limits(run_log_lines=3)
    view, heard = make_view()
    for text in "abcdef":
        view.log(logging.INFO, "tests", text)
    assert heard.messages == ["a", "b", "c", CUT]
    assert heard.lines[-1] == (logging.WARNING, "", CUT)


def test_a_log_of_exactly_as_many_bytes_as_are_kept_is_whole(limits: Any) -> None:
    limits(run_log_bytes=1000)
    view, heard = make_view()
    view.log(logging.INFO, "tests", "ü" * 499)
    view.log(logging.INFO, "tests", "xx")
    assert heard.messages == ["ü" * 499, "xx"]


def test_one_byte_more_is_cut_and_so_is_what_would_still_fit(limits: Any) -> None:
    limits(run_log_bytes=1000)
    view, heard = make_view()
    view.log(logging.INFO, "tests", "ü" * 499)
    view.log(logging.INFO, "tests", "xxx")
    view.log(logging.INFO, "tests", "x")
    assert heard.messages == ["ü" * 499, CUT]


def test_threads_that_speak_at_the_same_time_share_one_limit(limits: Any) -> None:
    limits(run_log_lines=1000)
    view, heard = make_view()
    start = threading.Barrier(8)

    def speak() -> None:
        start.wait()
        for number in range(500):
            view.log(logging.INFO, "tests", str(number))

    threads = [threading.Thread(target=speak) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(heard.lines) == 1001
    assert heard.messages.count(CUT) == 1
    assert heard.messages[-1] == CUT
    assert heard.moments == sorted(heard.moments)


def test_a_line_that_is_too_long_says_that_it_was_cut() -> None:
    view, heard = make_view()
    view.log(logging.INFO, "tests", "x" * MAX_TEXT)
    view.log(logging.INFO, "tests", "y" * (MAX_TEXT + 1))
    whole, cut = heard.messages
    assert whole == "x" * MAX_TEXT
    assert len(cut) == MAX_TEXT
    assert cut.endswith("y … (cut here)")


@pytest.mark.parametrize(
    ("level", "kept"), [(0, 10), (9, 10), (20, 20), (25, 20), (39, 30), (50, 50), (99, 50)]
)
def test_levels_are_those_that_the_log_knows(level: int, kept: int) -> None:
    view, heard = make_view()
    view.log(level, "tests", "text")
    assert heard.lines == [(kept, "tests", "text")]


def test_what_no_database_can_store_is_written_out() -> None:
    view, heard = make_view()
    view.log(logging.INFO, "te\x00sts", "nul \x00 half \ud800")
    assert heard.lines == [(logging.INFO, "te\\x00sts", "nul \\x00 half \\ud800")]


def test_a_stream_is_kept_by_lines_and_its_unfinished_one_when_the_run_ends() -> None:
    view, heard = make_view()
    for text in ("a", "b\nc", "\n", "\nd\ne\n", "f"):
        view.write(logging.INFO, "stdout", text)
    assert heard.messages == ["ab", "c", "", "d", "e"]
    view.write(logging.WARNING, "stderr", "g")
    view.end()
    assert heard.lines[-2:] == [(logging.INFO, "stdout", "f"), (logging.WARNING, "stderr", "g")]


def test_lines_of_threads_that_print_in_pieces_stay_whole() -> None:
    view, heard = make_view()
    start = threading.Barrier(4)

    def speak(letter: str) -> None:
        start.wait()
        for _number in range(200):
            for _piece in range(5):
                view.write(logging.INFO, "stdout", letter)
            view.write(logging.INFO, "stdout", "\n")

    threads = [threading.Thread(target=speak, args=[letter]) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(heard.messages) == sorted(
        letter * 5 for letter in "abcd" for _number in range(200)
    )


def test_a_bar_that_is_drawn_over_is_one_line_as_in_a_terminal() -> None:
    view, heard = make_view()
    for percent in range(0, 101, 10):
        view.write(logging.WARNING, "stderr", f"\r{percent} %")
    view.write(logging.WARNING, "stderr", "\ndone\r\n")
    assert heard.messages == ["100 %", "done"]


def test_text_without_an_end_is_kept_in_pieces() -> None:
    view, heard = make_view()
    for _number in range(100):
        view.write(logging.INFO, "stdout", "x" * 1000)
    view.end()
    assert "".join(heard.messages) == "x" * 100_000
    assert {len(message) for message in heard.messages} == {MAX_TEXT}


def test_nothing_is_taken_once_the_run_is_over() -> None:
    view, heard = make_view()
    view.end()
    view.log(logging.INFO, "tests", "late")
    view.write(logging.INFO, "stdout", "late\n")
    view.warn("late")
    view.progress(1)
    view.end()
    assert (heard.lines, heard.warnings, heard.steps) == ([], [], [])


def test_progress_that_is_no_number_is_not_shown() -> None:
    view, heard = make_view()
    view.progress(float("nan"), 10)
    view.progress(float("inf"))
    view.progress(3, float("inf"), "of many")
    assert heard.steps == [(3.0, None, "of many")]


def test_an_outlet_that_speaks_itself_is_not_heard_by_itself() -> None:
    view, heard = make_view()
    genuine = heard.line

    def chatty(at: float, level: int, logger: str, message: str) -> None:
        view.log(level, logger, "about a line")
        view.warn("about a line")
        view.progress(1)
        genuine(at, level, logger, message)

    heard.line = chatty  # type: ignore[method-assign]
    view.log(logging.INFO, "tests", "a line")
    assert heard.messages == ["a line"]
    assert (heard.warnings, heard.steps) == ([], [])
