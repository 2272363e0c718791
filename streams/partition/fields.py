"""Decoded events to columns of observations, one list comprehension a field.

What a column cannot hold (a currency that is none, a time that is no time) is marked, not judged.
"""

from collections.abc import Callable, Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from detectors.observations import Input
from schemas import events
from schemas.decode import is_currency
from streams.partition import instants

Observations = NDArray[np.void]
Marks = NDArray[np.bool_]


def _codes(values: Any) -> dict[str, int]:
    """A wire value's code is its place in the contract's list."""
    return {value: code for code, value in enumerate(get_args(values))}


PURCHASE_KINDS = _codes(events.PurchaseKind)
VISIT_KINDS = _codes(events.VisitKind)
PAYMENT_STATUSES = _codes(events.PaymentStatus)
SUPPORT_KINDS = _codes(events.SupportKind)
SEVERITIES = {value: float(code) for code, value in enumerate(get_args(events.Severity))}

_NO_CURRENCY, _NOT_A_CURRENCY = 0, 1


class _Currencies(dict[str | None, int]):
    """Three letters as a big-endian number; what is no currency is not remembered."""

    def __missing__(self, name: str | None) -> int:
        if name is None:
            return _NO_CURRENCY
        if not is_currency(name):
            return _NOT_A_CURRENCY
        self[name] = code = int.from_bytes(name.encode(), "big")
        return code


_CURRENCIES = _Currencies()


def _purchases(batch: Sequence[events.Purchase], out: Observations) -> Marks:
    out["kind"] = _coded(PURCHASE_KINDS, [event.kind for event in batch])
    out["amount"] = np.fromiter([event.amount for event in batch], np.float64, len(batch))
    out["value"] = _numbers([event.expected_supply_days for event in batch])
    out["extra"] = _numbers([event.discount for event in batch])
    currency = _coded(_CURRENCIES, [event.currency for event in batch])
    out["currency"] = currency
    fits: Marks = currency != _NOT_A_CURRENCY
    return fits


def _visits(batch: Sequence[events.Visit], out: Observations) -> Marks:
    out["kind"] = _coded(VISIT_KINDS, [event.kind for event in batch])
    out["amount"] = np.nan
    out["value"] = _numbers([event.duration_seconds for event in batch])
    out["extra"] = _numbers([event.rescheduled for event in batch])
    return np.ones(len(batch), np.bool_)


def _payments(batch: Sequence[events.Payment], out: Observations) -> Marks:
    out["kind"] = _coded(PAYMENT_STATUSES, [event.status for event in batch])
    out["amount"] = _numbers([event.amount for event in batch])
    dues = [event.due_time for event in batch]
    due_times = instants.seconds(dues)
    out["value"] = due_times
    out["extra"] = _numbers([event.period_days for event in batch])
    currency = _coded(_CURRENCIES, [event.currency for event in batch])
    out["currency"] = currency
    absent = np.fromiter([due is None for due in dues], np.bool_, len(batch))
    fits: Marks = (currency != _NOT_A_CURRENCY) & (absent | instants.acceptable(due_times))
    return fits


def _support(batch: Sequence[events.Support], out: Observations) -> Marks:
    out["kind"] = _coded(SUPPORT_KINDS, [event.kind for event in batch])
    out["amount"] = np.nan
    out["value"] = _numbers([event.score for event in batch])
    severities = [event.severity for event in batch]
    out["extra"] = _numbers([None if s is None else SEVERITIES[s] for s in severities])
    return np.ones(len(batch), np.bool_)


FILL: dict[Input, Callable[[Any, Observations], Marks]] = {
    Input.PURCHASES: _purchases,
    Input.VISITS: _visits,
    Input.PAYMENTS: _payments,
    Input.SUPPORT: _support,
}
"""By input: put events into as many observations; the marks are where every field fits."""


def _coded(codes: dict[Any, int], values: list[Any]) -> NDArray[np.uint32]:
    """The code of each value; mostly they are all the same."""
    if values.count(values[0]) == len(values):
        return np.full(len(values), codes[values[0]], np.uint32)
    return np.fromiter(map(codes.__getitem__, values), np.uint32, len(values))


def _numbers(values: list[float | None] | list[bool | None]) -> NDArray[np.float64] | float:
    """NaN where there is none."""
    absent = values.count(None)
    if absent == len(values):
        return np.nan
    return np.array(values, np.float64)  # numpy's NaN for None
