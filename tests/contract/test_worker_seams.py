"""What a worker asks of Faust, and what its own parts do when Faust calls them; without a broker.

Each test holds one rule of docs/rules.md.
"""

import inspect
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import faust
import pytest
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP, ConsumerMessage

from detectors.observations import Input
from schemas.topics import OutputTopics
from streams import agents
from streams.app import WorkerApp, create
from streams.errors import SeamError
from streams.kafka import transport
from streams.kafka.columns import Fetched
from streams.kafka.table import ChangelogTable
from streams.kafka.transport import ColumnarConsumer
from streams.partition.owner import PartitionOwner
from streams.settings import Settings
from streams.settings_groups import Kafka
from tests.functional.fetching import fetch, purchase

CHANGELOG = TP(OutputTopics("offbeat").state_changelog, 0)
PURCHASES = TP("purchases", 0)


pytestmark = pytest.mark.timeout(20)


@pytest.fixture
async def app() -> WorkerApp:
    """A worker as it is wired, before its start, on the test's own loop."""
    return create(Settings(broker="127.0.0.1:1"))


@pytest.fixture
async def consumer(app: WorkerApp) -> ColumnarConsumer:
    return cast(ColumnarConsumer, app.consumer)


# --- what is asked of Faust -----------------------------------------------------------------------


def test_faust_decodes_nothing_so_no_event_can_be_lost_in_it(app: WorkerApp) -> None:
    topics = {name: agent.channel for name, agent in app.agents.items()}
    assert {*Settings().topics.inputs} < set(topics)
    for topic in topics.values():
        assert (topic.key_serializer, topic.value_serializer) == ("raw", "raw")
        assert (topic.key_type, topic.value_type) == (bytes, bytes)


def test_a_rebalance_waits_for_no_event_to_be_acknowledged(app: WorkerApp) -> None:
    assert app.conf.stream_wait_empty is False


def test_a_message_is_a_fetch_of_bounded_size_and_few_wait(app: WorkerApp) -> None:
    """16 fetches of 1 MiB in each of the queues; one is applied in some 30 ms."""
    assert app.conf.consumer_max_fetch_size == Kafka().fetch_partition_bytes <= 1 << 20
    assert app.conf.stream_buffer_maxsize <= 16


def test_a_worker_is_given_up_after_ten_to_fifteen_seconds_of_silence(app: WorkerApp) -> None:
    assert app.conf.broker_session_timeout == Kafka().session_timeout_seconds
    assert 10.0 <= Kafka().session_timeout_seconds <= 15.0


def test_a_log_without_a_committed_position_is_read_from_its_start(app: WorkerApp) -> None:
    assert app.conf.consumer_auto_offset_reset == "earliest"


def test_partitions_of_all_inputs_and_the_changelog_go_together(app: WorkerApp) -> None:
    """Faust gives them out round robin unless it sees a table of its own with a changelog."""
    assert app.tables.changelog_topics == {CHANGELOG.topic}
    assert isinstance(app.tables["state"], ChangelogTable)
    source = inspect.getsource(driver.AIOKafkaConsumerThread._create_worker_consumer)
    assert "has_changelog_tables = bool(self.app.tables.changelog_topics)" in source


def test_fausts_thread_that_produces_is_not_used(app: WorkerApp) -> None:
    assert app.conf.producer_threaded is False


