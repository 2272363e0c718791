"""The trainer and the feed on a real broker: crashes, fencing, and what workers see of it."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from schemas import examples
from streams.errors import FencedError
from streams.training.checkpoint import TRANSACTIONAL_NAME, TrainerCheckpoints
from streams.training.feed import ModelFeed, Versions
from streams.training.trainer import Checkpoint, Trainer, Training

pytestmark = pytest.mark.integration

DAY = 86400.0
START = 20_000 * DAY
NAMES = ("silence", "tenure")
TRAINING = Training(NAMES, min_labels=50, publish_labels=100)
TIME_MS = 1_760_000_000_000


@dataclass(frozen=True)
class Place:
    """Topics and a group of a test's own."""

    options: dict[str, Any]
    group: str
    examples: str
    model: str

    def checkpoints(self) -> TrainerCheckpoints:
        return TrainerCheckpoints(
            self.options, self.group, examples_topic=self.examples, model_topic=self.model
        )

    async def write(self, topic: str, values: list[bytes], *, commit: bool = True) -> None:
        producer = AIOKafkaProducer(**self.options, transactional_id=f"writer-{uuid4().hex}")
        async with producer:
            await producer.begin_transaction()
            for value in values:
                await producer.send(topic, value, key=b"key")
            await (producer.commit_transaction() if commit else producer.abort_transaction())

    async def teach(self, trainer: Trainer, until: int) -> None:
        """Fetch and learn, however the broker cuts the log into batches, until `until` labels."""
        partition = TopicPartition(self.examples, 0)
        consumer = AIOKafkaConsumer(
            **self.options, isolation_level="read_committed", enable_auto_commit=False
        )
        async with consumer:
            consumer.assign([partition])
            consumer.seek(partition, trainer.next_offset)
            while trainer.model.labels < until:
                most = min(37, until - trainer.model.labels)
                first = await consumer.position(partition)
                fetched = await consumer.getmany(timeout_ms=500, max_records=most)
                values = [record.value for record in fetched.get(partition, [])]
                trainer.take(values, first, await consumer.position(partition))


@pytest.fixture
async def place(broker: str) -> Place:
    name = uuid4().hex[:8]
    here = Place({"bootstrap_servers": broker}, f"g-{name}", f"examples-{name}", f"model-{name}")
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        await admin.create_topics(
            [
                NewTopic(here.examples, 1, 1),
                NewTopic(here.model, 1, 1, topic_configs={"cleanup.policy": "compact"}),
            ]
        )
    finally:
        await admin.close()
    # a worker has joined its group before it trains, so that the group has a coordinator
    async with AIOKafkaConsumer(here.examples, **here.options, group_id=here.group):
        return here


def labels(n: int) -> list[bytes]:
    rng = np.random.default_rng(11)
    x = rng.normal(size=(n, len(NAMES)))
    outcomes = rng.random(n) < 1 / (1 + np.exp(-2 * x[:, 0]))
    return [
        examples.encode(
            f"c-{i}",
            (START + i * 600 - 60 * DAY, START + i * 600),
            1 if outcomes[i] else 0,
            dict(zip(NAMES, x[i].tolist(), strict=True)),
            0.0,
        )
        for i in range(n)
    ]


def written(trainer: Trainer) -> Checkpoint:
    checkpoint = trainer.checkpoint()
    assert checkpoint is not None
    return checkpoint


async def seen(feed: ModelFeed, labels_learnt: int) -> None:
    async with asyncio.timeout(20):
        while feed.newest is None or feed.newest.labels < labels_learnt:
            await asyncio.sleep(0.02)


def failed(error: BaseException) -> None:
    raise AssertionError from error


@asynccontextmanager
async def following(place: Place) -> AsyncIterator[ModelFeed]:
    feed = ModelFeed(place.options, place.model, NAMES, failed)
    await feed.start()
    try:
        yield feed
    finally:
        await feed.stop()


