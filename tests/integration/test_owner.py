"""The order in which partitions are taken, saved and given up, on Apache Kafka itself.

Each test holds one rule of docs/rules.md. One file: they share the owner and what is done to it.
"""

import asyncio
import os
import signal
import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from benchmarks.harness import create_topics, named, read_alerts, read_all
from detectors.observations import Input
from schemas.dead_letters import REASON
from schemas.topics import OutputTopics, dead_letter_topic
from streams.errors import FencedError, StateError, TopicsError
from streams.kafka import positions, producer
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.columns import Fetched
from streams.kafka.fault_points import Point
from streams.partition import owner
from streams.settings import Settings
from tests.functional.fetching import DAY, START, fetch, purchase, visit
from tests.integration.owning import EndedError, Owning, owning

pytestmark = pytest.mark.integration


@pytest.fixture
async def settings(broker: str) -> Settings:
    settings = named(broker, f"owner-{uuid.uuid4().hex[:8]}", clock="event", partitions=2)
    await create_topics(settings)
    return settings


def weekly(count: int = 10, first: int = 0) -> list[dict[str, object]]:
    """One customer's purchases, a week apart; belongs to partition 0 of 2."""
    return [purchase("c-2", i, 7.0 * i) for i in range(first, first + count)]


async def save(one: Owning) -> None:
    """Apply all that was read, and commit it."""
    one.at_end()
    await one.owner.checkpoint()


