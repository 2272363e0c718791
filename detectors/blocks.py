"""Sixteen rows at once: when the first of them is due.

Looking for who fell due is then a look at one number for sixteen customers, and at the customers of
those blocks alone where somebody may be.

`earliest` is never later than any due of its block, so nothing is missed. It may be earlier: a
customer who is seen again is due later than before. Then the block is looked at once in vain, and
says it exactly from there on.
"""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel

BLOCK = 16  # rows; their dues are as many lines of memory, which come at once


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
