from __future__ import annotations

import pytest

from tests.benchmarks.scenarios.change import Asked, noticed_after_s
from tests.benchmarks.trial import Start

ASKED = [Asked(10.0, 10.1), Asked(20.0, 20.1), Asked(30.0, 30.1)]


def test_a_change_that_was_not_noticed_does_not_lend_its_start_to_the_next() -> None:
    """By position the second would have taken ten seconds, and the third none of its own."""
    starts = [Start(10.0, 10.15), Start(30.0, 30.2)]
    assert noticed_after_s(ASKED, starts) == pytest.approx([0.05, 0.1])


def test_starts_may_come_in_another_order_than_the_changes() -> None:
    starts = [Start(20.0, 30.3), Start(30.0, 30.2), Start(10.0, 10.4)]
    assert noticed_after_s(ASKED, starts) == pytest.approx([0.3, 10.2, 0.1])
