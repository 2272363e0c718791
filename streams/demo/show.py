"""What people see while the demo runs: the newest alerts as a table, or now and then a line."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from schemas.alerts import Alert
from streams.cli.alert_table import alert_line, alert_table, counts_line

_ROWS = 20
_LINES = 8  # of a terminal's height for what is round the table
_LINE_SECONDS = 1.0  # a demo of a minute then prints some sixty lines


class Show:
    """Shows alerts as they come; use it as a context. Counts them by status."""

    def __init__(self, console: Console) -> None:
        self.counts: Counter[str] = Counter()
        self.day = ""  # how far event time has come
        self.sent = 0
        self._console = console
        self._newest: deque[Alert] = deque(maxlen=_ROWS)
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._picture)
        self._printed = 0.0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def add(self, alerts: Iterable[Alert]) -> None:
        """Take alerts that were committed."""
        for alert in alerts:
            self.counts[alert.status] += 1
            if alert.status == "opened":
                self._newest.append(alert)
        if not self._console.is_terminal:
            self._line()

    def _line(self) -> None:
        now = time.monotonic()
        if self._newest and now - self._printed >= _LINE_SECONDS:
            self._printed = now
            self._console.print(
                f"[{self.sent:,} events sent; alerts: {counts_line(self.counts)}] "
                f"{alert_line(self._newest.pop())}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )

    def _picture(self) -> Group:
        line = f"{self.day}  {self.sent:,} events sent; alerts: {counts_line(self.counts)}"
        newest = list(self._newest)[: -1 - max(self._console.height - _LINES, 1) : -1]
        table = alert_table(newest, self._console.width, one_line=True)
        return Group(table, Text(line, "bold"))
