"""Rows of files: whose they are, when they happened, and in which order they are taken.

A file has no key beside the value, so the key is read out of the row: `customer_id`, as a producer
would have set it. Whether the row is an event at all is not judged here: what the worker does with
a record, it does with a row (`streams.partition.ingest`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import nan
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.observations import Input
from schemas.dead_letters import RejectReason

#: Rows at once: the work a row is in bulk, the memory stays small.
CHUNK = 16_384

INPUTS = {source.name.lower(): source for source in Input}
NOBODY = b"?"  # key of a row that does not say whose it is; its decoding then says what is wrong


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one file and input, in the file's order or in event-time order.

    values: a JSON object each; keys: the customers; times: event times, seconds since the epoch
    (NaN where there is none); lines: where each row stands, from 1.
    """

    path: Path
    source: Input
    values: list[bytes]
    keys: list[bytes]
    times: NDArray[np.float64]
    lines: NDArray[np.int64]


class Refused(NamedTuple):
    """A row that is not an event, and why."""

    path: Path
    line: int
    input: str
    reason: RejectReason
    message: str
    value: bytes


class Head(msgspec.Struct):
    """What has to be known of a row before it is decoded."""

    customer_id: str | None = None
    event_time: str | int | None = None
    input: str | None = None


class _Envelope(msgspec.Struct):
    """A CloudEvents structured envelope, as `schemas.decode` reads it."""

    data: Head
    time: str | None = None


_HEAD = msgspec.json.Decoder(Head)
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_UNREADABLE = Head()


def head(value: bytes) -> Head:
    """The head of a row; an empty one when it is not a JSON object with these fields."""
    try:
        found = _HEAD.decode(value)
        if found.customer_id is None:
            envelope = _ENVELOPE.decode(value)
            inner = envelope.data
            found = Head(inner.customer_id, inner.event_time or envelope.time, found.input)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _UNREADABLE
    return found


def event_time(instant: str | int | None) -> float:
    """Seconds since the epoch, for sorting; NaN for what is no instant."""
    if isinstance(instant, int):
        return instant / 1e3
    try:
        moment = datetime.fromisoformat(instant or "")
    except ValueError:
        return nan
    return moment.timestamp() if moment.tzinfo else nan


def sort_out(
    path: Path, source: Input | None, values: Sequence[bytes], lines: Sequence[int]
) -> Iterator[Rows | Refused]:
    """Rows by input: of the file's own, or of the one that each row's `input` names."""
    heads = [head(value) for value in values]
    keys = [found.customer_id.encode() if found.customer_id else NOBODY for found in heads]
    times = np.array([event_time(found.event_time) for found in heads])
    numbers = np.array(lines, np.int64)
    if source is not None:
        if values:
            yield Rows(path, source, list(values), keys, times, numbers)
        return
    named = [INPUTS.get(found.input or "") for found in heads]
    for i, of in enumerate(named):
        if of is None:
            yield _without_input(path, lines[i], heads[i], values[i])
    for of in Input:
        mine = [i for i, name in enumerate(named) if name is of]
        if mine:
            yield Rows(
                path,
                of,
                [values[i] for i in mine],
                [keys[i] for i in mine],
                times[mine],
                numbers[mine],
            )


def _without_input(path: Path, line: int, found: Head, value: bytes) -> Refused:
    accepted = f"accepted: {', '.join(INPUTS)}"
    if found is _UNREADABLE:
        problem = (
            RejectReason.MALFORMED_JSON,
            f"value is not a JSON object; {accepted} as its input",
        )
    elif found.input is None:
        problem = RejectReason.MISSING_FIELD, f"$.input is missing; {accepted}"
    else:
        problem = RejectReason.UNKNOWN_VALUE, f"$.input is {found.input[:64]!r}; {accepted}"
    return Refused(path, line, "", *problem, value)


def in_time_order(rows: Iterable[Rows]) -> Iterator[Rows]:
    """All rows of one file and input by event time (ties: as they stand), in chunks of `CHUNK`.

    Rows without a time stay behind the row before them. Holds everything in memory, some 400 bytes
    a row.
    """
    parts = list(rows)
    if not parts:
        return
    times = np.concatenate([part.times for part in parts])
    lines = np.concatenate([part.lines for part in parts])
    values = [value for part in parts for value in part.values]
    keys = [key for part in parts for key in part.keys]
    known = np.maximum.accumulate(np.where(np.isnan(times), 0, np.arange(times.size)))
    order = np.argsort(np.nan_to_num(times[known], nan=-np.inf), kind="stable")
    for first in range(0, order.size, CHUNK):
        chunk = order[first : first + CHUNK]
        yield Rows(
            parts[0].path,
            parts[0].source,
            [values[i] for i in chunk],
            [keys[i] for i in chunk],
            times[chunk],
            lines[chunk],
        )
