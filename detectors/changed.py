"""Which rows are dirty: a bit for each, the lowest of a word for the first of its 64 rows.

They are found where they stand, so whoever writes them gets them in the order of memory, and a
partition of millions, few of whom have changed, is some ten thousand words to look at.
"""

import numpy as np
from numpy.typing import NDArray

from detectors.addresses import trailing_zeros
from detectors.compiled import kernel

WORD = 64  # rows

Words = NDArray[np.uint64]


def words_of(rows: int) -> int:
    """How many words so many rows have."""
    return -(-rows // WORD)


@kernel
def note_dirty(row: int, dirty: Words) -> None:
    """The row has changed."""
    dirty[row // WORD] |= np.uint64(1) << np.uint64(row % WORD)


@kernel
def note_clean(rows: NDArray[np.int32], dirty: Words) -> None:
    """These rows are not dirty any more."""
    for i in range(rows.shape[0]):
        row = int(rows[i])
        dirty[row // WORD] &= ~(np.uint64(1) << np.uint64(row % WORD))


@kernel
def take_dirty(dirty: Words, size: int, first: int, out: NDArray[np.int32]) -> tuple[int, int]:
    """Write the dirty rows into `out`, from that word on, and clean them.

    Returns how many they were, and the word to go on from where `out` is full.
    """
    count, words = 0, (size + WORD - 1) // WORD
    for word in range(first, words):
        bits = dirty[word]
        if bits == np.uint64(0):
            continue
        if count + WORD > out.shape[0]:
            return count, word
        while bits != np.uint64(0):
            out[count] = word * WORD + trailing_zeros(bits)
            count += 1
            bits &= bits - np.uint64(1)
        dirty[word] = np.uint64(0)
    return count, words


def flags_of(dirty: Words, size: int) -> NDArray[np.uint8]:
    """Of each of so many rows, 1 if it is dirty."""
    return np.unpackbits(dirty.astype("<u8").view(np.uint8), count=size, bitorder="little")


def words_from(flags: NDArray[np.uint8]) -> Words:
    """The other way round."""
    padded = np.zeros(words_of(len(flags)) * WORD, np.uint8)
    padded[: len(flags)] = flags
    return np.packbits(padded, bitorder="little").view("<u8").astype(np.uint64)
