"""Which records carry a header, over the header blocks of a whole fetch."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel
from streams.kafka.columns import HEADERS_END, HEADERS_START, varint


class Marked(NamedTuple):
    """What the headers of a fetch's records say, record by record."""

    carries: NDArray[np.bool_]  # whether there is a header of the one name
    starts: NDArray[np.int64]  # where the value of the other begins; -1: none of its size is there


@kernel
def _marked(
    buffer: NDArray[np.uint8],
    columns: NDArray[np.int64],
    name: NDArray[np.uint8],
    other: NDArray[np.uint8],
    wanted: int,
    carries: NDArray[np.bool_],
    starts: NDArray[np.int64],
) -> None:
    # one function: numba counts references to the arrays at each call of another
    for row in range(columns.shape[0]):
        pos, end = int(columns[row, HEADERS_START]), int(columns[row, HEADERS_END])
        carries[row], starts[row] = False, -1
        if end - pos <= 1:  # a count of 0 is one zero byte, and most records have no more
            continue
        count, pos = varint(buffer, pos, end)
        for _ in range(count if pos >= 0 else 0):
            size, pos = varint(buffer, pos, end)
            if pos < 0 or size > end - pos:
                break
            is_name, is_other = size == name.shape[0], size == other.shape[0]
            i = 0
            while (is_name or is_other) and i < size:
                is_name = is_name and buffer[pos + i] == name[i]
                is_other = is_other and buffer[pos + i] == other[i]
                i += 1
            if is_name:
                carries[row] = True
            size, pos = varint(buffer, pos + max(size, 0), end)
            if pos < 0 or size > end - pos:
                break
            if is_other and size == wanted:
                starts[row] = pos
            pos += max(size, 0)


def marked(
    buffer: NDArray[np.uint8], columns: NDArray[np.int64], name: str, other: str, size: int
) -> Marked:
    """Look for a header `name`, and for one called `other` with a value of `size` bytes.

    In one pass, a row of `columns` each. A damaged header block has those before the damage, as
    `Records.parts` reads it. Of several called `other` the last one counts.
    """
    carries, starts = np.empty(len(columns), np.bool_), np.empty(len(columns), np.int64)
    names = [np.frombuffer(text.encode(), np.uint8) for text in (name, other)]
    _marked(buffer, columns, names[0], names[1], size, carries, starts)
    return Marked(carries, starts)
