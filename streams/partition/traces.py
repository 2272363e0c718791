"""From an event to the alert that it causes: the W3C `traceparent` of its record.

An event that changes an episode does so at its own effective time, in the fetch that brought it. So
nothing has to be kept in state: what was read and not yet published is known with its traceparent,
and an alert of the same customer and time carries it on as it is. It names the span that sent the
event; offbeat makes no span of its own. Alerts of silence have no event, and no trace.

Only sampled traces (the flag 01) of version 00 are followed; everything else is as if absent.
https://www.w3.org/TR/trace-context/
"""

from collections.abc import Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from detectors.compiled import Bytes, kernel

TRACEPARENT = "traceparent"
TRACEPARENT_BYTES = 55  # 00-<32 hex>-<16 hex>-<2 hex>

# Of so many events at most, a partition; the oldest are let go. 64 bytes each.
MOST = 1 << 16

_HEX = np.zeros(256, np.bool_)
_HEX[list(b"0123456789abcdef")] = True
_ODD = np.zeros(256, np.bool_)
_ODD[list(b"13579bdf")] = True  # the last digit's last bit: sampled
_ZERO, _DASH = b"0-"
_TRACE, _PARENT, _FLAGS, _LAST = 2, 35, 52, 54  # the dashes, and the last digit

Parents = Mapping[tuple[int, float], bytes]
"""By the customer's row and the time of what was decided."""


@kernel
def _is_followed(buffer: Bytes, at: int) -> bool:
    """Whether a sampled traceparent of version 00 begins there."""
    if not _ODD[buffer[at + _LAST]] or buffer[at] != _ZERO or buffer[at + 1] != _ZERO:
        return False
    trace, parent = False, False  # whether there is a digit that is not 0
    for i in range(2, _LAST):
        digit = buffer[at + i]
        if i in (_TRACE, _PARENT, _FLAGS):
            if digit != _DASH:
                return False
        elif not _HEX[digit]:
            return False
        elif i < _PARENT:
            trace = trace or digit != _ZERO
        elif i < _FLAGS:
            parent = parent or digit != _ZERO
    return trace and parent


@kernel
def _followed(buffer: Bytes, starts: NDArray[np.int64], rows: NDArray[np.int64]) -> int:
    count = 0
    for row in range(starts.shape[0]):
        if starts[row] >= 0 and _is_followed(buffer, starts[row]):
            rows[count] = row
            count += 1
    return count


def valid_parents(
    buffer: Bytes, starts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bytes_]]:
    """Which of the records have a traceparent to follow, and those.

    `starts`: where each one's value begins in the buffer, -1 for none.
    """
    rows = np.empty(len(starts), np.int64)
    rows = rows[: _followed(buffer, starts, rows)]
    if not len(rows):
        return rows, np.empty(0, f"S{TRACEPARENT_BYTES}")
    texts = sliding_window_view(buffer, TRACEPARENT_BYTES)[starts[rows]]
    return rows, texts.view(f"S{TRACEPARENT_BYTES}").reshape(-1)


class Traces:
    """The traceparents of one partition's events that were read and not yet published."""

    def __init__(self) -> None:
        self._rows = np.empty(0, np.int32)
        self._times = np.empty(0)
        self._parents = np.empty(0, f"S{TRACEPARENT_BYTES}")

    def add(self, observations: NDArray[np.void], parents: NDArray[np.bytes_]) -> None:
        """Of these observations, whose effective times are set."""
        joined = (
            np.append(self._rows, observations["row"]),
            np.append(self._times, observations["effective_time"]),
            np.append(self._parents, parents),
        )
        self._rows, self._times, self._parents = (array[-MOST:] for array in joined)

    def of(self, rows: NDArray[np.int32], times: NDArray[np.float64]) -> Parents:
        """Those of what was decided about these customers at these times; of several the last."""
        if not len(self._rows) or not len(rows):
            return {}
        decided = set(zip(rows.tolist(), times.tolist(), strict=True))
        here = np.flatnonzero(np.isin(self._rows, rows))
        keys = zip(self._rows[here].tolist(), self._times[here].tolist(), strict=True)
        return {
            key: bytes(parent)
            for key, parent in zip(keys, self._parents[here], strict=True)
            if key in decided
        }

    def keep_from(self, watermark: float) -> None:
        """Let go of events before it: what they caused has been decided."""
        if len(self._rows):
            kept = self._times >= watermark
            self._rows, self._times = self._rows[kept], self._times[kept]
            self._parents = self._parents[kept]

    def clear(self) -> None:
        """Let go of all: customers have other rows now."""
        self.keep_from(np.inf)
