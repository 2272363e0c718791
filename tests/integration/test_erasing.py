"""Dead letters on Apache Kafka, cleaned of a customer; and what `offbeat erase` says by itself."""

from __future__ import annotations

import uuid

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from benchmarks.harness import create_topics, named, read_all
from schemas.dead_letters import DeadLetter, RejectReason, dead_letter_record, redrive_mark
from schemas.topics import dead_letter_topic
from streams.errors import BrokerError, ConfigurationError
from streams.kafka import erasing
from streams.kafka.redrive import Choice, redrive
from streams.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture
async def settings(broker: str) -> Settings:
    settings = named(broker, f"erase-{uuid.uuid4().hex[:8]}", customers=True, partitions=2)
    await create_topics(settings)
    return settings


async def bury(settings: Settings, customers: list[bytes | None], *marked: int) -> None:
    """A letter each into partition 0, at offsets 0, 1 …, and a mark of those sent again."""
    topic = settings.topics.purchases
    producer = AIOKafkaProducer(bootstrap_servers=settings.broker)
    await producer.start()
    try:
        for i, key in enumerate(customers):
            value = b'{"n": %d, "customer_id": "%b"' % (i, key or b"c-1")
            letter = DeadLetter(i, key, value, [], RejectReason.MALFORMED_JSON, "is not JSON")
            record = dead_letter_record(letter, topic, 0)
            await producer.send_and_wait(
                dead_letter_topic(topic),
                record.value,
                key=record.key,
                headers=record.headers,
                partition=0,
                timestamp_ms=1_700_000_000_000 + i,
            )
        if marked:
            headers = redrive_mark(marked).headers
            batch = producer.create_batch()
            batch.append(key=None, value=None, timestamp=None, headers=headers)
            await (await producer.send_batch(batch, dead_letter_topic(topic), partition=0))
    finally:
        await producer.stop()


async def test_the_other_letters_stay_with_their_times_and_are_sent_again_once(
    settings: Settings,
) -> None:
    await bury(settings, [b"c-1", b"c-2", b"c-3", None, b"c-12"], 2)
    assert await erasing.clean_letters(settings, ["c-1"]) == 2  # the key, and one without a key
    topic = dead_letter_topic(settings.topics.purchases)
    left = [r for r in await read_all(settings, topic) if r.value is not None]
    assert [(r.key, r.timestamp) for r in left] == [
        (b"c-2", 1_700_000_000_001),
        (b"c-12", 1_700_000_000_004),
    ]
    assert await erasing.clean_letters(settings, ["c-1"]) == 0
    letters, source = TopicPartition(topic, 0), settings.topics.purchases
    for expected in (2, 0):
        done = await redrive(settings, letters, source, 2, Choice(), lambda _: None)
        assert done.sent == expected
    assert {r.key for r in await read_all(settings, source)} == {b"c-2", b"c-12"}


async def test_what_had_moved_when_it_was_ended_half_way_is_not_doubled(
    settings: Settings,
) -> None:
    # c-2 was moved (offset 0 is marked, 2 is the copy), and nothing was deleted yet
    await bury(settings, [b"c-2", b"c-1", b"c-2"], 0)
    assert await erasing.clean_letters(settings, ["c-1"]) == 1
    topic = dead_letter_topic(settings.topics.purchases)
    assert [r.key for r in await read_all(settings, topic) if r.value is not None] == [b"c-2"]


async def test_letters_of_others_alone_are_not_touched(settings: Settings) -> None:
    await bury(settings, [b"c-2", b"c-3"])
    assert await erasing.clean_letters(settings, ["c-1"]) == 0
    topic = dead_letter_topic(settings.topics.purchases)
    assert [r.offset for r in await read_all(settings, topic)] == [0, 1]


async def test_no_worker_is_said_and_what_was_asked_for_stays(settings: Settings) -> None:
    where = await erasing.places(settings, ["c-1"])
    asked = await erasing.request(settings, where)
    with pytest.raises(BrokerError, match="no worker of group") as caught:
        await erasing.wait(settings, asked, 0.1)
    assert "c-1" not in str(caught.value)
    (record,) = await read_all(settings, settings.topics.customers or "")
    assert (record.key, record.value) == (b"c-1", b'{"customer_id":"c-1","erase":true}')


async def test_without_a_customers_topic_the_way_to_one_is_said(settings: Settings) -> None:
    topics = settings.topics.model_copy(update={"customers": None})
    without = settings.model_copy(update={"topics": topics})
    with pytest.raises(ConfigurationError, match="OFFBEAT_TOPICS_CUSTOMERS"):
        await erasing.places(without, ["c-1"])
