"""Progress for people: a bar on a terminal, now and then a line anywhere else."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

# A line every five seconds keeps the log of a run of ten minutes to 120 lines.
_LINE_SECONDS = 5.0

Advance = Callable[[int], None]


@contextmanager
def progress(what: str, total: int | None = None, unit: str = "events") -> Iterator[Advance]:
    """Show how far something has come; yields `advance(n)`, to be called after n more units.

    `total` is None when nobody knows the end. Writes to stderr, so that stdout stays for results.

    >>> with progress("Reading", total=2) as advance:
    ...     advance(2)
    """
    console = Console(stderr=True)
    with (
        _bar(console, what, total, unit)
        if console.is_terminal
        else _lines(console, what, total, unit) as advance
    ):
        yield advance


@contextmanager
def _bar(console: Console, what: str, total: int | None, unit: str) -> Iterator[Advance]:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn(f"{{task.completed:,}} {unit}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=total)
        yield lambda n: bar.advance(task, n)


@contextmanager
def _lines(console: Console, what: str, total: int | None, unit: str) -> Iterator[Advance]:
    start = last = time.monotonic()
    done = 0

    def line() -> None:
        share = f" of {total:,}" if total is not None else ""
        rate = done / max(time.monotonic() - start, 1e-9)
        console.print(f"{what}: {done:,}{share} {unit}, {rate:,.0f}/s", highlight=False)

    def advance(n: int) -> None:
        nonlocal done, last
        done += n
        if time.monotonic() - last >= _LINE_SECONDS:
            last = time.monotonic()
            line()

    yield advance
    line()
