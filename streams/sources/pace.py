"""How fast simulated time runs: so many events a second, or so many event seconds a second."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Between two handfuls: fine enough to look live, coarse enough to cost nothing.
TICK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """At most one of the two; neither means as fast as it goes.

    Args:
        rate: events a second.
        compress: seconds of event time a second; 86400 lets a day pass in one second.

    Raises:
        ValueError: both are given, or one is not above 0.
    """

    rate: float | None = None
    compress: float | None = None

    def __post_init__(self) -> None:
        for name in ("rate", "compress"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above 0, got {value}")
        if self.rate is not None and self.compress is not None:
            raise ValueError("rate must not be given with compress: one says how fast time runs")

    def split(self, chunks: Iterable[NDArray[np.void]]) -> Iterator[tuple[float, NDArray[np.void]]]:
        """Yield (seconds after the first event, events to send then), order kept.

        `chunks` are arrays of `simulate.EVENT` in event-time order.
        """
        sent, start = 0, None
        for events in chunks:
            if not events.size:
                continue
            start = events["time"][0] if start is None else start
            if self.rate is not None:
                due = (sent + np.arange(events.size)) / self.rate
            elif self.compress is not None:
                due = (events["time"] - start) / self.compress
            else:
                due = np.zeros(events.size)
            sent += events.size
            ticks = np.floor(due / TICK_SECONDS + 1e-6)  # 0.3 / 0.1 is a little less than 3
            for part in np.split(np.arange(events.size), np.flatnonzero(np.diff(ticks)) + 1):
                yield float(ticks[part[0]]) * TICK_SECONDS, events[part[0] : part[-1] + 1]
