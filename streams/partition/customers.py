"""The customers' topic of one partition: reference data, in its own order, with no part in time.

Its records move no watermark and wait for none. All that they can do so far is to have a customer
erased. An erasure holds for everything that the inputs held when it was read: it is bound to their
ends as of then, and takes effect when all of that has been applied. Before it the position stays,
so that a crash in between reads the erasure again; and no event from before it can be read again
afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from detectors.observations import Input
from schemas.dead_letters import DeadLetter, RejectReason
from schemas.decode import read_customer
from schemas.rejections import Rejected
from schemas.reroutes import Reroute, rerouted, rerouted_by
from streams.errors import GapError
from streams.kafka.columns import KEY_END, KEY_START, OFFSET, Fetched
from streams.kafka.partitioner import places
from streams.partition.ingest import Home
from streams.partition.records import Records


class CustomersStart(NamedTuple):
    """The topic, where the group stands in it, and whether it had committed that."""

    topic: str
    position: int
    committed: bool


@dataclass(slots=True)
class Erasure:
    """A customer is to be erased; `until`: once the inputs were applied up to there."""

    offset: int
    customer_id: str
    until: Mapping[Input, int] | None = None


@dataclass(slots=True)
class CustomersTaken:
    """What one fetch brought, or one transaction passes on; `erased` are the customers' ids."""

    topic: str
    position: int
    dead_letters: list[DeadLetter] = field(default_factory=list)
    reroutes: list[Reroute] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)


class CustomersLine:
    """One partition of the topic: what was read of it, and who waits to be erased."""

    def __init__(self, number: int, start: CustomersStart, home: Home | None) -> None:
        self.topic = start.topic
        self.position = start.position
        self._number = number
        self._home = home
        self._waiting: list[Erasure] = []
        self._dead_letters: list[DeadLetter] = []
        self._reroutes: list[Reroute] = []

    def take(self, fetched: Fetched) -> CustomersTaken:
        """Read one fetch, less what was taken before; what is new in it.

        Raises:
            GapError: it starts behind the position that comes next.
        """
        letters, reroutes = len(self._dead_letters), len(self._reroutes)
        if fetched.after > self.position:
            if fetched.first > self.position:
                raise GapError(
                    f"the next offset to read is {self.position}, "
                    f"the fetch starts at {fetched.first}",
                    where=f"{self.topic}[{self._number}]",
                    remedy="A restart reads again from the last commit. If it stays, records were "
                    "deleted that were not read yet: reset the group's offsets knowingly.",
                )
            fetched = fetched.from_position(self.position)
            for row in range(len(fetched.columns)):
                self._take_record(fetched, row)
            self.position = fetched.after
        return CustomersTaken(
            self.topic, self.position, self._dead_letters[letters:], self._reroutes[reroutes:]
        )

    def _take_record(self, fetched: Fetched, row: int) -> None:
        records, offset = Records(fetched), int(fetched.columns[row, OFFSET])
        key, value, headers = records.parts(row)
        try:
            record = read_customer(key, value, headers)
            if record is not None and record.erase:
                home = self._home_of(fetched, row, rerouted_by(headers))
                if home == self._number:
                    self._waiting.append(Erasure(offset, record.customer_id))
                elif home is not None and self._home is not None:
                    headers = rerouted(headers, self._home.group, self._number, offset)
                    self._reroutes.append(Reroute(offset, home, key or b"", value, headers))
        except Rejected as error:
            self._dead_letters.append(records.dead_letter(row, error))

    def _home_of(self, fetched: Fetched, row: int, sent_on_by: str | None) -> int | None:
        """The partition of the record's key; None for a copy that another group made for itself.

        Raises:
            Rejected: it is another one than this, and this group has sent the record on already.
        """
        if self._home is None:
            return self._number
        if sent_on_by not in (None, self._home.group):
            return None
        wanted = self._place(fetched, row)
        if sent_on_by is not None and wanted != self._number:
            problem = f"belongs to partition {wanted}, and was sent on already"
            raise Rejected(RejectReason.MISROUTED, "key", problem, "murmur2 of the key")
        return wanted

    def _place(self, fetched: Fetched, row: int) -> int:
        if self._home is None or self._home.partitions is None:
            return self._number
        columns = fetched.columns[row : row + 1]
        starts, ends = columns[:, KEY_START].copy(), columns[:, KEY_END].copy()
        buffer = np.frombuffer(fetched.data, np.uint8)
        return int(places(buffer, starts, ends, self._home.partitions)[0])

    def unbound(self) -> list[Erasure]:
        """Those that are not bound to ends of the inputs yet."""
        return [one for one in self._waiting if one.until is None]

    def due(self, applied: Mapping[Input, int]) -> dict[str, Mapping[Input, int]]:
        """Take out who can be erased, all inputs being applied so far: ids, and up to where."""
        due: dict[str, Mapping[Input, int]] = {}
        while self._waiting:
            until = self._waiting[0].until
            if until is None or any(applied[source] < end for source, end in until.items()):
                break
            due[self._waiting.pop(0).customer_id] = until
        return due

    def passed(self, erased: list[str]) -> CustomersTaken:
        """What lies before the first that waits, for a transaction; each is given once."""
        position = self._waiting[0].offset if self._waiting else self.position
        letters = [one for one in self._dead_letters if one.offset < position]
        reroutes = [one for one in self._reroutes if one.offset < position]
        del self._dead_letters[: len(letters)], self._reroutes[: len(reroutes)]
        return CustomersTaken(self.topic, position, letters, reroutes, erased)
