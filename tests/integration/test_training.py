"""The trainer and the feed on a real broker: crashes, fencing, and what workers see of it.

One file, for trainer, feed and proposals meet in the same two topics.
"""

import asyncio
import math
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import numpy as np
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import CorruptRecordException
from typer.testing import CliRunner, Result

from detectors.profile import Profile
from schemas import examples, samples
from streams.cli import app
from streams.errors import FencedError
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.columns import HEADER
from streams.training.checkpoint import TRANSACTIONAL_NAME, TrainerCheckpoints
from streams.training.feed import ModelFeed
from streams.training.refit import proposal
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
    return await place_on(broker)


async def place_on(broker: str) -> Place:
    name = uuid4().hex[:8]
    here = Place({"bootstrap_servers": broker}, f"g-{name}", f"{name}.examples", f"{name}.model")
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


async def test_a_feed_that_cannot_follow_says_so(tmp_path: Path) -> None:
    """A record is damaged on the broker's disk before it is committed: nobody has read it yet."""
    with EmbeddedBroker(tmp_path) as own:
        place = await place_on(own.bootstrap)
        failure: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        feed = ModelFeed(place.options, place.model, NAMES, failure.set_result)
        await feed.start()
        async with AIOKafkaProducer(**place.options, transactional_id="writer") as producer:
            await producer.begin_transaction()
            await producer.send_and_wait(place.model, b"anything", b"key")
            with (tmp_path / f"data/{place.model}-0/{0:020d}.log").open("r+b") as log:
                log.seek(HEADER)
                log.write(b"damaged")
            await producer.commit_transaction()
        assert isinstance(await asyncio.wait_for(failure, 20), CorruptRecordException)
        await feed.stop()


def bought(customers: int, weeks: int) -> list[bytes]:
    """What a partition tells of customers who come about once a week, a week a record."""
    rng = np.random.default_rng(3)
    found = []
    for week in range(weeks):
        since = START + week * 7 * DAY
        times = since + 3 * DAY + rng.uniform(-2, 2, customers) * DAY
        one = samples.Sample(
            partition=0,
            zero_bits=0,
            watermark=since + 7 * DAY,
            customers=list(range(8, 8 * customers + 8, 8)),
            times=times.astype(int).tolist(),
        )
        found.append(msgspec.json.encode(one))
    return found


async def test_a_proposal_outlives_its_trainer_and_becomes_a_profile(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OFFBEAT_TOPICS_PREFIX", place.model.partition(".")[0])
    monkeypatch.setenv("OFFBEAT_BROKER", place.options["bootstrap_servers"])

    async def fit(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, ["fit", *arguments])

    early = await fit("--from-worker")
    assert early.exit_code == 65
    assert "no worker has proposed anything yet" in early.stderr

    values = bought(40, 10)
    await place.write(place.examples, [*values[:5], *labels(20)])
    refitting = replace(TRAINING, refit_days=7.0)
    first = place.checkpoints()
    trainer = Trainer(refitting, await first.start())
    await place.teach(trainer, 20)
    await first.commit(written(trainer), TIME_MS)
    await first.stop()  # the sample is with the model; the next trainer goes on with it

    await place.write(place.examples, [*values[5:], *labels(1)])
    second = place.checkpoints()
    trainer = Trainer(refitting, await second.start())
    assert trainer.purchases.customers == 40
    await place.teach(trainer, 21)
    refit = trainer.begin_refit()
    assert refit is not None
    made = await asyncio.to_thread(proposal, refit, Profile(), lambda: None)
    trainer.propose(made)
    async with following(place) as feed:
        await second.commit(written(trainer), TIME_MS)
        await seen(feed, 21)
        async with asyncio.timeout(20):
            while feed.proposal is None:
                await asyncio.sleep(0.02)
        assert feed.proposal == made
    await second.stop()
    assert made.gaps == 9 * 40

    done = await fit("--from-worker", "-o", "own.toml")
    assert done.exit_code == 0, done.output
    assert "360 gaps of 40 customers" in done.output
    assert "from the workers" in done.output
    assert "usual gap, days" in done.output
    text = await asyncio.to_thread((tmp_path / "own.toml").read_text)
    assert tomllib.loads(text)["profile"]["gap_location"] == made.proposed["gap_location"]
    assert text.startswith("# offbeat fit: 360 gaps")
