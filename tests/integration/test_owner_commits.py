"""What an owner takes of its inputs and what it then commits, on Apache Kafka itself.

Each test holds one rule of docs/rules.md.
"""

import time
import uuid
from collections.abc import Iterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from benchmarks.harness import create_topics, named, read_alerts, read_all
from detectors.observations import Input
from schemas.dead_letters import REASON
from schemas.topics import OutputTopics, dead_letter_topic
from streams.kafka import fault_points
from streams.kafka.columns import Fetched
from streams.kafka.fault_points import VARIABLE
from streams.settings import Settings
from tests.functional.fetching import DAY, START, fetch, purchase, visit
from tests.integration.owning import EndedError, owning, save, weekly

pytestmark = pytest.mark.integration


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


@pytest.fixture
def refused_before_the_offsets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The next transaction fails there: a named point, as docs/decisions/0012 has it."""
    monkeypatch.setenv(VARIABLE, "before_offsets:1:fail")
    fault_points._planned.cache_clear()
    yield
    monkeypatch.delenv(VARIABLE)
    fault_points._planned.cache_clear()


@pytest.mark.usefixtures("refused_before_the_offsets")
async def test_records_and_positions_are_committed_together_or_not_at_all(
    settings: Settings,
) -> None:
    async with owning(settings) as one, owning(settings) as heir:
        await one.assign(0)
        one.take(weekly(), 0)
        with pytest.raises(EndedError, match="a failure at before_offsets"):
            await save(one)
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
