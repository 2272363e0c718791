"""The kernels of `steps` over millions of rows: what comes next is asked for before its turn.

A row that nobody has looked at for a while lies in main memory, eight lines of it; one after the
other they take longer than everything that is done with them. The order in which observations are
applied is theirs, whatever was asked for.
"""

import numpy as np
from numpy.typing import NDArray

from detectors.addresses import LINE_BYTES, address_of, prefetch
from detectors.blocks import BLOCK, look_at, note_row
from detectors.changed import WORD, Words
from detectors.compiled import Bytes, Rows, kernel
from detectors.customer import CUSTOMER
from detectors.steps import advance_all, apply_all

AHEAD = 16  # rows: 8 KB of the first cache
BLOCKS = 1024  # whose rows are looked through at once: usually some of them are due
ROW_BYTES = CUSTOMER.itemsize


@kernel
def prefetch_rows(
    rows: Rows,
    dirty: Words,
    hashes: NDArray[np.uint64],
    observations: Rows,
    first: int,
    end: int,
) -> None:
    """Ask for what the observations from `first` to `end` will need."""
    rows_at, dirty_at, hashes_at = address_of(rows), address_of(dirty), address_of(hashes)
    for i in range(first, min(end, observations.shape[0])):
        row = int(observations[i].row)
        for line in range(0, ROW_BYTES, LINE_BYTES):
            prefetch(rows_at + row * ROW_BYTES + line)
        prefetch(dirty_at + 8 * (row // WORD))
        prefetch(hashes_at + 8 * row)


@kernel
def apply_ahead(
    rows: Rows,
    dues: NDArray[np.float64],
    dirty: Words,
    hashes: NDArray[np.uint64],
    earliest: NDArray[np.float64],
    observations: Rows,
    ids: Bytes,
    profile: Rows,
    decisions: Rows,
    customers: Rows,
    examples: Rows,
    counts: NDArray[np.int64],
    population: Rows,
    position: int,
) -> int:
    """`steps.apply_all`, some observations at once; the blocks of their rows know of it."""
    prefetch_rows(rows, dirty, hashes, observations, position, position + AHEAD)
    while position < observations.shape[0]:
        end = min(position + AHEAD, observations.shape[0])
        prefetch_rows(rows, dirty, hashes, observations, end, end + AHEAD)
        reached = apply_all(
            rows, dues, dirty, hashes, observations[:end], ids, profile, decisions, customers,
            examples, counts, population, position,
        )  # fmt: skip
        # the one that it stopped at may have had a due that was taken
        for i in range(position, min(reached + 1, end)):
            row = int(observations[i].row)
            note_row(row, dues, earliest)
        position = reached
        if reached < end:
            break
    return position


@kernel
def prefetch_due_rows(
    rows: Rows,
    dues: NDArray[np.float64],
    dirty: Words,
    earliest: NDArray[np.float64],
    until: float,
    first: int,
    end: int,
    size: int,
) -> bool:
    """Ask for the rows that may be due, of the blocks from `first` to `end`; whether any are."""
    count = 0
    for block in range(first, end):  # by itself, then it is compiled to many at once
        count += int(earliest[block] <= until)
    if count == 0:
        return False
    rows_at, dirty_at = address_of(rows), address_of(dirty)
    for block in range(first, end):
        if earliest[block] <= until:
            for row in range(block * BLOCK, min((block + 1) * BLOCK, size)):
                prefetch(rows_at + row * ROW_BYTES)
            prefetch(dirty_at + 8 * (block * BLOCK // WORD))
    for block in range(first, end):
        if earliest[block] <= until:
            for row in range(block * BLOCK, min((block + 1) * BLOCK, size)):
                if dues[row] <= until:
                    for line in range(LINE_BYTES, ROW_BYTES, LINE_BYTES):
                        prefetch(rows_at + row * ROW_BYTES + line)
    return True


@kernel
def advance_blocks(
    rows: Rows,
    dues: NDArray[np.float64],
    dirty: Words,
    earliest: NDArray[np.float64],
    size: int,
    watermark: float,
    profile: Rows,
    decisions: Rows,
    customers: Rows,
    examples: Rows,
    counts: NDArray[np.int64],
    population: Rows,
    position: int,
) -> int:
    """`steps.advance_all` over the blocks in which somebody may be due."""
    lateness = profile[0].allowed_lateness_seconds
    blocks = (size + BLOCK - 1) // BLOCK
    while position < size:
        first = position // BLOCK
        last = min(first + BLOCKS, blocks)
        stop = min(last * BLOCK, size)
        # rounding may add one block in vain, and takes none away
        until = np.nextafter(watermark - lateness, np.inf)
        if not prefetch_due_rows(rows, dues, dirty, earliest, until, first, last, size):
            position = stop
        while position < stop:
            block = position // BLOCK
            end = min((block + 1) * BLOCK, size)
            if earliest[block] + lateness < watermark:
                position = advance_all(
                    rows, dues, dirty, end, watermark, profile, decisions, customers, examples,
                    counts, population, position,
                )  # fmt: skip
                if position < end:
                    return position
                look_at(block, size, dues, earliest)
            position = end
    return position
