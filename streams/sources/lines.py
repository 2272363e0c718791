"""Columns of simulated events as the JSON that goes on the wire.

The times are RFC 3339 with milliseconds; fields that a kind of event does not have are left out.
About 1 µs an event: one `bytes % tuple` each, the times of a whole stretch at once.
"""

from dataclasses import dataclass
from math import isnan

import numpy as np
from numpy.typing import NDArray

from detectors.observations import Input, PaymentStatus, PurchaseKind, SupportKind, VisitKind

SEVERITIES = (b"none", b"low", b"medium", b"high", b"critical")

_HEAD = b'{"event_id":"%b","customer_id":"%b","event_time":"%b",'
_PURCHASE = _HEAD + b'"amount":%.2f,"currency":"%b","kind":"%b"}'
_VISIT = _HEAD + b'"kind":"%b"}'
_SESSION = _HEAD + b'"kind":"%b","duration_seconds":%d}'
_PAYMENT = _HEAD + b'"status":"%b","due_time":"%b","amount":%.2f,"currency":"%b","period_days":%d}'
_RATED = _HEAD + b'"kind":"%b","severity":"%b"}'
_SCORED = _HEAD + b'"kind":"%b","score":%d}'


@dataclass(frozen=True, slots=True)
class Naming:
    """How numbers become ids: printf formats, and the currency of all amounts."""

    customer: bytes = b"c-%06d"
    purchase: bytes = b"pu-%d"
    currency: bytes = b"EUR"

    def event(self, source: Input) -> bytes:
        """The format of event ids of this input; they are unique across inputs."""
        if source is Input.PURCHASES:
            return self.purchase
        return source.name[:2].lower().encode() + b"-%d"


@dataclass(frozen=True, slots=True)
class Lines:
    """Events of one input in event-time order: when, whose, and their JSON, one each."""

    source: Input
    times: NDArray[np.float64]
    keys: list[bytes]
    values: list[bytes]


def encode(events: NDArray[np.void], naming: Naming) -> list[Lines]:
    """The events (array of `detectors.lab.simulate.EVENT`), by input; empty ones are left out."""
    found = []
    for source in Input:
        rows = events[events["input"] == source]
        if rows.size:
            keys = [naming.customer % index for index in rows["customer"].tolist()]
            ids = [naming.event(source) % number for number in rows["number"].tolist()]
            heads = list(zip(ids, keys, rfc3339(rows["time"]), strict=True))
            values = _ENCODERS[source](rows, heads, naming.currency)
            found.append(Lines(source, rows["time"], keys, values))
    return found


def rfc3339(seconds: NDArray[np.float64]) -> list[bytes]:
    """`2025-01-31T06:00:00.000Z` for each time, to the nearest millisecond."""
    instants = np.rint(seconds * 1000.0).astype("datetime64[ms]")
    return [b"%bZ" % text for text in np.datetime_as_string(instants).astype("S").tolist()]


Heads = list[tuple[bytes, bytes, bytes]]


def _purchases(rows: NDArray[np.void], heads: Heads, currency: bytes) -> list[bytes]:
    kinds = _words(PurchaseKind)
    pairs = zip(heads, rows["amount"].tolist(), rows["kind"].tolist(), strict=True)
    return [_PURCHASE % (*head, amount, currency, kinds[kind]) for head, amount, kind in pairs]


def _visits(rows: NDArray[np.void], heads: Heads, _currency: bytes) -> list[bytes]:
    kinds = _words(VisitKind)
    pairs = zip(heads, rows["kind"].tolist(), rows["value"].tolist(), strict=True)
    return [
        _SESSION % (*head, kinds[kind], seconds)
        if not isnan(seconds)
        else _VISIT % (*head, kinds[kind])
        for head, kind, seconds in pairs
    ]


def _payments(rows: NDArray[np.void], heads: Heads, currency: bytes) -> list[bytes]:
    statuses = _words(PaymentStatus)
    columns = (rows["kind"].tolist(), rfc3339(rows["value"]), rows["amount"].tolist())
    pairs = zip(heads, *columns, rows["extra"].tolist(), strict=True)
    return [
        _PAYMENT % (*head, statuses[kind], due, amount, currency, period)
        for head, kind, due, amount, period in pairs
    ]


def _support(rows: NDArray[np.void], heads: Heads, _currency: bytes) -> list[bytes]:
    kinds = _words(SupportKind)
    columns = (rows["kind"].tolist(), rows["value"].tolist(), rows["extra"].tolist())
    return [
        _SCORED % (*head, kinds[kind], score)
        if not isnan(score)
        else _RATED % (*head, kinds[kind], SEVERITIES[int(severity)])
        for head, kind, score, severity in zip(heads, *columns, strict=True)
    ]


def _words(
    kind: type[PurchaseKind] | type[VisitKind] | type[PaymentStatus] | type[SupportKind],
) -> list[bytes]:
    return [member.name.lower().encode() for member in kind]


_ENCODERS = {
    Input.PURCHASES: _purchases,
    Input.VISITS: _visits,
    Input.PAYMENTS: _payments,
    Input.SUPPORT: _support,
}
