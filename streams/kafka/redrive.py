"""Dead letters back into their inputs, each once.

A transaction writes some records to the input and, to the dead-letter topic, a mark that says which
they were. So both are there or neither is, whatever ends the process; and a later run reads the
marks and leaves out what has them. The mark lies behind its letters in the same partition, so that
retention takes it last: a group's offsets would be forgotten before (a week after their last
commit), and could not say which of the letters a filter had chosen. One run at a time: the
transactional id belongs to the partition, and whoever starts fences whoever is still at it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from aiokafka import TopicPartition

from schemas.dead_letters import marked_offsets, redrive_mark, redriven
from schemas.reroutes import REROUTED
from streams.errors import FencedError
from streams.kafka.connection import client_options
from streams.kafka.dead_letters import Letter, read
from streams.kafka.producer import Message, Outgoing, PartitionProducer
from streams.settings import Settings

# One transaction: some hundredths of a second, and a mark of a few kilobytes at most.
_RECORDS, _BYTES = 500, 4 << 20
# With the header that is added it must still fit an input of Kafka's default, 1,048,588 bytes.
_LARGEST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters: of any of the reasons (none: all), within the times and offsets."""

    reasons: frozenset[str] = frozenset()
    since_ms: int | None = None
    until_ms: int | None = None
    first: int | None = None
    last: int | None = None

    def __call__(self, offset: int, time_ms: int, reason: str) -> bool:
        """Whether a letter with these is one of them; the ends are included."""
        return (
            (not self.reasons or reason in self.reasons)
            and (self.since_ms is None or time_ms >= self.since_ms)
            and (self.until_ms is None or time_ms <= self.until_ms)
            and (self.first is None or offset >= self.first)
            and (self.last is None or offset <= self.last)
        )


@dataclass(slots=True)
class Redriven:
    """What became of the chosen letters of a partition."""

    sent: int = 0
    unfit: int = 0  # cut, too large, or of no partition that there is


class _Pending:
    """What the next transaction writes."""

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.messages: dict[int, list[Message]] = {}
        self.size = 0

    def add(self, letter: Letter, partition: int) -> None:
        headers = redriven(letter.headers, letter.topic, letter.partition, letter.offset)
        # found in a wrong place once more, it may be sent on once more
        headers = [header for header in headers if header[0] != REROUTED]
        message = Message(letter.key, letter.value, tuple(headers))
        self.messages.setdefault(partition, []).append(message)
        self.offsets.append(letter.offset)
        self.size += _size(letter)

    @property
    def full(self) -> bool:
        return len(self.offsets) >= _RECORDS or self.size >= _BYTES


def producer_name(letters: TopicPartition) -> str:
    """In the transactional id: whoever moves letters of this partition fences who does so too."""
    return f"redrive-{letters.topic}-{letters.partition}"


async def redrive(
    settings: Settings,
    letters: TopicPartition,
    source: str,
    partitions: int,
    choice: Choice,
    advance: Callable[[int], None],
) -> Redriven:
    """Send the chosen letters of one partition again that were not sent again before.

    Args:
        source: the input, which has so many partitions.
        advance: told how many have been committed.

    Raises:
        FencedError: another redrive of the same partition has begun.
        BrokerError: no broker answers.
    """
    producer = PartitionProducer(settings.group, producer_name(letters), client_options(settings))
    done, marked = Redriven(), set[int]()
    await producer.start()  # what another run left open is aborted now, or is there to be read
    try:
        async for letter in read(settings, [letters]):
            marked |= marked_offsets(letter.headers) or set()
        pending = _Pending()

        async def commit() -> None:
            nonlocal pending
            await _commit(producer, pending, letters, source)
            done.sent += len(pending.offsets)
            advance(len(pending.offsets))
            pending = _Pending()

        async for letter in read(settings, [letters]):
            if marked_offsets(letter.headers) is not None or letter.offset in marked:
                continue
            if not choice(letter.offset, letter.time_ms, letter.reason):
                continue
            place = letter.came_from
            if place is None or place[0] >= partitions or _unfit(letter):
                done.unfit += 1
                continue
            pending.add(letter, place[0])
            if pending.full:
                await commit()
        if pending.offsets:
            await commit()
    except FencedError as error:
        raise FencedError(
            "another redrive of the same dead letters has begun",
            where=f"{letters.topic}[{letters.partition}]",
            remedy="Nothing was sent twice. Let the other one end; a further run sends what is "
            "left.",
        ) from error
    finally:
        await producer.stop()
    return done


async def _commit(
    producer: PartitionProducer, pending: _Pending, letters: TopicPartition, topic: str
) -> None:
    mark = redrive_mark(pending.offsets)
    marks = [Message(mark.key, mark.value, tuple(mark.headers))]
    outgoing = [Outgoing(topic, n, messages) for n, messages in pending.messages.items()]
    outgoing.append(Outgoing(letters.topic, letters.partition, marks))
    await producer.commit(outgoing, {}, int(time.time() * 1000))


def _size(letter: Letter) -> int:
    headers = sum(len(name) + len(value or b"") for name, value in letter.headers)
    return len(letter.key or b"") + len(letter.value or b"") + headers


def _unfit(letter: Letter) -> bool:
    return letter.was_cut or _size(letter) > _LARGEST_BYTES
