"""Fault points: silent unless asked, and then exactly there, exactly once."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from aiokafka.errors import KafkaError

from streams.errors import ConfigurationError
from streams.kafka import fault_points
from streams.kafka.fault_points import VARIABLE, Action, Point, Strike, parse, reach, reach_amid
from streams.settings import load


@pytest.fixture(autouse=True)
def nothing_planned(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(VARIABLE, raising=False)
    fault_points._planned.cache_clear()
    yield
    fault_points._planned.cache_clear()


def test_a_point_has_a_number_an_action_and_a_delay() -> None:
    assert parse("before_begin:3") == Strike(Point.BEFORE_BEGIN, 3, Action.KILL, 0.0)
    assert parse("amid_commit:1:stop:2.5") == Strike(Point.AMID_COMMIT, 1, Action.STOP, 0.0025)


@pytest.mark.parametrize(
    "text",
    [
        "amid_commit",
        "amid_commit:0",
        "nowhere:1",
        "amid_sends:1:explode",
        "amid_sends:1:",
        ":",
        "before_begin:1:hang",
    ],
)
def test_anything_else_is_refused_with_what_would_be_accepted(text: str) -> None:
    with pytest.raises(ConfigurationError, match="Accepted: POINT:N"):
        parse(text)


async def test_nothing_happens_unless_it_is_asked_for() -> None:
    for point in Point:
        reach(point)
        assert await reach_amid(point, asyncio.sleep(0, "done")) == "done"


async def test_it_strikes_the_nth_time_at_its_point_and_never_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "after_offsets:2:fail")
    reach(Point.AFTER_OFFSETS)
    reach(Point.BEFORE_OFFSETS)
    with pytest.raises(KafkaError, match="after_offsets"):
        reach(Point.AFTER_OFFSETS)
    reach(Point.AFTER_OFFSETS)


async def test_amid_some_work_it_strikes_after_the_work_has_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.sleep(30)

    monkeypatch.setenv(VARIABLE, "amid_sends:1:fail:5")
    with pytest.raises(KafkaError):
        await reach_amid(Point.AMID_SENDS, work())
    assert begun.is_set()


def test_a_kill_leaves_no_time_for_last_words() -> None:
    code = (
        "from streams.kafka.fault_points import Point, reach\n"
        "try:\n    reach(Point.AFTER_COMMIT)\nfinally:\n    print('last words')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, VARIABLE: "after_commit:1"},
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, b"")


def test_it_is_no_setting_and_no_unknown_one_either(monkeypatch: pytest.MonkeyPatch) -> None:
    before = load()
    monkeypatch.setenv(VARIABLE, "after_commit:1")
    assert load() == before