async def test_crashes_between_commits_neither_lose_a_label_nor_learn_one_twice(
    place: Place,
) -> None:
    values = labels(400)
    await place.write(place.examples, values[:250])
    await place.write(place.examples, values[250:], commit=False)
    await place.write(place.examples, values[250:])

    for committed, lost in ((100, 180), (180, 260), (300, 340)):
        checkpoints = place.checkpoints()
        trainer = Trainer(TRAINING, await checkpoints.start())
        await place.teach(trainer, committed)
        await checkpoints.commit(written(trainer), TIME_MS)
        await place.teach(trainer, lost)  # and the process ends here
        await checkpoints.stop()

    last = place.checkpoints()
    found = await last.start()
    trainer = Trainer(TRAINING, found)
    assert trainer.model.labels == 300
    assert found.next_offset == trainer.next_offset
    await place.teach(trainer, 400)
    await last.stop()

    whole = Trainer(TRAINING, type(found)(None, None, 0))
    whole.take(values, 0, len(values))
    assert trainer.model.to_weights() == whole.model.to_weights()


async def test_a_crash_in_the_middle_of_a_transaction_leaves_the_one_before(place: Place) -> None:
    await place.write(place.examples, labels(200))
    checkpoints = place.checkpoints()
    trainer = Trainer(TRAINING, await checkpoints.start())
    await place.teach(trainer, 100)
    await checkpoints.commit(written(trainer), TIME_MS)
    await checkpoints.stop()
    await place.teach(trainer, 200)
    half = written(trainer)

    async with AIOKafkaProducer(
        **place.options, transactional_id=f"{place.group}-{TRANSACTIONAL_NAME}"
    ) as dying:
        await dying.begin_transaction()
        await dying.send_and_wait(place.model, half.value, half.key)
        await dying.send_offsets_to_transaction(
            {TopicPartition(place.examples, 0): half.next_offset}, place.group
        )
        heir = place.checkpoints()
        found = await heir.start()

    assert Trainer(TRAINING, found).model.labels == 100
    async with following(place) as feed:
        assert feed.newest is not None
        assert feed.newest.labels == 100
    await heir.stop()


async def test_a_trainer_that_was_replaced_can_publish_nothing_more(place: Place) -> None:
    await place.write(place.examples, labels(120))
    old, new = place.checkpoints(), place.checkpoints()
    trainer = Trainer(TRAINING, await old.start())
    await place.teach(trainer, 120)
    found = await new.start()
    with pytest.raises(FencedError):
        await old.commit(written(trainer), TIME_MS)
    await old.stop()
    assert (found.record, found.next_offset, found.log_start) == (None, None, 0)
    async with following(place) as feed:
        assert feed.newest is None
    await new.stop()


async def test_a_worker_knows_at_its_start_what_was_published_and_hears_of_the_rest(
    place: Place,
) -> None:
    await place.write(place.examples, labels(400))
    checkpoints = place.checkpoints()
    trainer = Trainer(TRAINING, await checkpoints.start())
    await place.teach(trainer, 150)
    await checkpoints.commit(written(trainer), TIME_MS)

    async with following(place) as feed:
        assert feed.newest is not None
        first = feed.newest
        effective = first.effective_from.timestamp()
        assert feed.scorer_at(effective - 1).version is None
        assert feed.scorer_at(effective).version == first.version

        await place.write(place.model, [b"not a model"])
        await place.teach(trainer, 400)
        await checkpoints.commit(written(trainer), TIME_MS)
        await seen(feed, 400)
        second = feed.newest
        assert second.parent == first.version
        assert second.effective_from > first.effective_from
        assert feed.scorer_at(effective).version == first.version
        scorer = feed.scorer_at(second.effective_from.timestamp())
        score = scorer.score(np.array([2.0, 0.0], np.float32), static_logit=-9.0)
        assert score.model_version == second.version
        assert score.probability > 0.5
        assert math.fsum((score.intercept, *score.contributions.values())) == score.logit
    await checkpoints.stop()


async def test_a_feed_that_cannot_follow_says_so(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Versions, value: bytes) -> None:
        raise RuntimeError(value)

    failure: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
    feed = ModelFeed(place.options, place.model, NAMES, failure.set_result)
    await feed.start()
    monkeypatch.setattr(Versions, "put", broken)
    await place.write(place.model, [b"anything"])
    assert isinstance(await asyncio.wait_for(failure, 20), RuntimeError)
    await feed.stop()
