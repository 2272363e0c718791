"""Workers forked from a process that has loaded everything: there in half a second, not in five.

Each is a process of its own that runs `offbeat worker` from its first line; only Python, its
modules and the compiled kernels are there already. So a hundred starts cost minutes, not an hour.
"""

import multiprocessing
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from benchmarks.harness import Process

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["benchmarks.faults.loaded"])


class _Forked:
    """What `Worker` asks of a process."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        assert process.pid is not None
        self.pid: int = process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("offbeat worker", timeout or 0.0)
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)


def launch(environment: Mapping[str, str], log: Path) -> Process:
    """A `benchmarks.harness.Launch`."""
    return _launch(environment, log, full=False)


def launch_on_full_disk(environment: Mapping[str, str], log: Path) -> Process:
    """The same, of a worker that cannot write a byte to any file, its log among them."""
    return _launch(environment, log, full=True)


def _launch(environment: Mapping[str, str], log: Path, *, full: bool) -> Process:
    process = _CONTEXT.Process(
        target=_run, args=(dict(environment), str(log)), kwargs={"full": full}, daemon=True
    )
    process.start()
    return _Forked(process)


def _run(environment: dict[str, str], log: str, *, full: bool) -> None:
    if full:  # writes then fail with EFBIG, as with ENOSPC on a disk that is full
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv = ["offbeat", "worker"]
    from streams.cli import main  # noqa: PLC0415 (after its environment is there)

    main()
