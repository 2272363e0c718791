"""Where each field of an event goes in an observation, and one event's way there."""

from collections.abc import Callable, Mapping
from typing import Any, get_args

import numpy as np

from detectors.observations import Input
from schemas import events
from schemas.events import Event
from schemas.instants import seconds

COLUMNS: Mapping[Input, Mapping[str, str]] = {
    Input.PURCHASES: {
        "event_time": "event_time",
        "amount": "amount",
        "expected_supply_days": "value",
        "discount": "extra",
        "kind": "kind",
        "currency": "currency",
    },
    Input.VISITS: {
        "event_time": "event_time",
        "duration_seconds": "value",
        "rescheduled": "extra",
        "kind": "kind",
    },
    Input.PAYMENTS: {
        "event_time": "event_time",
        "amount": "amount",
        "due_time": "value",
        "period_days": "extra",
        "status": "kind",
        "currency": "currency",
    },
    Input.SUPPORT: {
        "event_time": "event_time",
        "score": "value",
        "severity": "extra",
        "kind": "kind",
    },
}
"""By input and field, the column of `OBSERVATION`. Fields that are not here are only checked."""

ABSENT = {"amount": np.nan, "value": np.nan, "extra": np.nan, "kind": 0, "currency": 0}
"""What a column holds when the event does not say."""


WORDS: Mapping[tuple[Input, str], tuple[str, ...]] = {
    (Input.PURCHASES, "kind"): get_args(events.PurchaseKind),
    (Input.VISITS, "kind"): get_args(events.VisitKind),
    (Input.PAYMENTS, "status"): get_args(events.PaymentStatus),
    (Input.SUPPORT, "kind"): get_args(events.SupportKind),
    (Input.SUPPORT, "severity"): get_args(events.Severity),
}
"""Closed lists: a word's number is its place."""


def _letters(currency: str) -> int:
    return int.from_bytes(currency.encode(), "big")


_NUMBERS: Mapping[tuple[Input, str], Callable[[Any], float]] = {
    **{key: words.index for key, words in WORDS.items()},
    **{(source, "event_time"): seconds for source in Input},
    (Input.PAYMENTS, "due_time"): seconds,
    **{(source, "currency"): _letters for source in (Input.PURCHASES, Input.PAYMENTS)},
}


def observe(source: Input, event: Event, out: np.void) -> None:
    """Put an event that was accepted into an observation."""
    for column, absent in ABSENT.items():
        out[column] = absent
    for field, column in COLUMNS[source].items():
        value = getattr(event, field)
        if value is not None:
            out[column] = _NUMBERS.get((source, field), float)(value)
