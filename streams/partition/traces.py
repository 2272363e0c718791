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

TRACEPARENT = "traceparent"
TRACEPARENT_BYTES = 55  # 00-<32 hex>-<16 hex>-<2 hex>

# Of so many events at most, a partition; the oldest are let go. 64 bytes each.
MOST = 1 << 16

_HEX = np.zeros(256, np.bool_)
_HEX[list(b"0123456789abcdef")] = True
_ODD = np.zeros(256, np.bool_)
_ODD[list(b"13579bdf")] = True  # the last digit's last bit: sampled
_DASHES = [2, 35, 52]
_TRACE, _PARENT = slice(3, 35), slice(36, 52)
_ZERO = ord("0")

Parents = Mapping[tuple[int, float], bytes]
"""By the customer's row and the time of what was decided."""


def valid_parents(
    buffer: NDArray[np.uint8], starts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bytes_]]:
    """Which of the records have a traceparent to follow, and those.

    `starts`: where each one's value begins in the buffer, -1 for none.
    """
    rows = np.flatnonzero(starts >= 0)
    rows = rows[_ODD[buffer[starts[rows] + TRACEPARENT_BYTES - 1]]]  # few are sampled
    if not len(rows):
        return rows, np.empty(0, f"S{TRACEPARENT_BYTES}")
    texts = sliding_window_view(buffer, TRACEPARENT_BYTES)[starts[rows]]
    good = (texts[:, :2] == _ZERO).all(axis=1) & (texts[:, _DASHES] == ord("-")).all(axis=1)
    good &= np.count_nonzero(_HEX[texts], axis=1) == TRACEPARENT_BYTES - len(_DASHES)
    for part in (_TRACE, _PARENT):
        good &= (texts[:, part] != _ZERO).any(axis=1)
    return rows[good], texts[good].view(f"S{TRACEPARENT_BYTES}").reshape(-1)


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
