"""What a user does to have customers erased: ask for it, wait, and clean the dead letters.

Workers erase what they write by key: state, alerts, who is at risk. Dead letters have no key
to go by (a refused record can have none, or the wrong one), so they are looked through: a partition
that holds one of the customers is written anew without them, and what lay there before is deleted.
That needs permissions that no worker has.
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.dead_letters import marked_offsets, mentions, redrive_mark
from schemas.topics import dead_letter_topic
from streams.errors import BrokerError, ConfigurationError
from streams.kafka import topics
from streams.kafka.connection import client_options
from streams.kafka.dead_letters import Letter, read
from streams.kafka.login import refusal
from streams.kafka.positions import committed_offsets
from streams.kafka.producer import Message, Outgoing, PartitionProducer
from streams.kafka.redrive import producer_name
from streams.settings import Settings
from streams.sources.kafka import partition_of

_LOOK_SECONDS = 0.5
_LETTERS_BYTES = 4 << 20  # of letters that one transaction moves

Places = Mapping[str, Sequence[TopicPartition]]


def customers_topic(settings: Settings) -> str:
    """The topic's name. Raises ConfigurationError if none is set."""
    if settings.topics.customers is None:
        raise ConfigurationError(
            "no customers' topic is set, so no worker reads who is to be erased",
            where="topics.customers",
            remedy="Set OFFBEAT_TOPICS_CUSTOMERS=customers for workers and here, run `offbeat "
            "topics create`, give the workers what `offbeat topics acls` prints, restart them.",
        )
    return settings.topics.customers


async def places(settings: Settings, ids: Iterable[str]) -> Places:
    """Where records of these customers belong; every partition, if only their producers know."""
    topic = customers_topic(settings)
    count = (await topics.partition_counts(settings, [topic]))[topic]
    everywhere = [TopicPartition(topic, number) for number in range(count)]
    if settings.topics.partitioner == "any":
        return dict.fromkeys(ids, everywhere)
    return {one: [everywhere[partition_of(one.encode(), count)]] for one in ids}


async def request(settings: Settings, where: Places) -> dict[TopicPartition, int]:
    """Write the records that ask for it; per partition the offset of the last of them."""
    return await _send(
        settings, where, lambda one: orjson.dumps({"customer_id": one, "erase": True})
    )


async def retract(settings: Settings, where: Places) -> None:
    """Write tombstones, so that the customers' topic forgets who was to be erased."""
    await _send(settings, where, lambda _: None)


async def _send(
    settings: Settings, where: Places, value: Callable[[str], bytes | None]
) -> dict[TopicPartition, int]:
    producer = AIOKafkaProducer(**client_options(settings), acks="all", enable_idempotence=True)
    last: dict[TopicPartition, int] = {}
    try:
        await producer.start()
        for one, partitions in where.items():
            for tp in partitions:
                sent = await producer.send_and_wait(
                    tp.topic, value(one), key=one.encode(), partition=tp.partition
                )
                last[tp] = max(last.get(tp, -1), sent.offset)
    except KafkaError as error:
        raise await refusal(settings, error) from error
    finally:
        await producer.stop()
    return last


async def wait(settings: Settings, asked: Mapping[TopicPartition, int], seconds: float) -> None:
    """Return when the group has committed what was asked for.

    Raises:
        BrokerError: not within `seconds`.
    """
    until = time.monotonic() + seconds
    while True:
        done = await committed_offsets(client_options(settings), settings.group)
        left = [tp for tp, last in asked.items() if tp not in done or done[tp].offset <= last]
        if not left:
            return
        if time.monotonic() > until:
            raise BrokerError(
                f"no worker of group {settings.group} has done it within {seconds:g} s",
                where=", ".join(f"{tp.topic}[{tp.partition}]" for tp in left),
                remedy="It stays asked for, and is done once a worker has caught up with the "
                "inputs; does one run, with topics.customers set? Run this again then, for the "
                "dead letters.",
            )
        await asyncio.sleep(_LOOK_SECONDS)


async def clean_letters(settings: Settings, ids: Iterable[str]) -> int:
    """Remove the dead letters that mention these customers; how many those were.

    Of a partition that has any, the other letters that were not sent again move behind the end,
    with the time at which they were written; those that were sent again go. Ended half-way it can
    be run again: what has moved is marked as sent again.

    Raises:
        AccessError: Read, Write or Delete on a dead-letter topic is missing.
        FencedError: a redrive of the same dead letters has begun.
    """
    carries = [mentions(one) for one in ids]
    names = [dead_letter_topic(name) for name in settings.topics.sources]
    counts = await topics.partition_counts(settings, names)
    found = 0
    for name, count in counts.items():
        for number in range(count):
            found += await _clean(settings, TopicPartition(name, number), carries)
    return found


async def _clean(
    settings: Settings,
    place: TopicPartition,
    carries: Sequence[Callable[..., bool]],
) -> int:
    if not (await _look(settings, place, carries)).found:
        return 0
    producer = PartitionProducer(settings.group, producer_name(place), client_options(settings))
    await producer.start()
    try:
        # a segment that is older than `segment.ms` closes before what is written now: the letters
        # that stay are then in another one, and the old one leaves the disk as a whole
        await _move(producer, place, [])
        end = await _end(settings, place)
        seen = await _look(settings, place, carries, end)
        for chunk in _chunks([x for x in seen.others if x.offset not in seen.marked]):
            await _move(producer, place, chunk)
    finally:
        await producer.stop()
    await topics.delete_before(settings, place, end)
    return seen.found


@dataclass(slots=True)
class _Seen:
    """What a partition holds: how many to erase, the other letters, and what was sent again."""

    found: int = 0
    others: list[Letter] = field(default_factory=list)
    marked: set[int] = field(default_factory=set)


async def _look(
    settings: Settings,
    place: TopicPartition,
    carries: Sequence[Callable[..., bool]],
    end: float = math.inf,
) -> _Seen:
    seen = _Seen()
    async for letter in read(settings, [place]):
        if letter.offset >= end:
            continue
        marks = marked_offsets(letter.headers)
        if marks is not None:
            seen.marked |= marks
        elif any(one(letter.key, letter.value, letter.headers) for one in carries):
            seen.found += 1
        else:
            seen.others.append(letter)
    return seen


async def _move(
    producer: PartitionProducer, place: TopicPartition, letters: Sequence[Letter]
) -> None:
    """Write letters once more, and the mark that says that the old ones do not count."""
    mark = redrive_mark(letter.offset for letter in letters)
    moved = [Message(x.key, x.value, tuple(x.headers), x.time_ms) for x in letters]
    moved.append(Message(mark.key, mark.value, tuple(mark.headers)))
    now = int(time.time() * 1000)
    await producer.commit([Outgoing(place.topic, place.partition, moved)], {}, now)


def _chunks(letters: Sequence[Letter]) -> Iterable[list[Letter]]:
    chunk, size = list[Letter](), 0
    for letter in letters:
        chunk.append(letter)
        size += len(letter.key or b"") + len(letter.value or b"")
        if size >= _LETTERS_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


async def _end(settings: Settings, place: TopicPartition) -> int:
    """Where what is committed ends now: all before it can be read."""
    consumer = AIOKafkaConsumer(**client_options(settings), isolation_level="read_committed")
    try:
        await consumer.start()
        ends: Mapping[TopicPartition, int] = await consumer.end_offsets([place])
        return ends[place]
    except KafkaError as error:
        raise await refusal(settings, error) from error
    finally:
        await consumer.stop()
