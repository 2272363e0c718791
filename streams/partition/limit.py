"""When too many of an input's records are dead letters to go on.

The count is of records in the log's order, not of minutes: so the same topic stops at the same
record, however fast it is read, in whatever fetches, and whether or not a worker was restarted on
the way. The window moves in `BLOCKS` steps and is part of the partition's own record, committed
with the positions: a supervisor that restarts the worker again and again gets no further.
"""

from collections import Counter, deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.dead_letters import DeadLetter, was_redriven
from streams.errors import DeadLettersError
from streams.settings_groups import Dlq

BLOCKS = 10  # the window covers its last tenth up to the newest record, and the nine before it
_SHOWN = 5  # kinds of letters that the error names


class _Window:
    """Dead letters among the last records, counted in blocks; the newest last."""

    def __init__(self, block: int, saved: Sequence[int]) -> None:
        self._block = block
        self.filled, *self.counts = saved or (0, 0)
        self._roll()

    def move(self, records: int, letters: NDArray[np.intp]) -> int:
        """Go on by so many records, of which those at these places are dead letters.

        Returns the most dead letters that there were in the window at once.
        """
        most, done = 0, 0
        for place in letters.tolist():
            self._pass(place - done)
            self.counts[-1] += 1
            most = max(most, sum(self.counts))
            self._pass(1)
            done = place + 1
        self._pass(records - done)
        return most

    def _pass(self, records: int) -> None:
        self.filled += records
        self._roll()

    def _roll(self) -> None:
        full, self.filled = divmod(self.filled, self._block)
        self.counts = (self.counts + [0] * min(full, BLOCKS))[-BLOCKS:]


class LetterLimit:
    """The dead letters of one input of one partition.

    `saved` is what `state` said for the position that is gone on from. Records that were sent again
    from the dead-letter topic count as read but never as dead letters: whoever sends them too early
    gets them back, and stops nobody.
    """

    def __init__(self, dlq: Dlq, topic: str, partition: int, saved: Sequence[int] = ()) -> None:
        self._dlq = dlq
        self._topic, self._partition = topic, partition
        block = max(dlq.window // BLOCKS, 1)
        self._read = _Window(block, saved)
        self._passed = _Window(block, saved)
        self._between: deque[tuple[NDArray[np.int64], NDArray[np.int64]]] = deque()
        self._newest: deque[DeadLetter] = deque(maxlen=dlq.window)

    @property
    def share(self) -> float:
        """Dead letters in the window, of what it holds at most."""
        return sum(self._read.counts) / self._dlq.window

    def take(self, offsets: NDArray[np.int64], letters: Sequence[DeadLetter]) -> None:
        """Count a fetch: the offsets of its records, and those of them that are dead letters.

        Raises:
            DeadLettersError: within it, more of the last records were dead letters than allowed.
        """
        counted = [letter for letter in letters if not was_redriven(letter.headers)]
        marked = np.array([letter.offset for letter in counted], np.int64)
        self._between.append((offsets, marked))
        most = self._read.move(len(offsets), np.searchsorted(offsets, marked))
        self._newest += counted
        if self._dlq.limit and most > self._dlq.limit * self._dlq.window:
            raise self._error(most)

    def state(self, position: int) -> list[int]:
        """What to go on from at this position, which never goes back."""
        while self._between:
            offsets, marked = self._between[0]
            n, m = np.searchsorted(offsets, position), np.searchsorted(marked, position)
            self._passed.move(int(n), np.searchsorted(offsets, marked[:m]))
            if n < len(offsets):
                self._between[0] = offsets[n:], marked[m:]
                break
            self._between.popleft()
        return [self._passed.filled, *self._passed.counts]

    def _error(self, most: int) -> DeadLettersError:
        kinds = Counter((letter.reason, _place(letter)) for letter in self._newest)
        newest = {(letter.reason, _place(letter)): letter.offset for letter in self._newest}
        examples = "; ".join(
            f"{reason} at {place} ({count}, one at offset {newest[reason, place]})"
            for (reason, place), count in kinds.most_common(_SHOWN)
        )
        return DeadLettersError(
            f"{most} of the last {self._dlq.window} records are dead letters, and dlq.limit allows "
            f"{self._dlq.limit * self._dlq.window:g}: {examples}",
            where=f"{self._topic}[{self._partition}]",
            remedy="Nothing of this was written; every start ends here until it is mended. Do the "
            "producers write what docs/dead-letters.md and `offbeat schemas export` say, and is "
            "this their topic (topics.*)? `offbeat dlq list` shows what was refused before. To let "
            f"it all go to {self._topic}.dlq: OFFBEAT_DLQ_LIMIT=0 until it is past.",
        )


def _place(letter: DeadLetter) -> str:
    """Where in the record, without its contents: those do not belong into a log."""
    return letter.message.partition(" ")[0]
