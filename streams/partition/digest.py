"""One number for all rows of a partition: whether what is read back is what was written.

The digest is the sum, modulo 2**64, of a hash of each row and its customer's id. A sum takes rows
in any order and changes by what changed, so a transaction costs the hashes of its own rows. It is
no secret and no signature: it notices what was lost or is old, not what somebody forged.
"""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel
from detectors.index import FINAL, HALF, MULTIPLIER, ONE

_WORD = 8


@kernel
def _hash_rows(words: NDArray[np.uint64], ids: NDArray[np.uint64], out: NDArray[np.uint64]) -> None:
    for i in range(words.shape[0]):
        state = ids[i]
        for j in range(words.shape[1]):
            state = (state ^ words[i, j]) * MULTIPLIER
            state ^= state >> HALF
        state *= FINAL
        state ^= state >> HALF
        out[i] = max(state, ONE)


def row_hashes(values: NDArray[np.uint8], ids: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A hash of each row, never 0.

    Args:
        values: uint8[rows, bytes], contiguous, a multiple of 8 bytes wide.
        ids: the hashes of their customers' ids.
    """
    words = values.view(np.uint64).reshape(len(values), values.shape[1] // _WORD)
    out = np.empty(len(values), np.uint64)
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64 is meant
        _hash_rows(words, ids, out)
    return out


class Digest:
    """The sum over all rows; also counts them, a row without a hash not among them."""

    def __init__(self, hashes: NDArray[np.uint64]) -> None:
        self._hashes = hashes
        self._sum = _total(hashes)
        self.rows = len(hashes)

    def replace(self, rows: NDArray[np.int32], hashes: NDArray[np.uint64]) -> None:
        """These rows are new, or have changed; each stands there once."""
        most = int(rows.max()) + 1
        if most > len(self._hashes):
            more = max(most, 2 * len(self._hashes)) - len(self._hashes)
            self._hashes = np.append(self._hashes, np.zeros(more, np.uint64))
        before = self._hashes[rows]
        self.rows += int(np.count_nonzero(before == 0))
        self._sum += _total(hashes) - _total(before)
        self._hashes[rows] = hashes

    def forget(self, moved: NDArray[np.int32]) -> None:
        """Rows have other numbers now: `moved` has the new one of each old one, -1 for who went.

        Those that stay keep their order.
        """
        known = self._hashes[: len(moved)]
        stays = moved[: len(known)] >= 0
        gone = known[~stays]
        self.rows -= int(np.count_nonzero(gone))
        self._sum -= _total(gone)
        self._hashes = known[stays]

    def __str__(self) -> str:
        return f"{self._sum % 2**64:016x}"


def _total(hashes: NDArray[np.uint64]) -> int:
    return int(hashes.sum(dtype=np.uint64))  # modulo 2**64 by itself
