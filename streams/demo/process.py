"""A real worker, as a process of its own that cannot outlive us."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.errors import StalledError, TransientError
from streams.kafka import guard

_LOOK_SECONDS = 0.1
_STOP_SECONDS = 20.0  # a worker commits and leaves the group within a second or two
_PROGRAM = "from streams.cli import main; main()"


class WorkerProcess:
    """`offbeat worker` with these settings in its environment; use it as a context.

    Args:
        environment: OFFBEAT_* variables; the rest of our environment is inherited.
        port: of its pages on the loopback.
        log: where its log goes.
    """

    def __init__(self, environment: Mapping[str, str], port: int, log: Path) -> None:
        self._environment = {**os.environ, **environment}
        self._log = log
        self.pages = f"http://127.0.0.1:{port}"

    def __enter__(self) -> Self:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, guard.__file__, sys.executable, "-c", _PROGRAM, "worker"]
        with self._log.open("wb") as log:
            # a session of its own: Ctrl-C on our terminal is ours to answer
            self._guard = subprocess.Popen(
                command,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._guard.stdin is not None:  # always: it was asked for
            self._guard.stdin.close()  # the guard then ends the worker, orderly at first
        try:
            self._guard.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()

    def check(self) -> None:
        """Raise TransientError when the worker has ended."""
        code = self._guard.poll()
        if code is not None:
            raise TransientError(
                f"the worker ended with exit code {code}",
                where="offbeat worker",
                remedy=f"Its log says why: {self._log}",
            )

    async def ready(self, seconds: float) -> None:
        """Return when the worker has joined its group and its state.

        Raises:
            TransientError: it ended.
            StalledError: it was not ready within so many seconds.
        """
        try:
            async with asyncio.timeout(seconds):
                while not await asyncio.to_thread(self._answers, "/readyz"):
                    self.check()
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError as error:
            raise StalledError(
                f"the worker was not ready within {seconds:g} s",
                where=self.pages,
                remedy=f"Its log says how far it came: {self._log}",
            ) from error

    async def metrics(self) -> dict[str, float]:
        """What /metrics says, by name, labels added up."""
        text = await asyncio.to_thread(self._page, "/metrics")
        found: dict[str, float] = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                name = name.partition("{")[0]
                found[name] = found.get(name, 0.0) + float(value)
        return found

    def _answers(self, path: str) -> bool:
        try:
            self._page(path)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return True

    def _page(self, path: str) -> str:
        url = f"{self.pages}{path}"
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  http, and loopback
            return str(answer.read(), "utf-8")