def test_a_faust_that_passes_over_its_compiled_parts_is_refused() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "from streams.kafka.transport import require_seams as f; f()"],
        env={**os.environ, "NO_CYTHON": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "SeamError" in told.stderr
    assert "unset NO_CYTHON" in told.stderr


def test_a_compiled_part_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(transport.ACCELERATORS, "faust.streams", "NoSuchIterator")
    with pytest.raises(SeamError, match=r"faust\.streams not compiled"):
        transport.require_seams()


# --- what is done when Faust calls ----------------------------------------------------------------


class Recorder:
    """An owner and a follower that remember what they were told, and when."""

    def __init__(self, app: faust.App) -> None:
        self.app = app
        self.told: list[str] = []
        self.offsets: list[dict[TP, int]] = []

    async def rebalance(self, gone: set[TP], new: set[TP]) -> None:
        self.told.append("owner")
        self.offsets.append(dict(self.app.tables.recovery.active_offsets))

    def restore(self, partition: int, fetches: Sequence[Fetched]) -> None: ...

    def recovered(self, partitions: set[int]) -> None: ...


async def test_a_partition_that_is_new_is_read_from_its_changelogs_start() -> None:
    app = faust.App("seams", store="memory://")
    owner = Recorder(app)
    table = ChangelogTable(
        app, topic=CHANGELOG.topic, partitions=2, owner=owner, follower=Recorder(app)
    )
    kept, recovery = TP(CHANGELOG.topic, 1), app.tables.recovery
    recovery.active_offsets.update({CHANGELOG: 700, kept: 900})  # where Faust once stopped
    await table.on_rebalance({CHANGELOG, kept}, set(), {CHANGELOG}, 2)
    assert owner.told == ["owner"]
    assert recovery.active_offsets == {kept: 900}


async def test_a_fetch_of_an_older_generation_does_not_move_what_was_read(
    app: WorkerApp, consumer: ColumnarConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the first fetches after a rebalance would be taken for seen, and skipped."""
    delivered: list[ConsumerMessage] = []

    async def rebalanced_meanwhile(message: ConsumerMessage) -> None:
        delivered.append(message)
        if len(delivered) == 2:
            app.consumer_generation_id += 1

    monkeypatch.setattr(consumer, "callback", rebalanced_meanwhile)
    for first in (0, 2):
        fetches = [fetch([purchase("c-2", i, float(i)) for i in range(2)], first)]
        await consumer._deliver(PURCHASES, fetches, app.consumer_generation_id)
    assert [message.offset for message in delivered] == [1, 3]
    assert consumer._read_offset[PURCHASES] == 1


async def test_a_message_stands_at_the_end_of_what_it_covers_even_without_records(
    app: WorkerApp, consumer: ColumnarConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recovery waits for the end of the log, which is a transaction's marker, no record."""
    delivered: list[ConsumerMessage] = []

    async def remember(message: ConsumerMessage) -> None:
        delivered.append(message)

    monkeypatch.setattr(consumer, "callback", remember)
    taken_back = Fetched(b"", fetch([]).columns, 7, 10)  # two rows and the marker behind them
    await consumer._deliver(CHANGELOG, [taken_back], app.consumer_generation_id)
    assert [message.offset for message in delivered] == [9]


async def test_faust_commits_nothing_whatever_was_acknowledged(
    consumer: ColumnarConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    async def commits(*what: object) -> bool:
        asked.append(what)
        return True

    monkeypatch.setattr(consumer, "_commit", commits)
    consumer._acked[PURCHASES] += [0, 1, 2]
    consumer._acked_index[PURCHASES] |= {0, 1, 2}
    await consumer.force_commit()
    await consumer.commit({PURCHASES})
    assert asked == []
    assert consumer._acked[PURCHASES] == []


async def test_an_input_that_is_held_is_not_fetched(
    consumer: ColumnarConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[set[TP] | None] = []

    async def getmany(_: object, wanted: set[TP] | None, _seconds: float) -> dict[TP, list[Any]]:
        asked.append(wanted)
        return {}

    monkeypatch.setattr(driver.Consumer, "_getmany", getmany)
    visits = TP("visits", 0)
    consumer.held = {PURCHASES}
    await consumer._getmany({PURCHASES, visits}, 0.1)
    consumer.held = {PURCHASES, visits}
    await consumer._getmany({PURCHASES, visits}, 0.1)
    consumer.held = set()
    await consumer._getmany({PURCHASES, visits}, 0.1)
    assert asked == [{visits}, {PURCHASES, visits}]


class Stream:
    """Messages as an agent's stream hands them over."""

    def __init__(self, *messages: ConsumerMessage) -> None:
        self._messages = messages

    async def events(self) -> AsyncIterator[Any]:
        for message in self._messages:
            yield type("Event", (), {"message": message})


class Taker:
    """The part of an owner, and of a learner, that agents call."""

    def __init__(self) -> None:
        self.taken: list[object] = []


class OwnerThatTakes(Taker):
    def take(self, source: Input, partition: int, fetches: Sequence[Fetched]) -> None:
        self.taken.append(fetches)


class LearnerThatTakes(Taker):
    async def take(self, fetches: Sequence[Fetched]) -> None:
        self.taken.append(fetches)


@pytest.mark.parametrize("kind", ["input", "examples"])
async def test_a_message_from_before_a_rebalance_is_dropped(kind: str) -> None:
    def message(generation: int, value: str) -> ConsumerMessage:
        return ConsumerMessage(
            "purchases", 0, 7, 0.0, 0, (), None, value, None, tp=PURCHASES, generation_id=generation
        )

    owner, learner = OwnerThatTakes(), LearnerThatTakes()
    if kind == "input":
        agent = agents.take_input(Input.PURCHASES, cast(PartitionOwner, owner), lambda: 2)
    else:
        agent = agents.take_examples(learner, lambda: 2)
    await agent(cast(Any, Stream(message(1, "old"), message(2, "new"))))
    assert owner.taken + learner.taken == ["new"]
