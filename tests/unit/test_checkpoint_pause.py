"""How often checkpoints begin."""

import pytest

from streams.app import pause


@pytest.mark.parametrize("took", [0.0, 0.1, 0.25])
def test_a_quick_checkpoint_does_not_put_the_next_one_off(took: float) -> None:
    assert pause(0.5, took) + took == pytest.approx(0.5)


@pytest.mark.parametrize(("took", "left"), [(0.4, 0.2), (0.5, 0.25), (2.0, 0.25), (60.0, 0.25)])
def test_a_slow_checkpoint_leaves_the_broker_a_pause_up_to_a_bound(
    took: float, left: float
) -> None:
    assert pause(0.5, took) == pytest.approx(left)


@pytest.mark.parametrize(("took", "left"), [(0.1, 0.4), (0.4, 0.8), (1.0, 2.0), (60.0, 2.0)])
def test_behind_a_backlog_rows_gather_for_longer_up_to_a_bound(took: float, left: float) -> None:
    assert pause(0.5, took, behind=True) == pytest.approx(left)
