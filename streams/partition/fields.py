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


def _code(words: Any) -> Callable[[str], float]:
    """A wire value's code is its place in the contract's list."""
    return {word: code for code, word in enumerate(get_args(words))}.__getitem__


def _letters(currency: str) -> int:
    return int.from_bytes(currency.encode(), "big")


_NUMBERS: Mapping[tuple[Input, str], Callable[[Any], float]] = {
    **{(source, "event_time"): seconds for source in Input},
    (Input.PURCHASES, "kind"): _code(events.PurchaseKind),
    (Input.PURCHASES, "currency"): _letters,
    (Input.VISITS, "kind"): _code(events.VisitKind),
    (Input.PAYMENTS, "status"): _code(events.PaymentStatus),
    (Input.PAYMENTS, "due_time"): seconds,
    (Input.PAYMENTS, "currency"): _letters,
    (Input.SUPPORT, "kind"): _code(events.SupportKind),
    (Input.SUPPORT, "severity"): _code(events.Severity),
}


def observe(source: Input, event: Event, out: np.void) -> None:
    """Put an event that was accepted into an observation."""
    for column, absent in ABSENT.items():
        out[column] = absent
    for field, column in COLUMNS[source].items():
        value = getattr(event, field)
        if value is not None:
            out[column] = _NUMBERS.get((source, field), float)(value)
