"""Which records carry a header, over the header blocks of a whole fetch."""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel
from streams.kafka.columns import HEADERS_END, HEADERS_START, varint


@kernel
def _carries(buffer: NDArray[np.uint8], pos: int, end: int, name: NDArray[np.uint8]) -> bool:
    count, pos = varint(buffer, pos, end)
    for _ in range(count if pos >= 0 else 0):
        size, pos = varint(buffer, pos, end)
        if pos < 0 or size > end - pos:
            return False
        same = size == name.shape[0]
        i = 0
        while same and i < size:
            same = buffer[pos + i] == name[i]
            i += 1
        if same:
            return True
        size, pos = varint(buffer, pos + max(size, 0), end)
        if pos < 0 or size > end - pos:
            return False
        pos += max(size, 0)
    return False


@kernel
def _carriers(
    buffer: NDArray[np.uint8],
    columns: NDArray[np.int64],
    name: NDArray[np.uint8],
    out: NDArray[np.bool_],
) -> None:
    for i in range(columns.shape[0]):
        pos, end = int(columns[i, HEADERS_START]), int(columns[i, HEADERS_END])
        # a count of 0 is one zero byte, and most records have no more
        out[i] = end - pos > 1 and _carries(buffer, pos, end, name)


def carriers(buffer: NDArray[np.uint8], columns: NDArray[np.int64], name: str) -> NDArray[np.bool_]:
    """Which records, a row of `columns` each, have a header of that name.

    A damaged header block has those before the damage, as `Records.parts` reads it.
    """
    out = np.empty(len(columns), np.bool_)
    _carriers(buffer, columns, np.frombuffer(name.encode(), np.uint8), out)
    return out
