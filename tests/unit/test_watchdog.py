"""When a worker counts as standing still. Time is the test's own."""

from typing import NoReturn

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from streams.errors import StalledError
from streams.ops.health import Health
from streams.ops.watchdog import MUST_WAIT, Watchdog, Work

PLACE = TopicPartition("purchases", 0)
STALL_SECONDS = 80.0


class Ended(Exception):
    """The process would have."""


class Scene:
    """A worker and its broker, as the watchdog sees them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.end: int | None = 100  # None: the broker is away
        self.work: Work | None = Work(0, {PLACE: 50}, "")
        self.health = Health(STALL_SECONDS, 0.0)
        monkeypatch.setattr("streams.ops.watchdog.time.monotonic", lambda: self.now)
        self.dog = Watchdog(STALL_SECONDS, lambda: self.work, self, self.health, self.fail)
        self.error: BaseException | None = None

    async def at(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        if self.end is None:
            raise KafkaConnectionError("away")
        return dict.fromkeys(tps, self.end)

    def fail(self, error: BaseException) -> NoReturn:
        self.error = error
        raise Ended

    async def look(self, times: int, pause: float | None = None) -> None:
        for _ in range(times):
            self.now += self.dog.pause if pause is None else pause
            await self.dog.look()
            self.health.observed(50, 0, self.now)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


async def test_lag_without_progress_ends_the_worker_after_the_bound(scene: Scene) -> None:
    await scene.look(9)
    assert scene.health.live(scene.now).ok
    with pytest.raises(Ended):
        await scene.look(1)
    assert isinstance(scene.error, StalledError)
    assert "50 records behind, and no progress for 90 s" in str(scene.error)
    assert not scene.health.live(scene.now).ok


async def test_progress_begins_the_bound_anew(scene: Scene) -> None:
    for number in range(5):
        scene.work = Work(number, {PLACE: 50}, "")
        await scene.look(8)


@pytest.mark.parametrize(
    "work",
    [
        None,  # a rebalance
        Work(0, {}, ""),  # nothing is owned
        Work(0, {PLACE: 100}, ""),  # all is read
        Work(0, {PLACE: MUST_WAIT}, ""),  # it waits for the others
    ],
)
async def test_who_has_nothing_to_do_may_stand_still(scene: Scene, work: Work | None) -> None:
    scene.work = work
    await scene.look(30)


async def test_a_broker_that_is_away_is_no_stall(scene: Scene) -> None:
    scene.end = None
    await scene.look(30)
    scene.end = 100
    await scene.look(8)


async def test_a_recovery_that_does_not_go_on_is_a_stall_and_one_that_does_is_none(
    scene: Scene,
) -> None:
    for fetches in range(30):
        scene.work = Work(fetches, {PLACE: MUST_WAIT}, "recovering partitions [0]")
        await scene.look(1)
    with pytest.raises(Ended):
        await scene.look(10)
    assert "recovering partitions [0]" in str(scene.error)


async def test_time_in_which_this_process_was_stopped_does_not_count(scene: Scene) -> None:
    await scene.look(1)
    await scene.look(1, pause=3600.0)
    await scene.look(5)
