"""The order in which partitions are taken, recovered and given up, on Apache Kafka itself.

Each test holds one rule of docs/rules.md.
"""

import asyncio
import os
import signal
import time

import pytest

from benchmarks.harness import create_topics, named, read_alerts
from detectors.observations import Input
from streams.errors import FencedError, StateError, TopicsError, TransactionError
from streams.kafka.broker import EmbeddedBroker
from streams.settings import Settings
from tests.functional.fetching import fetch, purchase
from tests.integration.owning import EndedError, Owning, owning, save, weekly

pytestmark = pytest.mark.integration


async def test_whoever_had_the_partition_is_fenced_before_its_offsets_are_read(
    settings: Settings,
) -> None:
    """The old owner commits on and on, so between two steps of the new one it often does too.

    About one round in four would notice if the steps were the other way round.
    """
    for _ in range(20):
        async with owning(settings) as old, owning(settings) as new:
            await old.assign(0)
            saving = asyncio.create_task(save_until_ended(old))
            begun = old.life().position(Input.PURCHASES)
            while old.life().position(Input.PURCHASES) < begun + 5 and not saving.done():
                await asyncio.sleep(0.001)
            await new.assign(0, recover=False)
            # whom it fences amid a commit the broker does not always tell why
            assert isinstance(await saving, FencedError | TransactionError)
            assert new.life().position(Input.PURCHASES) == await new.committed()


async def save_until_ended(one: Owning) -> BaseException | None:
    """Why it ended."""
    while True:
        number = one.life().position(Input.PURCHASES)
        one.take([purchase("c-2", number, number / 24)], number)
        try:
            await save(one)
        except EndedError as error:
            return error.__cause__


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


@pytest.mark.parametrize("ends_first", [True, False])
async def test_whoever_ends_amid_a_rebalance_owns_nothing_any_more(
    settings: Settings, ends_first: bool
) -> None:
    async with owning(settings) as one:
        await one.assign(0)
        moves = [one.owner.stop(), one.assign(1, recover=False)]
        await asyncio.gather(*(moves if ends_first else reversed(moves)))
        assert one.owner.seen() == []


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


async def test_the_last_transaction_before_a_rebalance_is_bounded() -> None:
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


async def test_new_partitions_of_an_input_end_the_process(settings: Settings) -> None:
    async with owning(settings) as one:
        with pytest.raises(EndedError, match=r"number 2 is new.*topics check") as caught:
            await one.assign(2)
        assert isinstance(caught.value.__cause__, TopicsError)
