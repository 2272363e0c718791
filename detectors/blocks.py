"""Sixteen rows at once: when the first of them is due, and whether any has changed.

Looking for who fell due, or changed, is then a look at one number for sixteen customers, and at
the customers of those blocks alone where there is something.

`earliest` is never later than any due of its block, so nothing is missed. It may be earlier: a
customer who is seen again is due later than before. Then the block is looked at once in vain, and
says it exactly from there on. `touched` has a bit for each row that is dirty.
"""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel

BLOCK = 16  # rows; their dues are as many lines of memory, which come at once
MANY = 64  # blocks that are passed over together


def blocks_of(rows: int) -> int:
    """How many blocks so many rows have."""
    return -(-rows // BLOCK)


@kernel
def note_row(row: int, dues: NDArray[np.float64], earliest: NDArray[np.float64]) -> None:
    """The row's due may have changed."""
    earliest[row // BLOCK] = min(earliest[row // BLOCK], dues[row])


@kernel
def note_rows(
    rows: NDArray[np.int32], dues: NDArray[np.float64], earliest: NDArray[np.float64]
) -> None:
    """The dues of these rows may have changed."""
    for i in range(rows.shape[0]):
        note_row(rows[i], dues, earliest)


@kernel
def look_at(
    block: int, size: int, dues: NDArray[np.float64], earliest: NDArray[np.float64]
) -> None:
    """Let `earliest` of a block be exact."""
    least = np.inf
    for row in range(block * BLOCK, min((block + 1) * BLOCK, size)):
        least = min(least, dues[row])
    earliest[block] = least


@kernel
def least_due(
    size: int,
    dues: NDArray[np.float64],
    earliest: NDArray[np.float64],
    before: float,
    lateness: float,
) -> float:
    """The least due + lateness if it is below `before`; else something that is not below."""
    least = np.inf
    for block in range((size + BLOCK - 1) // BLOCK):
        if earliest[block] + lateness < before:
            look_at(block, size, dues, earliest)
        least = min(least, earliest[block])
    return least + lateness


@kernel
def note_dirty(row: int, dirty: NDArray[np.uint8], touched: NDArray[np.uint16]) -> None:
    """The row may have become dirty."""
    if dirty[row]:
        block = row // BLOCK
        touched[block] = np.uint16(int(touched[block]) | (1 << (row - block * BLOCK)))


def dirty_bits(dirty: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """`touched` of blocks of which nothing is known."""
    padded = np.zeros((blocks_of(len(dirty)), BLOCK), np.uint8)
    padded.reshape(-1)[: len(dirty)] = dirty
    return np.packbits(padded, axis=1, bitorder="little").view("<u2").reshape(-1)


@kernel
def note_clean(
    rows: NDArray[np.int32], dirty: NDArray[np.uint8], touched: NDArray[np.uint16]
) -> None:
    """These rows are not dirty any more."""
    for i in range(rows.shape[0]):
        row = int(rows[i])
        dirty[row] = 0
        touched[row // BLOCK] = np.uint16(int(touched[row // BLOCK]) & ~(1 << row % BLOCK))


@kernel
def take_dirty(
    touched: NDArray[np.uint16], dirty: NDArray[np.uint8], size: int, out: NDArray[np.int32]
) -> int:
    """Write the dirty rows into `out`, clean them, and say how many they were.

    It stops where `out` is full, and can be called again then.
    """
    count, blocks = 0, (size + BLOCK - 1) // BLOCK
    for first in range(0, blocks, MANY):
        last = min(first + MANY, blocks)
        if not any_of(touched, first, last):
            continue
        for block in range(first, last):
            if touched[block] == 0:
                continue
            if count + BLOCK > out.shape[0]:
                return count
            for bit in range(BLOCK):
                if (int(touched[block]) >> bit) & 1:
                    dirty[block * BLOCK + bit] = 0
                    out[count] = block * BLOCK + bit
                    count += 1
            touched[block] = 0
    return count


@kernel
def any_of(touched: NDArray[np.uint16], first: int, last: int) -> bool:
    """Whether one of the blocks was touched; without a way out it is compiled to many at once."""
    found = np.uint16(0)
    for i in range(first, last):
        found |= touched[i]
    return bool(found)
