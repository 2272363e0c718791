"""Many short texts as one buffer, and what can be said of all of them at once."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel
from detectors.index import same_bytes

_SPACE = ord(" ")


class Texts(NamedTuple):
    """UTF-8 of texts, with a space between: text i is `data[starts[i]:ends[i]]`."""

    data: bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


def texts(strings: list[str]) -> Texts:
    """Join texts that a JSON decoder made (at least one; they hold no lone surrogates)."""
    data = " ".join(strings).encode()
    spaces = np.flatnonzero(np.frombuffer(data, np.uint8) == _SPACE)
    if len(spaces) != len(strings) - 1:  # spaces in a text: measure them one by one
        sizes = np.array([len(text.encode()) for text in strings], np.int64)
        spaces = np.cumsum(sizes + 1)[:-1] - 1
    starts, ends = np.zeros(len(strings), np.int64), np.empty(len(strings), np.int64)
    starts[1:], ends[:-1], ends[-1] = spaces + 1, spaces, len(data)
    return Texts(data, starts, ends)


def printable(strings: list[str]) -> NDArray[np.bool_] | bool:
    """Which texts are printable; one answer if it is the same for all."""
    return "".join(strings).isprintable() or np.fromiter(
        map(str.isprintable, strings), np.bool_, len(strings)
    )


def same_slices(
    buffer: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], of: Texts
) -> NDArray[np.bool_]:
    """Whether `buffer[starts[i]:ends[i]]` is text i, byte for byte."""
    same = np.empty(len(starts), np.bool_)
    _compare(buffer, starts, ends, np.frombuffer(of.data, np.uint8), of.starts, of.ends, same)
    return same


@kernel
def _compare(
    one: NDArray[np.uint8],
    one_starts: NDArray[np.int64],
    one_ends: NDArray[np.int64],
    two: NDArray[np.uint8],
    two_starts: NDArray[np.int64],
    two_ends: NDArray[np.int64],
    same: NDArray[np.bool_],
) -> None:
    for i in range(same.shape[0]):
        length = one_ends[i] - one_starts[i]
        same[i] = length == two_ends[i] - two_starts[i] and same_bytes(
            one, one_starts[i], two, two_starts[i], length
        )
