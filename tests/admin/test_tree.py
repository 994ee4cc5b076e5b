from __future__ import annotations

from typing import Any

import pytest

from jobs.admin.tree import DEEPEST, MOST_ENTRIES, tree


def test_a_tree_names_each_part_and_folds() -> None:
    html = str(tree({"tables": [{"name": "orders", "rows": 3}], "ok": True}))
    for part in (
        "<b>tables</b>",
        "1 entry",
        "<b>name</b>",
        "orders",
        ">3<",
        ">true<",
        "<details open>",
    ):
        assert part in html


def test_what_a_task_returned_is_text_and_never_markup() -> None:
    html = str(tree({"<script>": "</script><b onclick=1>"}))
    assert "<script>" not in html
    assert "<b onclick" not in html


@pytest.mark.parametrize("value", [0, "", None, False, [], {}, 1.5, "text"])
def test_a_single_value_is_shown_as_it_is(value: Any) -> None:
    assert "sc-tree" in tree(value)


def test_half_a_surrogate_pair_breaks_no_page() -> None:
    str(tree({"\ud800": "\udfff"})).encode()


def test_a_long_list_is_cut_and_says_so() -> None:
    html = str(tree(list(range(MOST_ENTRIES + 7))))
    assert html.count("<li>") == MOST_ENTRIES + 1
    assert "… and 7 more" in html


def test_what_is_very_deep_is_written_as_json() -> None:
    value: Any = "bottom"
    for _level in range(DEEPEST + 5):
        value = [value]
    assert "[[" in tree(value)
