"""The wire's words and the core's codes are one list, written down twice."""

from enum import IntEnum
from typing import Any, get_args

import pytest

from detectors import observations
from detectors.observations import Input
from schemas import events
from schemas.events import EVENTS
from streams.partition.fields import COLUMNS


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (events.PurchaseKind, observations.PurchaseKind),
        (events.VisitKind, observations.VisitKind),
        (events.PaymentStatus, observations.PaymentStatus),
        (events.SupportKind, observations.SupportKind),
    ],
)
def test_a_words_place_in_the_contract_is_its_code(words: Any, codes: type[IntEnum]) -> None:
    assert {word: code for code, word in enumerate(get_args(words))} == {
        member.name.lower(): int(member) for member in codes
    }


def test_inputs_stand_in_the_order_of_their_codes() -> None:
    assert list(EVENTS) == [source.name.lower() for source in sorted(Input)]
    assert COLUMNS.keys() == set(Input)


def test_severities_go_from_none_to_critical() -> None:
    assert get_args(events.Severity) == ("none", "low", "medium", "high", "critical")
