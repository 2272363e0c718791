"""Customer id -> row: a compiled open-addressing table over the bytes of the ids.

A slot holds a row number and, in the bits above it, some of the customer's hash (the lowest ones),
so that nearly all other customers are told apart without a look at their ids. The table has five
slots for four customers; a customer stands at `high half of the hash * slots / 2**32` or at the
next free slot after it. So its size is any number, and it grows as finely as the rows do. The ids
lie one after the other in one buffer: row r is `ids[id_ends[r]:id_ends[r + 1]]`. Where a customer
is removed, or there is no room for another, the table is built anew.

In millions of customers nearly every look is a miss of all caches, some 100 ns or more. So slots,
ends and ids are asked for `AHEAD` customers before they are looked at: then they come at once.
"""

import numpy as np
from numpy.typing import NDArray

from detectors.addresses import address_of, prefetch, same
from detectors.compiled import kernel

FREE = np.uint32(0xFFFFFFFF)  # no row: row numbers are below the bits' all ones
SEED = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio: odd, no pattern in its bits
MULTIPLIER = np.uint64(0xFF51AFD7ED558CCD)  # 64-bit finaliser constants of MurmurHash3
FINAL = np.uint64(0xC4CEB9FE1A85EC53)
HALF = np.uint64(32)
BYTE = np.uint64(8)
ONE = np.uint64(1)
LOW_HALF = np.uint64(0xFFFFFFFF)
AHEAD = 16  # customers: 16 times the work on one, some 30 ns, is longer than a miss takes


@kernel
def hash_bytes(buffer: NDArray[np.uint8], start: int, end: int) -> np.uint64:
    """64-bit hash of one slice: eight bytes at a time through a multiply-xorshift; never 0."""
    state = (SEED ^ np.uint64(end - start)) * FINAL
    position = start
    while position < end:
        word = np.uint64(0)
        shift = np.uint64(0)
        stop = min(position + 8, end)
        while position < stop:
            word |= np.uint64(buffer[position]) << shift
            shift += BYTE
            position += 1
        state = (state ^ word) * MULTIPLIER
        state ^= state >> HALF
    state *= FINAL
    state ^= state >> HALF
    return state if state != np.uint64(0) else ONE


@kernel
def hash_all(
    buffer: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    out: NDArray[np.uint64],
) -> None:
    """`hash_bytes` of every slice."""
    for i in range(starts.shape[0]):
        out[i] = hash_bytes(buffer, starts[i], ends[i])


