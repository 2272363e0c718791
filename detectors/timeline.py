"""One ordered sequence a partition, out of four inputs that are each in their own order.

An observation's effective time is `max(event_time, the input's watermark when it was read)`, so
within an input the order is the log's. The partition's watermark is the least over its inputs. What
was read and lies strictly before it is released, merged by `(effective_time, input)`. The rest
waits: always a suffix of what was read, so that positions stay a plain prefix of each log.

An input that was read to its end must not hold the others. With a wall clock its watermark follows
the clock (`follow`); without one it stands aside (`step_aside`) until something arrives, and when
all stand aside the partition's watermark passes the greatest of them.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.observations import OBSERVATION, Batch, Input
from detectors.records import joined, picked

DAWN = -np.inf  # the watermark of an input that has not been read yet


@dataclass(slots=True)
class _Run:
    """Observations of one read, and the offset that each has in its log."""

    observations: NDArray[np.void]
    ids: NDArray[np.uint8]
    offsets: NDArray[np.int64]


class _InputLine:
    """What one input has read and not yet released."""

    def __init__(self, watermark: float, released: float) -> None:
        # the greatest effective time read, or where the clock has put it
        self.watermark = watermark
        self.released = released  # the effective time of the last released observation
        self.aside = False
        self.waiting: deque[_Run] = deque()
        self.waiting_bytes = 0

    def take_before(self, watermark: float) -> list[_Run]:
        taken: list[_Run] = []
        while self.waiting:
            run = self.waiting[0]
            times = run.observations["effective_time"]
            n = int(np.searchsorted(times, watermark, side="left"))
            if n == 0:
                break
            self.released = float(times[n - 1])
            if n < len(times):
                taken.append(_Run(run.observations[:n], run.ids, run.offsets[:n]))
                run.observations, run.offsets = run.observations[n:], run.offsets[n:]
                self.waiting_bytes -= n * OBSERVATION.itemsize
                break
            taken.append(self.waiting.popleft())
            self.waiting_bytes -= n * OBSERVATION.itemsize + len(run.ids)
        return taken


class Timeline:
    """The inputs of one partition, merged.

    Args:
        watermark: the partition's, as last committed.
        released: per input, the effective time of the last observation that was applied and
            committed.
    """

    def __init__(self, watermark: float = DAWN, released: tuple[float, ...] = (DAWN,) * len(Input)):
        self.watermark = watermark
        self._lines = [_InputLine(max(time, watermark), time) for time in released]

    def add(
        self,
        source: Input,
        observations: NDArray[np.void],
        ids: NDArray[np.uint8],
        offsets: NDArray[np.int64],
    ) -> int:
        """Take what was read, in log order; sets its effective times."""
        if len(observations) == 0:
            return 0
        line = self._lines[source]
        if line.aside:
            line.aside = False
            line.watermark = max(line.watermark, self.watermark)
        effective = np.maximum(observations["event_time"], line.watermark)
        np.maximum.accumulate(effective, out=effective)
        observations["effective_time"] = effective
        line.watermark = float(effective[-1])
        line.waiting.append(_Run(observations, ids, offsets))
        line.waiting_bytes += observations.nbytes + len(ids)
        return int(np.count_nonzero(effective > observations["event_time"]))

    def follow(self, source: Input, time: float) -> None:
        """An input that was read to its end has nothing to say before `time`."""
        line = self._lines[source]
        line.watermark = max(line.watermark, time)

    def step_aside(self, source: Input) -> None:
        """An input that was read to its end holds nobody until something arrives."""
        self._lines[source].aside = True

    def release(self) -> Batch | None:
        """Move the watermark as far as the inputs allow; the observations before it, in order."""
        speaking = [line.watermark for line in self._lines if not line.aside]
        if speaking:
            watermark = min(speaking)
        else:  # nobody speaks: pass the greatest, so that its own observations are released too
            watermark = float(np.nextafter(max(line.watermark for line in self._lines), np.inf))
        self.watermark = max(self.watermark, watermark)
        return _merged([run for line in self._lines for run in line.take_before(self.watermark)])

    def first_waiting(self, source: Input) -> int | None:
        """The offset of the first observation that waits; None when none does."""
        waiting = self._lines[source].waiting
        return int(waiting[0].offsets[0]) if waiting else None

    def waits_for(self, row: int) -> bool:
        """Whether an observation of the customer in `row` has been read and not released."""
        return any(
            bool((run.observations["row"] == row).any())
            for line in self._lines
            for run in line.waiting
        )

    def renumber(self, moved: NDArray[np.int32]) -> None:
        """The customers have other rows now: `moved[row]`; none of who went may be waited for."""
        for line in self._lines:
            for run in line.waiting:
                run.observations["row"] = moved[run.observations["row"]]

    def waiting_bytes(self, source: Input) -> int:
        """Bytes that an input has read and not yet released, ids included."""
        return self._lines[source].waiting_bytes

    def ahead_seconds(self, source: Input) -> float:
        """How far what was read of an input lies ahead of the partition's watermark."""
        line = self._lines[source]
        return line.watermark - self.watermark if line.waiting else 0.0

    @property
    def released(self) -> tuple[float, ...]:
        """Per input, the last released observation's effective time: a restart goes on from it."""
        return tuple(line.released for line in self._lines)

    @property
    def watermarks(self) -> tuple[float, ...]:
        """Per input, the greatest effective time read, or where the clock has put it."""
        return tuple(line.watermark for line in self._lines)


def _merged(runs: list[_Run]) -> Batch | None:
    if not runs:
        return None
    if len(runs) == 1:
        return Batch(runs[0].observations, runs[0].ids)
    observations = joined([run.observations for run in runs])
    shifts = np.cumsum([0, *(len(run.ids) for run in runs[:-1])])
    shift = np.repeat(shifts, [len(run.observations) for run in runs])
    observations["id_start"] += shift
    observations["id_end"] += shift
    # the runs stand in the inputs' order and each is sorted, so stable means by
    # (effective_time, input, log)
    order = np.argsort(observations["effective_time"], kind="stable")
    return Batch(picked(observations, order), np.concatenate([run.ids for run in runs]))