async def test_whoever_had_the_partition_is_fenced_before_its_offsets_are_read(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with owning(settings) as old, owning(settings) as new:
        await old.assign(0)
        old.take(weekly(), 0)
        ended: list[BaseException | None] = []
        read = positions.starting_positions

        async def after_a_last_try_of_the_old_one(
            options: Mapping[str, Any], group: str, tps: Iterable[TopicPartition]
        ) -> dict[TopicPartition, tuple[int, bool]]:
            with pytest.raises(EndedError) as caught:
                await save(old)
            ended.append(caught.value.__cause__)
            return await read(options, group, tps)

        monkeypatch.setattr(owner, "starting_positions", after_a_last_try_of_the_old_one)
        await new.assign(0)
        assert [type(error) for error in ended] == [FencedError]
        assert new.life().position(Input.PURCHASES) == 0
        new.take(weekly(), 0)
        await save(new)
        assert await new.committed() == 10


async def test_a_zombie_writes_nothing_more_and_ends(settings: Settings) -> None:
    async with owning(settings) as zombie, owning(settings) as heir:
        await zombie.assign(0)
        zombie.take(weekly(), 0)
        await save(zombie)
        written = len(await zombie.written())
        await heir.assign(0)
        zombie.take(weekly(5, 10), 10)
        with pytest.raises(EndedError) as caught:
            await save(zombie)
        assert isinstance(caught.value.__cause__, FencedError)
        assert await heir.committed() == 10
        assert len(await heir.written()) == written


async def test_a_partition_that_stays_keeps_its_state_and_its_producer(settings: Settings) -> None:
    async with owning(settings) as one:
        await one.assign(0)
        one.take(weekly(), 0)
        life = one.life()
        await one.assign(1)
        assert one.life() is life
        one.take(weekly(5, 10), 10)
        await save(one)
        assert await one.committed() == 15


async def test_a_partition_that_comes_back_begins_with_what_the_changelog_says(
    settings: Settings,
) -> None:
    async with owning(settings) as one:
        await one.assign(0)
        one.take(weekly(), 0)
        await save(one)
        one.take(weekly(5, 10), 10)  # read, and never saved: the next owner reads it again
        await one.assign(gone=[0])
        await one.assign(0, recover=False)
        assert (one.life().recovering, one.life().state.size) == (True, 0)
        one.owner.restore(0, await one.changelog(0))
        one.owner.recovered({0})
        assert one.life().position(Input.PURCHASES) == 10
        assert one.life().state.population["applied"][0].tolist() == [10, 0, 0, 0]


async def test_rows_that_are_read_again_for_a_partition_that_stays_change_nothing(
    settings: Settings,
) -> None:
    async with owning(settings) as one:
        await one.assign(0)
        one.take(weekly(), 0)
        await save(one)
        old = await one.changelog(0)
        one.take(weekly(5, 10), 10)
        await save(one)
        before = one.life().state.rows.tobytes()
        one.owner.restore(0, old)
        one.owner.recovered({0})
        assert one.life().state.rows.tobytes() == before


async def test_what_is_not_owned_is_neither_taken_nor_restored_nor_decided(
    settings: Settings,
) -> None:
    async with owning(settings) as one, owning(settings) as other:
        await one.assign(0)
        one.take([purchase("c-1", 0, 0.0)], 0, number=1)
        one.owner.restore(1, await one.changelog(0))
        assert set(one.owner._owned) == {0}
        one.take(weekly(), 0)
        await save(one)
        await one.assign(gone=[0])
        await other.assign(0)
        one.take([purchase("c-2", 99, 3000.0)], 10)  # by which time c-2's silence is long decided
        await one.owner.checkpoint()
        assert one.owner._owned == {}
        assert await other.committed() == 10
        assert await read_alerts(settings) == []


async def test_nothing_is_decided_while_the_state_is_read_back(settings: Settings) -> None:
    async with owning(settings) as one, owning(settings) as heir:
        await one.assign(0)
        one.take(weekly(), 0)
        await save(one)
        await heir.assign(0, recover=False)
        heir.owner.restore(0, await heir.changelog(0))
        watermark, written = heir.life().timeline.watermark, len(await heir.written())
        heir.at_end()
        heir.take(weekly(5, 10), 10)  # would be late news for a state that is not whole
        await heir.owner.checkpoint()
        assert heir.life().timeline.watermark == watermark
        assert heir.life().position(Input.PURCHASES) == 10
        assert len(await heir.written()) == written
        heir.owner.recovered({0})
        assert heir.life().timeline.watermark > watermark


async def test_nothing_is_saved_between_the_last_transaction_and_the_end_of_a_rebalance(
    settings: Settings,
) -> None:
    async with owning(settings) as one:
        await one.assign(0)
        one.take(weekly(), 0)
        one.at_end()
        one.owner._owned[0].life.tick(list(Input), None)
        await one.owner.last_checkpoint()
        assert await one.committed() == 10
        one.take(weekly(5, 10), 10)
        await save(one)
        assert await one.committed() == 10
        await one.assign(1)
        await save(one)
        assert await one.committed() == 15


async def test_the_last_transaction_before_a_rebalance_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A broker that does not answer must not keep the group waiting for us."""
    with EmbeddedBroker() as own:
        settings = named(own.bootstrap, "bounded", clock="event", partitions=1)
        kafka = settings.kafka.model_copy(update={"session_timeout_seconds": 6.0})
        settings = settings.model_copy(update={"kafka": kafka})
        await create_topics(settings)
        async with owning(settings) as one:
            await one.assign(0)
            one.take(weekly(), 0)
            one.at_end()
            one.life().tick(list(Input), None)
            pid = own.pid
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)
            since = time.monotonic()
            try:
                with pytest.raises(EndedError) as caught:
                    await asyncio.wait_for(one.owner.last_checkpoint(), 20)
            finally:
                os.kill(pid, signal.SIGCONT)
            assert isinstance(caught.value.__cause__, TimeoutError)
            assert time.monotonic() - since < 6.0


async def test_a_recovery_that_ended_early_ends_the_process(settings: Settings) -> None:
    async with owning(settings) as one, owning(settings) as heir:
        await one.assign(0)
        one.take(weekly(), 0)
        await save(one)
        early = await one.changelog(0)
        one.take(weekly(5, 10), 10)
        await save(one)
        await heir.assign(0, recover=False)
        heir.owner.restore(0, early)
        with pytest.raises(EndedError, match="the changelog stands at") as caught:
            heir.owner.recovered({0})
        assert isinstance(caught.value.__cause__, StateError)


async def test_a_changelog_row_that_cannot_be_read_ends_the_process(settings: Settings) -> None:
    async with owning(settings) as one:
        await one.assign(0, recover=False)
        unreadable = fetch([b"a row of no layout that anybody knows"])
        with pytest.raises(EndedError, match="cannot be read") as caught:
            one.owner.restore(0, [unreadable])
        assert isinstance(caught.value.__cause__, StateError)


async def test_an_error_while_events_are_taken_ends_the_process(settings: Settings) -> None:
    async with owning(settings) as one:
        await one.assign(0)
        one.take(weekly(2), 0)
        with pytest.raises(EndedError, match="the next offset to read is 2, the fetch starts at 5"):
            one.take(weekly(2, 5), 5)
        assert await one.committed() is None


async def test_a_record_that_the_broker_refuses_takes_the_whole_transaction_with_it(
    settings: Settings,
) -> None:
    """Deliveries are awaited one by one: that everything was flushed says nothing."""
    await set_config(settings, dead_letter_topic(settings.topics.purchases), "300")
    async with owning(settings) as one:
        await one.assign(0)
        one.take([*weekly(), b"x" * 1000], 0)
        with pytest.raises(EndedError, match="MessageSizeTooLarge"):
            await save(one)
        assert await one.committed() is None
        assert await one.written() == []


async def set_config(settings: Settings, topic: str, most_bytes: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.broker)
    await admin.start()
    try:
        config = {"max.message.bytes": most_bytes}
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, config)
        await admin.alter_configs([resource])
    finally:
        await admin.close()


async def test_records_and_positions_are_committed_together_or_not_at_all(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails_before_the_offsets(point: Point) -> None:
        if point is Point.BEFORE_OFFSETS:
            raise OSError("a failure between the records and the offsets")

    async with owning(settings) as one, owning(settings) as heir:
        await one.assign(0)
        one.take(weekly(), 0)
        monkeypatch.setattr(producer, "reach", fails_before_the_offsets)
        with pytest.raises(EndedError, match="between the records and the offsets"):
            await save(one)
        monkeypatch.undo()
        await heir.assign(0)  # ends what the other left open
        assert await heir.committed() is None
        assert await heir.written() == []
        heir.take(weekly(), 0)
        await save(heir)
        assert heir.life().state.population["applied"][0].tolist() == [10, 0, 0, 0]


async def test_state_goes_with_the_positions_so_a_successor_counts_nothing_twice(
    settings: Settings,
) -> None:
    async with owning(settings) as one, owning(settings) as heir:
        await one.assign(0)
        one.take(weekly(6), 0)
        await save(one)
        one.take(weekly(4, 6), 6)  # and is gone before it saves them
        await heir.assign(0)
        heir.take(weekly(4, 6), 6)
        await save(heir)
        assert heir.life().state.population["applied"][0].tolist() == [10, 0, 0, 0]
        assert heir.life().state.rows[0]["n_purchases"] == 10


async def test_new_partitions_of_an_input_end_the_process(settings: Settings) -> None:
    async with owning(settings) as one:
        with pytest.raises(EndedError, match=r"number 2 is new.*topics check") as caught:
            await one.assign(2)
        assert isinstance(caught.value.__cause__, TopicsError)


async def test_only_an_input_that_was_read_to_its_end_follows_the_clock(broker: str) -> None:
    settings = named(broker, f"owner-{uuid.uuid4().hex[:8]}", partitions=1)  # by the wall clock
    await create_topics(settings)
    async with owning(settings) as one:
        await one.assign(0)
        one.take(weekly(), 0)
        one.at_end()
        one.ends[settings.topics.purchases, 0] += 1  # one more that was not fetched yet
        await one.owner.checkpoint()
        assert one.life().timeline.watermark == START + 63.0 * DAY
        one.at_end()
        await one.owner.checkpoint()
        assert time.time() - 5.0 < one.life().timeline.watermark <= time.time()


@pytest.mark.parametrize(
    "bound", [{"ahead_seconds": 5 * DAY}, {"ahead_bytes": 4096}], ids=["time", "bytes"]
)
async def test_an_input_that_runs_ahead_waits_until_the_others_have_caught_up(
    settings: Settings, bound: dict[str, float]
) -> None:
    alignment = settings.alignment.model_copy(update={"ahead_seconds": 1e9, **bound})
    settings = settings.model_copy(update={"alignment": alignment})
    async with owning(settings) as one:
        await one.assign(0)

        def visited(number: int, day: float) -> Fetched:
            return fetch([visit("c-2", number, day)], number)

        one.owner.take(Input.VISITS, 0, [visited(0, 0.0)])
        one.at_end()
        one.ends[settings.topics.visits, 0] = 2
        one.take(weekly(60), 0)
        one.ends[settings.topics.purchases, 0] = 60
        await one.owner.checkpoint()
        assert {tp.topic for tp in one.held} == {settings.topics.purchases}
        one.owner.take(Input.VISITS, 0, [visited(1, 7.0 * 60)])
        await one.owner.checkpoint()
        assert one.held == set()


async def test_an_event_from_beyond_the_skew_is_a_dead_letter_and_moves_no_time(
    broker: str,
) -> None:
    settings = named(broker, f"owner-{uuid.uuid4().hex[:8]}", partitions=1)
    await create_topics(settings)
    ahead = settings.max_clock_skew_seconds
    async with owning(settings) as one:
        await one.assign(0)
        days = (time.time() - START) / DAY
        near, far = (days + (ahead + by) / DAY for by in (-60.0, 60.0))
        one.take([purchase("c-2", 0, days - 1), purchase("c-2", 1, far)], 0)
        one.at_end()
        await one.owner.checkpoint()
        assert one.life().timeline.watermark < time.time() + 1.0
        one.take([purchase("c-2", 2, near)], 2)
        one.at_end()
        await one.owner.checkpoint()
        letters = await read_all(settings, dead_letter_topic(settings.topics.purchases))
        assert [dict(letter.headers)[REASON] for letter in letters] == [b"future_time"]
        assert await one.committed() == 2  # the third waits until its time has come
        assert one.life().position(Input.PURCHASES) == 3


async def test_alerts_and_who_is_at_risk_are_in_the_same_transaction(settings: Settings) -> None:
    outputs = OutputTopics(settings.topics.prefix)
    async with owning(settings) as one:
        await one.assign(0)
        one.take([*weekly(), purchase("c-2", 99, 400.0)], 0)
        await save(one)
        alerts = await read_alerts(settings)
        assert [alert["status"] for alert in alerts][:1] == ["opened"]
        at_risk = await read_all(settings, outputs.at_risk)
        assert len(at_risk) == len(alerts)
        assert await one.committed() == 11
