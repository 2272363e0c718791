"""Customer id -> row: a compiled open-addressing table over the bytes of the ids.

`slots` holds row numbers (-1 = free) and has a power of two of them, at most half in use; a
customer stands at `hash & mask` or at the next free slot after it. The ids lie one after the other
in one buffer: row r is `ids[id_ends[r]:id_ends[r + 1]]`. Where a
customer is removed the table is built anew.
"""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel

FREE = -1
SEED = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio: odd, no pattern in its bits
MULTIPLIER = np.uint64(0xFF51AFD7ED558CCD)  # 64-bit finaliser constants of MurmurHash3
FINAL = np.uint64(0xC4CEB9FE1A85EC53)
HALF = np.uint64(32)
BYTE = np.uint64(8)
ONE = np.uint64(1)


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


@kernel
def same_bytes(
    one: NDArray[np.uint8], one_start: int, two: NDArray[np.uint8], two_start: int, length: int
) -> bool:
    """Whether two slices of the same length are equal."""
    for i in range(length):  # noqa: SIM110 (numba compiles loops, not generator expressions)
        if one[one_start + i] != two[two_start + i]:
            return False
    return True


@kernel
def find_slot(
    slots: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    ids: NDArray[np.uint8],
    id_ends: NDArray[np.int64],
    keys: NDArray[np.uint8],
    start: int,
    end: int,
    hashed: np.uint64,
) -> np.int64:
    """The slot of the customer `keys[start:end]`, or the free one where it would stand."""
    mask = np.uint64(slots.shape[0] - 1)
    slot = np.int64(hashed & mask)
    while True:
        row = slots[slot]
        if row == FREE:
            return slot
        begin = id_ends[row]
        if (
            hashes[row] == hashed
            and id_ends[row + 1] - begin == end - start
            and same_bytes(ids, begin, keys, start, end - start)
        ):
            return slot
        slot = (slot + 1) & np.int64(mask)


@kernel
def fill_slots(slots: NDArray[np.int32], hashes: NDArray[np.uint64], size: int) -> None:
    """Build the table anew from the rows' hashes; `slots` comes all free."""
    mask = np.uint64(slots.shape[0] - 1)
    for row in range(size):
        slot = np.int64(hashes[row] & mask)
        while slots[slot] != FREE:
            slot = (slot + 1) & np.int64(mask)
        slots[slot] = row


@kernel
def locate_all(
    slots: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    ids: NDArray[np.uint8],
    id_ends: NDArray[np.int64],
    size: int,
    keys: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    rows: NDArray[np.int32],
    position: int,
) -> tuple[int, int]:
    """Find or add the customers from `position` on.

    Returns (size, position): it stops early when rows, slots or the id buffer have no room for
    the next new customer, and goes on from `position` when the caller has made some.
    """
    while position < starts.shape[0]:
        start, end = starts[position], ends[position]
        hashed = hash_bytes(keys, start, end)
        slot = find_slot(slots, hashes, ids, id_ends, keys, start, end, hashed)
        row = np.int64(slots[slot])
        if row == FREE:
            used = id_ends[size]
            if (
                size >= hashes.shape[0]
                or 2 * (size + 1) > slots.shape[0]
                or used + end - start > ids.shape[0]
            ):
                return size, position
            for i in range(end - start):
                ids[used + i] = keys[start + i]
            row = np.int64(size)
            id_ends[row + 1] = used + end - start
            hashes[row] = hashed
            slots[slot] = row
            size += 1
        rows[position] = row
        position += 1
    return size, position
