"""Rows to changelog records and back, whatever layout the writer had."""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel
from detectors.customer import CUSTOMER, LAYOUT_VERSION
from detectors.state import CustomerState
from schemas.changelog import (
    PARTITION_KEY,
    PartitionRecord,
    decode_partition,
    frozen_layout,
    prefix,
    read_prefix,
)
from streams.errors import StateError
from streams.kafka.batches import FinishedBatch, row_batches
from streams.kafka.columns import KEY_END, KEY_START, OFFSET, VALUE_END, VALUE_START, Fetched
from streams.partition.digest import Digest, copy_rows

PREFIX = prefix(LAYOUT_VERSION)
AT_ONCE = 1800  # rows: with ids of up to 40 bytes they fill a batch, and stay in a cache meanwhile


class ChangelogWriter:
    """Writes the rows that changed, and knows how many customers the changelog has, and its digest.

    `state.size` would count those too whose first event was read and waits; they are in no record
    yet.
    """

    def __init__(self, state: CustomerState) -> None:
        self._state = state
        self._digest = Digest(row_bytes(state)[: state.size], state.hashes)

    @property
    def customers(self) -> int:
        """Customers with a record in the changelog."""
        return self._digest.rows

    @property
    def digest(self) -> str:
        """Of all their rows."""
        return str(self._digest)

    @property
    def nbytes(self) -> int:
        """Memory that the digest takes beside the state."""
        return self._digest.nbytes

    def forget(self, moved: NDArray[np.int32]) -> None:
        """Customers were erased: `moved` has the new row of each old one, -1 for who went."""
        self._digest.forget(moved)

    def batches(self, time_ms: int) -> list[FinishedBatch]:
        """Record batches of the customers that changed since the last call."""
        state = self._state
        rows = state.take_dirty()
        written: list[FinishedBatch] = []
        for first in range(0, len(rows), AT_ONCE):
            some = rows[first : first + AT_ONCE]
            values, hashes = copy_rows(row_bytes(state), some, state.hashes)
            self._digest.replace(some, hashes)
            ids, ends = state.ids_of(some)
            order = np.arange(len(some), dtype=np.int32)
            written += row_batches(order, ids, ends, PREFIX, values, time_ms)
        return written


def row_bytes(state: CustomerState) -> NDArray[np.uint8]:
    """uint8[capacity, CUSTOMER.itemsize], the rows themselves.

    As bytes, because indexing records would leave whatever memory held between their fields.
    """
    return state.rows.view(np.uint8).reshape(-1, CUSTOMER.itemsize)


class Restored(NamedTuple):
    """What a changelog fetch held beside rows."""

    record: PartitionRecord | None  # the partition's own, the newest
    older: bool  # rows of an older layout were among them: their bytes are others now


def restore(state: CustomerState, fetched: Fetched) -> Restored:
    """Put what a changelog fetch holds into the state.

    Raises:
        StateError: a record that this version cannot read.
    """
    columns = fetched.columns
    if len(columns) == 0:
        return Restored(None, older=False)
    newest: PartitionRecord | None = None
    own = _is_partition_key(fetched)
    for column in columns[own]:
        value = fetched.data[column[VALUE_START] : column[VALUE_END]]
        newest = _partition_record(value, int(column[OFFSET]))
    customers = columns[~own]
    if (customers[:, VALUE_END] < 0).any():
        customers = _without_erased(state, fetched.data, customers)
    older = bool(len(customers)) and _restore_rows(state, fetched.data, customers)
    return Restored(newest, older)