def hash_slices(
    buffer: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """64-bit hashes of `buffer[starts[i]:ends[i]]`; stable between versions, never 0."""
    out = np.empty(starts.shape[0], np.uint64)
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64 is meant
        hash_all(buffer, starts, ends, out)
    return out


def slots_for(capacity: int) -> int:
    """How many slots the table of so many customers has."""
    return capacity + capacity // 4 + 1


def row_bits(capacity: int) -> np.uint64:
    """How many bits of a slot are the row's, whose number is below capacity: never all ones."""
    return np.uint64(capacity.bit_length())


@kernel
def first_slot(hashed: np.uint64, slots: int) -> int:
    """Where the search for a customer begins."""
    return np.int64(((hashed >> HALF) * np.uint64(slots)) >> HALF)  # type: ignore[return-value]  # compiled, np.int64 and int are the same


@kernel
def mark_of(hashed: np.uint64, bits: np.uint64) -> np.uint64:
    """What a slot holds beside the row."""
    return (hashed << bits) & LOW_HALF


@kernel
def find_slot(
    slots: NDArray[np.uint32],
    bits: np.uint64,
    ids: NDArray[np.uint8],
    id_ends: NDArray[np.int32],
    keys: NDArray[np.uint8],
    start: int,
    end: int,
    hashed: np.uint64,
) -> int:
    """The slot of the customer `keys[start:end]`, or the free one where it would stand."""
    mark = mark_of(hashed, bits)
    slot = first_slot(hashed, slots.shape[0])
    while slots[slot] != FREE:
        row = np.uint64(slots[slot]) ^ mark
        if row >> bits == np.uint64(0):
            begin = id_ends[np.int64(row)]
            if id_ends[np.int64(row) + 1] - begin == end - start and same(
                address_of(ids), begin, address_of(keys), start, end - start
            ):
                return slot
        slot += 1
        if slot == slots.shape[0]:
            slot = 0
    return slot


@kernel
def row_in(slots: NDArray[np.uint32], slot: int, bits: np.uint64) -> int:
    """The row that stands in a slot; -1 if none does."""
    if slots[slot] == FREE:
        return -1
    return np.int64(np.uint64(slots[slot]) & ((ONE << bits) - ONE))  # type: ignore[return-value]  # as above


@kernel
def fill_slots(
    slots: NDArray[np.uint32], bits: np.uint64, hashes: NDArray[np.uint64], size: int
) -> None:
    """Build the table anew from the rows' hashes; `slots` comes all free."""
    count = slots.shape[0]
    address = address_of(slots)
    for row in range(size):
        if row + AHEAD < size:
            prefetch(address + 4 * first_slot(hashes[row + AHEAD], count))
        slot = first_slot(hashes[row], count)
        while slots[slot] != FREE:
            slot += 1
            if slot == count:
                slot = 0
        slots[slot] = np.uint32(mark_of(hashes[row], bits) | np.uint64(row))


@kernel
def locate_all(
    slots: NDArray[np.uint32],
    bits: np.uint64,
    hashes: NDArray[np.uint64],
    ids: NDArray[np.uint8],
    id_ends: NDArray[np.int32],
    size: int,
    keys: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    hashed: NDArray[np.uint64],
    rows: NDArray[np.int32],
    position: int,
) -> tuple[int, int]:
    """Find or add the customers from `position` on, whose hashes are `hashed`.

    Returns (size, position): it stops early when rows or the id buffer have no room for the next
    new customer, and goes on from `position` when the caller has made some.
    """
    count = starts.shape[0]
    slots_at, ends_at, ids_at = address_of(slots), address_of(id_ends), address_of(ids)
    while position < count:
        if position + 3 * AHEAD < count:
            prefetch(slots_at + 4 * first_slot(hashed[position + 3 * AHEAD], slots.shape[0]))
        if position + 2 * AHEAD < count:
            likely = _likely_row(slots, bits, hashed[position + 2 * AHEAD])
            if likely >= 0:
                prefetch(ends_at + 4 * likely)
        if position + AHEAD < count:
            likely = _likely_row(slots, bits, hashed[position + AHEAD])
            if likely >= 0:
                prefetch(ids_at + int(id_ends[likely]))
        start, end = starts[position], ends[position]
        slot = find_slot(slots, bits, ids, id_ends, keys, start, end, hashed[position])
        row = row_in(slots, slot, bits)
        if row < 0:
            used = id_ends[size]
            if size >= hashes.shape[0] or used + end - start > ids.shape[0]:
                return size, position
            for i in range(end - start):
                ids[used + i] = keys[start + i]
            row = size
            id_ends[row + 1] = used + end - start
            hashes[row] = hashed[position]
            slots[slot] = np.uint32(mark_of(hashed[position], bits) | np.uint64(row))
            size += 1
        rows[position] = row
        position += 1
    return size, position


@kernel
def _likely_row(slots: NDArray[np.uint32], bits: np.uint64, hashed: np.uint64) -> int:
    """The row that a customer probably has; -1 if none."""
    mark = mark_of(hashed, bits)
    slot = first_slot(hashed, slots.shape[0])
    while slots[slot] != FREE:
        row = np.uint64(slots[slot]) ^ mark
        if row >> bits == np.uint64(0):
            return np.int64(row)  # type: ignore[return-value]  # as above
        slot += 1
        if slot == slots.shape[0]:
            slot = 0
    return -1


@kernel
def measure_ids(
    id_ends: NDArray[np.int32],
    rows: NDArray[np.int32],
    ids: NDArray[np.uint8],
    ends: NDArray[np.int64],
) -> None:
    """Where the ids of these rows end when they stand side by side; asks for their bytes, too."""
    ends_at, ids_at, count = address_of(id_ends), address_of(ids), rows.shape[0]
    ends[0] = 0
    for i in range(count):
        if i + AHEAD < count:
            prefetch(ends_at + 4 * int(rows[i + AHEAD]))
        start, end = id_ends[rows[i]], id_ends[rows[i] + 1]
        prefetch(ids_at + int(start))
        ends[i + 1] = ends[i] + end - start


@kernel
def copy_ids(
    ids: NDArray[np.uint8],
    id_ends: NDArray[np.int32],
    rows: NDArray[np.int32],
    ends: NDArray[np.int64],
    out: NDArray[np.uint8],
) -> None:
    """Copy the ids of these rows to where `measure_ids` said."""
    for i in range(rows.shape[0]):
        start, first = np.uint64(id_ends[rows[i]]), np.uint64(ends[i])  # unsigned: no sign to check
        for j in range(np.uint64(ends[i + 1] - ends[i])):
            out[first + j] = ids[start + j]
