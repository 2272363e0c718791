"""The seam in aiokafka's fetcher: columns instead of a ConsumerRecord a record.

aiokafka's fetcher makes a `MemoryRecords` and a `PartitionRecords` for each partition in a fetch
response, both looked up as globals of its module. They are replaced by the two below, which look at
the consumer's value deserializer. A `Columnar` asks for columns; anything else gets aiokafka's own
classes, so that other consumers in the process notice nothing.

Responses are taken apart as they come, on the consumer's own thread, while the worker is busy with
what came before: kernels hold no lock, so that both run at once.

A batch that does not read well is fetched again: what the network, a cache or a disk's buffer has
damaged heals so. What stays damaged is an error that names the place, never a batch passed over.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from streams.kafka.columns import HEADER, Aborted, Fetched, parse
from streams.kafka.failures import corrupt
from streams.ops import logs

_PartitionRecords = fetcher.PartitionRecords


# A pause, as another fetch follows at once: damage on the way is over by then, damage on the disk
# is not. Heartbeats, which the pause holds up too, have a multiple of it.
RETRY_SECONDS = 0.2
RETRIES = 15

log = logs.logger(__name__)


Prepare: TypeAlias = Callable[[TopicPartition, Fetched], Fetched]
"""What is to be made of a fetch as soon as it is there; on the consumer's thread."""


def as_it_is(_tp: TopicPartition, fetched: Fetched) -> Fetched:
    """Make nothing of it."""
    return fetched


class Columnar:
    """A value deserializer that is only a mark, and one consumer's memory of what read badly."""

    def __init__(self, prepare: Prepare = as_it_is) -> None:
        self.prepare = prepare
        self._failed: dict[TopicPartition, tuple[int, int]] = {}

    def read_badly(self, tp: TopicPartition, offset: int, error: CorruptRecordException) -> None:
        """A batch at or behind `offset` did; return if it shall be fetched again.

        Raises:
            CorruptError: it has been RETRIES times.
        """
        at, times = self._failed.get(tp, (offset, 0))
        times = times + 1 if at == offset else 1
        self._failed[tp] = offset, times
        if times > RETRIES:
            where = f"{tp.topic}[{tp.partition}] at or behind offset {offset}"
            raise corrupt(str(error), where) from error
        if times == 1:
            log.warning(
                logs.FETCH_CORRUPT,
                topic=tp.topic,
                partition=tp.partition,
                offset=offset,
                error=str(error),
            )
        time.sleep(RETRY_SECONDS)


class RawRecords:
    """What the fetcher asks of `MemoryRecords`, over bytes that nobody has looked at yet."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def has_next(self) -> bool:
        """Whether one whole batch is there; a message larger than the fetch is not."""
        if len(self.data) < HEADER:
            return bool(MemoryRecords(self.data).has_next())
        length = int.from_bytes(self.data[8:12], "big", signed=True)
        return 0 < length <= len(self.data) - 12

    def size_in_bytes(self) -> int:
        return len(self.data)


class ColumnarRecords:
    """Iterates `Fetched`, one for all good batches of the partition's part of a response."""

    def __init__(
        self,
        tp: TopicPartition,
        records: RawRecords,
        aborted: list[tuple[int, int]] | None,
        fetch_offset: int,
        check_crcs: bool,
        isolation_level: int,
        mark: Columnar,
    ) -> None:
        self.next_fetch_offset = fetch_offset
        self._tp = tp
        self._mark = mark
        committed_only = isolation_level == fetcher.READ_COMMITTED
        self._ready: deque[Fetched] = deque()
        self._error: Exception | None = None
        fetches = parse(
            records.data,
            fetch_offset,
            (Aborted(*a) for a in aborted or ()) if committed_only else None,
            check_crc=check_crcs,
            where=f"{tp.topic}[{tp.partition}]",
        )
        try:
            for fetched in fetches:
                self._ready.append(mark.prepare(tp, fetched))
        except Exception as error:  # noqa: BLE001 (told to whoever asks for what comes next)
            self._error = error

    def __iter__(self) -> Iterator[Fetched]:
        return self

    def __next__(self) -> Fetched:
        if self._ready:
            fetched = self._ready.popleft()
            self.next_fetch_offset = fetched.after
            return fetched
        error, self._error = self._error, None
        if isinstance(error, CorruptRecordException):
            self._mark.read_badly(self._tp, self.next_fetch_offset, error)
        elif error is not None:
            raise error
        raise StopIteration  # damaged: the next fetch begins where this one has come to


def _partition_records(
    tp: TopicPartition,
    records: RawRecords,
    aborted: list[tuple[int, int]] | None,
    fetch_offset: int,
    key_deserializer: Any,
    value_deserializer: Any,
    check_crcs: bool,
    isolation_level: int,
) -> Any:
    if isinstance(value_deserializer, Columnar):
        return ColumnarRecords(
            tp, records, aborted, fetch_offset, check_crcs, isolation_level, value_deserializer
        )
    return _PartitionRecords(
        tp,
        MemoryRecords(records.data),
        aborted,
        fetch_offset,
        key_deserializer,
        value_deserializer,
        check_crcs,
        isolation_level,
    )


def install() -> None:
    """Put both classes where aiokafka's fetcher looks for them; again does nothing."""
    fetcher.MemoryRecords = RawRecords
    fetcher.PartitionRecords = _partition_records