def _without_erased(
    state: CustomerState, data: bytes, customers: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Remove from the state who has a tombstone here; the rows that count, those behind it."""
    keys = [data[start:end] for start, end in customers[:, [KEY_START, KEY_END]].tolist()]
    erased = {key: i for i, key in enumerate(keys) if customers[i, VALUE_END] < 0}
    rows = [row for row in map(state.find, erased) if row >= 0]
    if rows:
        state.drop(np.array(rows))
    counts = [i > erased.get(key, -1) for i, key in enumerate(keys)]
    return customers[np.array(counts, np.bool_)]


def _is_partition_key(fetched: Fetched) -> NDArray[np.bool_]:
    # no customer's id starts with a zero byte, so the first byte tells
    data = np.frombuffer(fetched.data, np.uint8)
    starts, ends = fetched.columns[:, KEY_START], fetched.columns[:, KEY_END]
    own: NDArray[np.bool_] = ends - starts == len(PARTITION_KEY)
    own[own] = data[starts[own]] == PARTITION_KEY[0]
    return own


@kernel
def _copy_values(
    data: NDArray[np.uint8], starts: NDArray[np.int64], skip: int, out: NDArray[np.uint8]
) -> bool:
    """Copy what stands behind each record's prefix; False if their prefixes are not the same."""
    for i in range(starts.shape[0]):
        for j in range(skip):
            if data[starts[i] + j] != data[starts[0] + j]:
                return False
        first = np.uint64(starts[i] + skip)  # unsigned: a copy of memory, thirty times as fast
        for j in range(np.uint64(out.shape[1])):
            out[i, j] = data[first + j]
    return True


def _restore_rows(state: CustomerState, data: bytes, customers: NDArray[np.int64]) -> bool:
    """Whether rows of an older layout were among them."""
    first = data[customers[0, VALUE_START] : customers[0, VALUE_END]]
    layout, skip = _read_prefix(first, customers[0])
    stored = layout_dtype(layout)
    size = skip + stored.itemsize
    buffer = np.frombuffer(data, np.uint8)
    starts = np.ascontiguousarray(customers[:, VALUE_START])
    if (customers[:, VALUE_END] - starts == size).all():
        values = np.empty((len(customers), stored.itemsize), np.uint8)
        if _copy_values(buffer, starts, skip, values):
            rows = values.view(stored).reshape(-1)
            _upsert(state, buffer, customers, as_current(rows))
            return layout != LAYOUT_VERSION
    for customer in customers:  # a fetch with rows of two layouts: rare, and once an upgrade
        value = data[customer[VALUE_START] : customer[VALUE_END]]
        layout, skip = _read_prefix(value, customer)
        stored = layout_dtype(layout)
        if len(value) - skip != stored.itemsize:
            raise _unreadable(
                customer, f"{len(value) - skip} bytes are not a row of layout {layout}"
            )
        rows = np.frombuffer(value, stored, count=1, offset=skip)
        _upsert(state, buffer, customer[None, :], as_current(rows))
    return True


def _upsert(
    state: CustomerState,
    keys: NDArray[np.uint8],
    customers: NDArray[np.int64],
    rows: NDArray[np.void],
) -> None:
    starts = np.ascontiguousarray(customers[:, KEY_START])
    ends = np.ascontiguousarray(customers[:, KEY_END])
    state.restore(keys, starts, ends, rows)


def as_current(rows: NDArray[np.void]) -> NDArray[np.void]:
    """Rows of any layout in today's.

    Fields are found by name; new ones are zero, dropped ones are forgotten.
    """
    if rows.dtype == CUSTOMER:
        return rows
    current = np.zeros(len(rows), CUSTOMER)
    for name in set(CUSTOMER.names or ()) & set(rows.dtype.names or ()):
        current[name] = rows[name]
    return current


@cache
def layout_dtype(version: int) -> np.dtype[np.void]:
    """The numpy type of a frozen layout."""
    if version == LAYOUT_VERSION:
        return CUSTOMER
    try:
        layout = frozen_layout(version)
    except FileNotFoundError:
        raise StateError(
            f"the changelog holds rows of layout {version}, "
            f"this version knows up to {LAYOUT_VERSION}",
            remedy="Run the version of offbeat that wrote them, or a newer one.",
        ) from None
    return np.dtype(
        {
            "names": [field.name for field in layout.fields],
            "formats": [(field.type, tuple(field.shape)) for field in layout.fields],
            "offsets": [field.offset for field in layout.fields],
            "itemsize": layout.itemsize,
        }
    )


def _partition_record(value: bytes, offset: int) -> PartitionRecord:
    try:
        return decode_partition(value)
    except ValueError as error:
        raise StateError(
            f"the partition's own record at offset {offset} cannot be read: {error}",
            remedy="Run the version of offbeat that wrote it, or a newer one.",
        ) from error


def _read_prefix(value: bytes, column: NDArray[np.int64]) -> tuple[int, int]:
    try:
        return read_prefix(value)
    except ValueError as error:
        raise _unreadable(column, str(error)) from error


def _unreadable(column: NDArray[np.int64], why: str) -> StateError:
    return StateError(
        f"the row at changelog offset {column[OFFSET]} cannot be read: {why}",
        remedy="Run the version of offbeat that wrote it, "
        "or delete the state and replay the inputs.",
    )
