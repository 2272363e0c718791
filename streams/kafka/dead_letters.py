"""Reading the dead-letter topics: what lies there, and what of it was sent again.

async for letter in read(settings, partitions): …   # letters and marks, in each one's order
found = await survey(settings, partitions)          # what there is, without keys and values
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from schemas.dead_letters import (
    CUT,
    MESSAGE,
    OFFSET,
    PARTITION,
    REASON,
    REDRIVEN_FROM,
    Headers,
    marked_offsets,
)
from streams.errors import BrokerError, InputError
from streams.kafka.connection import client_options
from streams.settings import Settings

_WAIT_MS = 500


class Letter(NamedTuple):
    """One record of a dead-letter topic; `time_ms` is when it was written there."""

    topic: str
    partition: int
    offset: int
    time_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    def header(self, name: str) -> str:
        """The newest header of that name as text, escaped where it is none; empty without one."""
        values = [value for key, value in self.headers if key == name]
        return (values[-1] or b"").decode(errors="backslashreplace") if values else ""

    @property
    def reason(self) -> str:
        """Why it was refused."""
        return self.header(REASON)

    @property
    def message(self) -> str:
        """What was wrong, where in the record, and what would be accepted."""
        return self.header(MESSAGE)

    @property
    def came_from(self) -> tuple[int, int] | None:
        """Partition and offset in the input; None where the headers do not say."""
        places = self.header(PARTITION), self.header(OFFSET)
        if not all(place.isdecimal() for place in places):
            return None
        return int(places[0]), int(places[1])

    @property
    def was_cut(self) -> bool:
        """Whether a part was too long to be kept."""
        return bool(self.header(CUT))

    @property
    def history(self) -> list[str]:
        """Where it lay as a dead letter before, the oldest first."""
        return [
            (value or b"").decode(errors="backslashreplace")
            for name, value in self.headers
            if name == REDRIVEN_FROM
        ]


class Seen(NamedTuple):
    """A letter without its contents."""

    offset: int
    time_ms: int
    reason: str


@dataclass(slots=True)
class Survey:
    """What a partition of a dead-letter topic holds."""

    letters: list[Seen] = field(default_factory=list)
    sent_again: set[int] = field(default_factory=set)


async def survey(
    settings: Settings, partitions: Sequence[TopicPartition]
) -> Mapping[TopicPartition, Survey]:
    """The letters of these partitions, and which of them were sent again."""
    found = {tp: Survey() for tp in partitions}
    async for letter in read(settings, partitions):
        one = found[TopicPartition(letter.topic, letter.partition)]
        marked = marked_offsets(letter.headers)
        if marked is not None:
            one.sent_again |= marked
        else:
            one.letters.append(Seen(letter.offset, letter.time_ms, letter.reason))
    return found


async def read(settings: Settings, partitions: Iterable[TopicPartition]) -> AsyncIterator[Letter]:
    """Every committed record that is there now, by partition in the log's order.

    Raises:
        BrokerError: no broker answers.
    """
    consumer = _consumer(settings)
    try:
        await consumer.start()
        wanted = list(partitions)
        starts, ends = await _bounds(consumer, wanted)
        left = {tp for tp in wanted if starts[tp] < ends[tp]}
        consumer.assign(list(left))
        for tp in left:
            consumer.seek(tp, starts[tp])
        while left:
            for tp, records in (await consumer.getmany(*left, timeout_ms=_WAIT_MS)).items():
                for record in records:
                    if record.offset < ends[tp]:
                        yield _letter(record)
            left = {tp for tp in left if await consumer.position(tp) < ends[tp]}
    except KafkaError as error:
        raise _unreachable(settings, error) from error
    finally:
        await consumer.stop()


async def read_one(settings: Settings, tp: TopicPartition, offset: int) -> Letter:
    """The letter at that offset.

    Raises:
        InputError: there is none; says which there are.
        BrokerError: no broker answers.
    """
    consumer = _consumer(settings)
    try:
        await consumer.start()
        starts, ends = await _bounds(consumer, [tp])
        if starts[tp] <= offset < ends[tp]:
            consumer.assign([tp])
            consumer.seek(tp, offset)
            while await consumer.position(tp) <= offset:
                found = await consumer.getmany(tp, timeout_ms=_WAIT_MS, max_records=1)
                for record in found.get(tp, []):
                    letter = _letter(record)
                    if record.offset == offset and marked_offsets(letter.headers) is None:
                        return letter
    except KafkaError as error:
        raise _unreachable(settings, error) from error
    finally:
        await consumer.stop()
    held = f"offsets {starts[tp]} to {ends[tp] - 1} are kept" if starts[tp] < ends[tp] else "empty"
    raise InputError(
        f"there is no dead letter at offset {offset} ({held}; some of them are not letters)",
        where=f"{tp.topic}[{tp.partition}]",
        remedy="`offbeat dlq list` shows where the newest of each kind lie.",
    )


def _consumer(settings: Settings) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        **client_options(settings),
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )


async def _bounds(
    consumer: AIOKafkaConsumer, wanted: list[TopicPartition]
) -> tuple[Mapping[TopicPartition, int], Mapping[TopicPartition, int]]:
    return await consumer.beginning_offsets(wanted), await consumer.end_offsets(wanted)


def _letter(record: ConsumerRecord[bytes, bytes]) -> Letter:
    place = record.topic, record.partition, record.offset, record.timestamp
    return Letter(*place, record.key, record.value, list(record.headers))


def _unreachable(settings: Settings, error: KafkaError) -> BrokerError:
    return BrokerError(
        f"the dead letters cannot be read: {error}",
        where=settings.broker,
        remedy="Is it running, and reachable from here? OFFBEAT_BROKER or --broker say where.",
    )
