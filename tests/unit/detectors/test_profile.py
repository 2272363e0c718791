import math
from typing import Any

import pytest

from detectors.profile import Profile, tunables


def given(name: str, value: float) -> dict[str, Any]:
    return {name: value}


@pytest.mark.parametrize("name", tunables())
def test_every_tunable_must_be_finite(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a finite number"):
        Profile(**given(name, math.nan))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("gap_shape", 0.0, "gap_shape must be above 0, got 0.0"),
        ("dropout_a", -1.0, "dropout_a must not be negative, got -1.0"),
        ("allowed_lateness_seconds", -1.0, "allowed_lateness_seconds must not be negative"),
        ("warning_from", 0.7, "must rise between 0 and 1"),
        ("critical_from", 1.0, "must rise between 0 and 1"),
        ("visit_weight", 1.1, "visit_weight must be at most 1"),
        ("loyal_from", 2.0, "loyal_from must be at least regular_from"),
        ("high_value_from", 3.0, "high_value_from must be above low_value_to"),
        ("win_back_price", 5.0, "win_back_price needs win_back_currency"),
        ("alert_budget", -1.0, "alert_budget must not be negative"),
    ],
)
def test_a_wrong_tunable_is_named(name: str, value: float, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        Profile(**given(name, value))


def test_the_record_holds_every_tunable() -> None:
    profile = Profile(horizon_days=30)
    for name in tunables():
        assert getattr(profile.record, name) == getattr(profile, name)


def test_ln_of_a_usual_gap_may_be_negative() -> None:
    assert Profile(gap_location=-2.0, visit_gap_location=-1.0).gap_location == -2.0
