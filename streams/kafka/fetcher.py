"""The seam in aiokafka's fetcher: columns instead of a ConsumerRecord a record.

aiokafka's fetcher makes a `MemoryRecords` and a `PartitionRecords` for each partition in a fetch
response, both looked up as globals of its module. They are replaced by the two below, which look at
the consumer's value deserializer. `COLUMNAR` asks for columns; anything else gets aiokafka's own
classes, so that other consumers in the process notice nothing.
"""

from collections.abc import Iterator
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from streams.kafka.columns import HEADER, Aborted, Fetched, parse

_PartitionRecords = fetcher.PartitionRecords


class _Columnar:
    """A value deserializer that is only a mark."""


COLUMNAR: Final = _Columnar()


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
    ) -> None:
        self.next_fetch_offset = fetch_offset
        committed_only = isolation_level == fetcher.READ_COMMITTED
        self._fetches = parse(
            records.data,
            fetch_offset,
            (Aborted(*a) for a in aborted or ()) if committed_only else None,
            check_crc=check_crcs,
            where=f"{tp.topic}[{tp.partition}]",
        )

    def __iter__(self) -> Iterator[Fetched]:
        return self

    def __next__(self) -> Fetched:
        fetched = next(self._fetches)
        self.next_fetch_offset = fetched.after
        return fetched


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
    if value_deserializer is COLUMNAR:
        return ColumnarRecords(tp, records, aborted, fetch_offset, check_crcs, isolation_level)
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
