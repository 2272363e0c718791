"""One number for all rows of a partition: whether what is read back is what was written.

The digest is the sum of a 32-bit hash of each row and its customer's id. A sum takes rows in any
order and changes by what changed, so a transaction costs the hashes of its own rows. It is no
secret and no signature: it notices what was lost or is old, not what somebody forged, and in one of
four thousand million cases by chance it does not.
"""

import numpy as np
from numpy.typing import NDArray

from detectors.addresses import LINE_BYTES, address_of, prefetch
from detectors.compiled import kernel
from detectors.index import FINAL, HALF, MULTIPLIER, SEED
from detectors.memory import Column, larger

FORMULA = "2:"  # before a digest: another one cannot be compared with it
_WORD = 8
_AHEAD = 8  # rows that are asked for before their turn: 4 KB
_FAR = 32  # hashes


@kernel
def _mixed(state: np.uint64, word: np.uint64) -> np.uint64:
    state = (state ^ word) * MULTIPLIER
    return state ^ (state >> HALF)


@kernel
def _hash_row(words: NDArray[np.uint64], row: int, identity: np.uint64) -> np.uint32:
    """A hash of one row, never 0.

    Four at once, each of every fourth word: one alone would wait for its own multiplications.
    """
    one, two = identity, identity ^ SEED
    three, four = identity ^ MULTIPLIER, identity ^ FINAL
    whole = words.shape[1] // 4 * 4
    for j in range(0, whole, 4):
        one, two = _mixed(one, words[row, j]), _mixed(two, words[row, j + 1])
        three, four = _mixed(three, words[row, j + 2]), _mixed(four, words[row, j + 3])
    for j in range(whole, words.shape[1]):
        one = _mixed(one, words[row, j])
    state = _mixed(_mixed(_mixed(one, two), three), four) * FINAL
    return np.uint32(max(state >> HALF, np.uint64(1)))


@kernel
def _hash_rows(words: NDArray[np.uint64], ids: NDArray[np.uint64], out: NDArray[np.uint32]) -> None:
    for i in range(out.shape[0]):
        out[i] = _hash_row(words, i, ids[i])


@kernel
def _copy_rows(
    words: NDArray[np.uint64],
    rows: NDArray[np.int32],
    ids: NDArray[np.uint64],
    values: NDArray[np.uint64],
    out: NDArray[np.uint32],
) -> None:
    address, width = address_of(words), words.shape[1] * _WORD
    ids_at, count = address_of(ids), rows.shape[0]
    for i in range(-_AHEAD, count):
        if i + _AHEAD < count:
            ahead = int(rows[i + _AHEAD])
            for line in range(0, width, LINE_BYTES):
                prefetch(address + ahead * width + line)
            prefetch(ids_at + _WORD * ahead)
        if i >= 0:
            row = np.uint64(rows[i])  # unsigned: a copy of memory
            for j in range(words.shape[1]):
                values[i, j] = words[row, j]
            out[i] = _hash_row(values, i, ids[row])


@kernel
def _replace(
    rows: NDArray[np.int32], hashes: NDArray[np.uint32], known: NDArray[np.uint32]
) -> tuple[int, int]:
    """How many of them are new, and by how much the sum grows."""
    address, count, new, grown = address_of(known), rows.shape[0], 0, 0
    for i in range(count):
        if i + _FAR < count:
            prefetch(address + known.itemsize * int(rows[i + _FAR]))
        before = int(known[rows[i]])
        new += int(before == 0)
        grown += int(hashes[i]) - before
        known[rows[i]] = hashes[i]
    return new, grown


def copy_rows(
    values: NDArray[np.uint8], rows: NDArray[np.int32], ids: NDArray[np.uint64]
) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    """Some of the rows, and the hash of each, never 0.

    Args:
        values: uint8[all rows, bytes], contiguous, a multiple of 8 bytes wide.
        rows: which.
        ids: the hashes of the customers' ids, of all rows.
    """
    copied = np.empty((len(rows), values.shape[1]), np.uint8)
    out = np.empty(len(rows), np.uint32)
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64 is meant
        _copy_rows(_words(values), rows, ids, _words(copied), out)
    return copied, out


def _words(values: NDArray[np.uint8]) -> NDArray[np.uint64]:
    return values.view(np.uint64).reshape(len(values), values.shape[1] // _WORD)


class Digest:
    """The sum over all rows; also counts them, a row without a hash not among them.

    Args:
        values: uint8[rows, bytes], contiguous, a multiple of 8 bytes wide: those that are there.
        ids: the hashes of their customers' ids.
    """

    def __init__(self, values: NDArray[np.uint8], ids: NDArray[np.uint64]) -> None:
        self._hashes = Column[np.uint32](np.uint32, max(len(values), 1))
        with np.errstate(over="ignore"):  # as above
            _hash_rows(_words(values), ids, self._hashes.items[: len(values)])
        self._sum = _total(self._hashes.items)
        self.rows = len(values)

    @property
    def nbytes(self) -> int:
        """Memory of the hashes."""
        return self._hashes.items.nbytes

    def replace(self, rows: NDArray[np.int32], hashes: NDArray[np.uint32]) -> None:
        """These rows are new, or have changed; each stands there once."""
        most = int(rows.max()) + 1
        if most > len(self._hashes.items):
            self._hashes.grow(max(most, larger(len(self._hashes.items))))
        new, grown = _replace(rows, hashes, self._hashes.items)
        self.rows += new
        self._sum += grown

    def forget(self, moved: NDArray[np.int32]) -> None:
        """Rows have other numbers now: `moved` has the new one of each old one, -1 for who went.

        Those that stay keep their order.
        """
        known = self._hashes.items[: len(moved)]
        stays = moved[: len(known)] >= 0
        gone, left = known[~stays], known[stays]
        self.rows -= int(np.count_nonzero(gone))
        self._sum -= _total(gone)
        known[: len(left)], known[len(left) :] = left, 0

    def __str__(self) -> str:
        return digest_of(self._sum)

    @property
    def total(self) -> int:
        """The sum; those of disjoint rows add up."""
        return self._sum


def digest_of(total: int) -> str:
    """As it is written."""
    return f"{FORMULA}{total % 2**64:016x}"


def comparable(digest: str) -> bool:
    """Whether a digest that was read is of this version's formula."""
    return digest.startswith(FORMULA)


def _total(hashes: NDArray[np.uint32]) -> int:
    return int(hashes.sum(dtype=np.uint64))
