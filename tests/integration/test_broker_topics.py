"""Making and checking the topics, on a real broker."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.errors import BrokerError, TopicsError
from streams.kafka import topics
from streams.kafka.node import free_port
from streams.settings import Settings, load


def _settings(broker: str, prefix: str, **more: object) -> Settings:
    """An installation of its own on the shared broker."""
    names = {f"topics_{kind}": f"{prefix}.{kind}" for kind in _INPUTS}
    return load(broker=broker, topics_prefix=prefix, **names, **more)  # type: ignore[arg-type]  # flags


_INPUTS = ("purchases", "visits", "payments", "support")


async def _make(broker: str, *wanted: NewTopic) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        await admin.create_topics(list(wanted))
        # answered by the controller; the broker hears of it a little later
        while not {topic.name for topic in wanted} <= set(await admin.list_topics()):
            await asyncio.sleep(0.05)
    finally:
        await admin.close()


async def test_what_create_makes_check_finds_good(broker: str) -> None:
    settings = _settings(broker, "made", topics_partitions=3)
    created = await topics.create(settings)
    assert set(created) == {spec.name for spec in topics.specs(settings)}
    found, findings = await topics.check(settings)
    assert findings == []
    assert {found[name].partitions for name in settings.topics.inputs} == {3}
    assert found["made.examples"].partitions == 1
    assert found["made.state-changelog"].config["cleanup.policy"] == "compact"
    assert await topics.require(settings) == ([], settings.topics.partitions)


async def test_a_second_create_makes_nothing(broker: str) -> None:
    settings = _settings(broker, "twice", topics_partitions=1)
    assert await topics.create(settings)
    assert await topics.create(settings) == []


async def test_outputs_follow_the_inputs_that_are_there(broker: str) -> None:
    settings = _settings(broker, "follow", topics_partitions=7)
    await _make(broker, NewTopic("follow.purchases", 2, 1))
    await topics.create(settings)
    found, findings = await topics.check(settings)
    assert findings == []
    assert found["follow.state-changelog"].partitions == 2


async def test_a_worker_refuses_topics_that_would_mix_up_events(broker: str) -> None:
    settings = _settings(broker, "uneven", topics_partitions=2)
    await _make(
        broker,
        NewTopic("uneven.visits", 3, 1),
        NewTopic("uneven.state-changelog", 2, 1, topic_configs={"cleanup.policy": "delete"}),
    )
    with pytest.raises(TopicsError, match="missing"):
        await topics.require(settings)
    await topics.create(settings)
    with pytest.raises(TopicsError) as caught:
        await topics.require(settings)
    assert "uneven.state-changelog: 2 partitions instead of 3" in str(caught.value)
    assert "cleanup.policy is delete instead of compact" in str(caught.value)


async def test_inputs_that_differ_in_partitions_are_not_added_to(broker: str) -> None:
    settings = _settings(broker, "differ")
    await _make(broker, NewTopic("differ.visits", 3, 1), NewTopic("differ.purchases", 2, 1))
    with pytest.raises(TopicsError, match=r"differ\.purchases has 2, differ\.visits has 3"):
        await topics.create(settings)


async def test_a_broker_that_refuses_is_quoted(broker: str) -> None:
    settings = _settings(broker, "greedy", topics_replication=3)
    with pytest.raises(TopicsError, match="InvalidReplicationFactorError"):
        await topics.create(settings)


async def test_without_a_broker_the_error_says_what_to_set() -> None:
    settings = _settings(f"127.0.0.1:{free_port()}", "nowhere")
    with pytest.raises(BrokerError, match="offbeat broker"):
        await topics.check(settings)
