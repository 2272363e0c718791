"""Several workers on one machine, under one process that a process manager looks after.

The workers are processes of their own, fresh interpreters of the same consumer group: one process
uses one core. They live and end together: when one ends with another code than 0 the rest is asked
to end, and this code is the supervisor's, so that whoever looks after it restarts them all and an
operator sees the reason. One that was asked to end by somebody, and did so with 0, leaves its
partitions to the others.

A worker that has lost its supervisor, however it went, ends in order: its standard input is a pipe
that nobody writes to and that closes with the supervisor.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from streams.ops import logs

# Behind the worker's own bound of its end; after that it is one that cannot answer any more.
LATE_SECONDS = 5.0
_PROGRAM = "from streams.cli import main; main()"

log = logs.logger(__name__)


async def supervise(commands: Sequence[Sequence[str]], stop_seconds: float) -> int:
    """Run the workers with these arguments of `offbeat`; the exit code for all of them.

    Ends when all have: by SIGTERM or SIGINT, that each of them is told of as SIGTERM, or as above.
    Whoever takes longer than `stop_seconds` for that, and some more, is killed. The code is the
    first that was not 0, and 128 + n where signal n ended a worker.
    """
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    workers = [await _started(arguments) for arguments in commands]
    log.info(logs.WORKERS_STARTED, pids=[worker.pid for worker in workers])
    first = 0  # of the codes that are not 0

    async def outlive(number: int, worker: asyncio.subprocess.Process) -> None:
        nonlocal first
        code = await worker.wait()
        if code == -signal.SIGTERM and asked.is_set():
            code = 0  # asked so early that it could not know yet: there was nothing to save
        code = code if code >= 0 else 128 - code
        if code == 0:
            log.info(logs.WORKER_ENDED, process=number, exit_code=code)
        else:
            log.error(logs.WORKER_ENDED, process=number, exit_code=code)
            first = first or code
            asked.set()

    ends: asyncio.Future[Any] = asyncio.gather(*map(outlive, range(len(workers)), workers))
    asking: asyncio.Future[Any] = asyncio.create_task(asked.wait())
    await asyncio.wait({ends, asking}, return_when=asyncio.FIRST_COMPLETED)
    if not ends.done():
        _signal(workers, signal.SIGTERM)
        try:
            await asyncio.wait_for(asyncio.shield(ends), stop_seconds + LATE_SECONDS)
        except TimeoutError:
            _signal(workers, signal.SIGKILL)
            await ends
    asking.cancel()
    return first


async def _started(arguments: Sequence[str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PROGRAM, *arguments),
        stdin=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C on a terminal is the supervisor's to pass on, once
    )


def _signal(workers: Sequence[asyncio.subprocess.Process], number: signal.Signals) -> None:
    for worker in workers:
        if worker.returncode is None:
            with suppress(ProcessLookupError):  # it has ended meanwhile
                worker.send_signal(number)


def end_with_supervisor() -> None:
    """In a worker: when the supervisor is gone, ask this process to end."""
    threading.Thread(target=_wait_for_the_end, daemon=True, name="supervisor").start()


def _wait_for_the_end() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
