"""Processes under one supervisor: real ones, that do something simpler than a worker does."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams import supervisor
from streams.errors import ConfigurationError
from streams.settings import Settings, load, numbered
from streams.settings_groups import Web

# argv[1] is what it does: an exit code, or how it takes SIGTERM. It says its name when it is there.
PROGRAM = """
import os, pathlib, signal, sys, time
from streams.supervisor import end_with_supervisor
what, folder = sys.argv[1], pathlib.Path(sys.argv[2])
def end(*_):
    (folder / f"asked-{os.getpid()}").touch()
    os._exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if what == "deaf" else end)
end_with_supervisor()
(folder / f"here-{os.getpid()}").touch()
if what.isdigit():
    time.sleep(0.5)
    os._exit(int(what))
if what == "kill":
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)
time.sleep(60)
"""


def pids(folder: Path, what: str) -> list[int]:
    """Of those that said so."""
    return [int(path.name.partition("-")[2]) for path in folder.glob(f"{what}-*")]


async def supervised(
    monkeypatch: pytest.MonkeyPatch, folder: Path, *whats: str, stop_seconds: float = 5.0
) -> int:
    monkeypatch.setattr(supervisor, "_PROGRAM", PROGRAM)
    async with asyncio.timeout(20):
        return await supervisor.supervise([[what, str(folder)] for what in whats], stop_seconds)


async def test_the_first_that_fails_ends_the_rest_and_its_code_is_the_supervisors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert await supervised(monkeypatch, tmp_path, "75", "stay", "stay") == 75
    assert len(pids(tmp_path, "here")) == 3
    assert len(pids(tmp_path, "asked")) == 2


async def test_one_that_was_killed_tells_by_which_signal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert await supervised(monkeypatch, tmp_path, "stay", "kill") == 128 + signal.SIGKILL
    assert len(pids(tmp_path, "asked")) == 1


async def test_one_that_was_asked_to_end_leaves_the_others_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started = time.monotonic()
    running = asyncio.create_task(supervised(monkeypatch, tmp_path, "0", "stay"))
    await asyncio.sleep(2)
    assert not running.done()
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running == 0
    assert time.monotonic() - started > 2
    assert len(pids(tmp_path, "asked")) == 1


async def test_who_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(supervisor, "LATE_SECONDS", 0.2)
    code = await supervised(monkeypatch, tmp_path, "69", "deaf", stop_seconds=0.5)
    assert code == 69
    for pid in pids(tmp_path, "here"):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_workers_end_when_their_supervisor_is_gone(tmp_path: Path) -> None:
    program = (
        "import asyncio\nfrom streams import supervisor\n"
        f"supervisor._PROGRAM = {PROGRAM!r}\n"
        f"asyncio.run(supervisor.supervise([['stay', {str(tmp_path)!r}]] * 2, 5.0))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 20
        while len(pids(tmp_path, "here")) < 2:
            assert time.monotonic() < until
            time.sleep(0.05)
        process.kill()
    while len(pids(tmp_path, "asked")) < 2:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_each_process_has_a_port_and_a_folder_of_its_own() -> None:
    settings = Settings(processes=2, group="g")
    assert [numbered(settings, i).web.port for i in range(2)] == [6066, 6067]
    assert [str(numbered(settings, i).data_dir) for i in range(2)] == ["offbeat-g-0", "offbeat-g-1"]
    assert numbered(Settings(web=Web(port=0)), 3).web.port == 0


def test_ports_beyond_the_last_are_refused() -> None:
    settings = Settings(processes=2, web=Web(port=65_535))
    assert numbered(settings, 0).web.port == 65_535
    with pytest.raises(ConfigurationError, match="65535 to 65536"):
        numbered(settings, 1)


@pytest.mark.parametrize("processes", [0, -1])
def test_less_than_one_process_is_refused(processes: int) -> None:
    with pytest.raises(ConfigurationError, match="processes"):
        load(processes=processes)
