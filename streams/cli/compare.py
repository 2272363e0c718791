"""`offbeat backtest --compare`: two profiles over one history, their alerts side by side."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from detectors.lab.budget import Expected
    from detectors.profile import Profile
    from streams.backtest.compare import Alerts, Differences
    from streams.backtest.history import History

GAINED, LOST = "gained.jsonl", "lost.jsonl"

_SHOWN = 10


def compare_profiles(
    history: History,
    paths: tuple[Path, Path],
    profiles: tuple[Profile, Profile],
    out: Path,
    console: Console,
) -> None:
    """Run both, write the lists, print a summary and the first of each list."""
    from rich.console import Console as Quiet

    from streams.backtest.compare import alerts_of, described, differences
    from streams.cli.progress import progress
    from streams.figures import write_figures

    with progress("Deciding", 2 * history.observations.size) as advance:
        before, after = (alerts_of(history.decide(profile, None, advance)) for profile in profiles)
    differ = differences(before, after)

    lists = {
        LOST: described(history, before, differ.lost, profiles[0]),
        GAINED: described(history, after, differ.gained, profiles[1]),
    }
    figures: dict[str, float | int] = {}
    console.print(
        _summary(history, paths, (before, after), differ, profiles[0].horizon_days, figures)
    )
    for name, rows in lists.items():
        _write(out / name, rows)
        word = name.partition(".")[0]
        console.print(f"{len(rows):,} alerts {word}: {out / name}")
        if rows:
            title = f"the first {min(_SHOWN, len(rows))} {word}"
            console.print(_rows(title, rows, console.width))
    write_figures("compare", figures, Quiet(quiet=True))


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    import orjson

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror}",
            where=str(path),
            remedy="Give a folder that you may write to: --out.",
        ) from error


def _summary(
    history: History,
    paths: tuple[Path, Path],
    both: tuple[Alerts, Alerts],
    differ: Differences,
    horizon_days: float,
    figures: dict[str, float | int],
) -> Table:
    """A row a figure, a column a profile."""
    import numpy as np
    from rich.table import Table

    from detectors.customer import DAY_SECONDS
    from detectors.judgement.episodes import Severity, Status
    from streams.backtest.report import spanned

    table = Table("alerts", title=f"{history.path.name}: {history.customers:,} customers")
    table.title_justify = "left"
    columns = "before", "after"
    for path in paths:
        table.add_column(path.name, justify="right")

    def row(words: str, key: str, values: tuple[float, float], digits: int = 0) -> None:
        table.add_row(words, *(f"{value:,.{digits}f}" for value in values))
        for column, value in zip(columns, values, strict=True):
            figures[f"{column}_{key}"] = round(float(value), 4) if digits else int(value)

    before, after = both
    row("opened", "opened", (before.opened.size, after.opened.size))
    row("only here", "only", (int(differ.lost.sum()), int(differ.gained.sum())))
    statuses = [Counter(alerts.statuses().tolist()) for alerts in both]
    for status in (Status.RESOLVED, Status.EXPIRED):
        name = status.name.lower()
        row(name, name, (statuses[0][status], statuses[1][status]))
    severities = [
        Counter(alerts.decisions.records["severity"][alerts.last].tolist()) for alerts in both
    ]
    for severity in Severity:
        name = severity.name.lower()
        row(f"severity {name}", name, (severities[0][severity], severities[1][severity]))
    expectations = [_expected(history, alerts, horizon_days) for alerts in both]
    for words, name, digits in (
        ("false alerts a living customer-year", "false_a_living_year", 2),
        ("alerts a day", "alerts_a_day", 2),
        ("share of them that is false", "false_ratio", 2),
        ("silence before an alert, own gaps", "silence_gaps", 2),
    ):
        drawn = [getattr(one, name) for one in expectations]
        table.add_row(words, *(spanned(one, digits) for one in drawn))
        for column, one in zip(columns, drawn, strict=True):
            if np.isfinite(one[0]):
                figures[f"{column}_{name}"] = round(float(one[0]), 4)
    earlier = (before.times()[~differ.lost] - after.times()[~differ.gained]) / DAY_SECONDS
    if earlier.size:
        mean, moved = float(earlier.mean()), (int((earlier > 0).sum()), int((earlier < 0).sum()))
        figures["days_earlier"] = round(mean, 3)
        figures["both_earlier"], figures["both_later"] = moved
        table.caption = (
            f"Of {earlier.size:,} alerts in both, {moved[0]:,} are earlier in {paths[1].name}, "
            f"{moved[1]:,} later; on average {abs(mean):.1f} days "
            f"{'later' if mean < 0 else 'earlier'}."
        )
        table.caption_justify = "left"
    return table


def _expected(history: History, alerts: Alerts, horizon_days: float) -> Expected:
    from detectors.customer import DAY_SECONDS
    from detectors.lab.budget import Span, count, expected
    from streams.backtest.calibration import FOLLOW

    whole = history.last - history.first
    follow = min(DAY_SECONDS * horizon_days, FOLLOW * whole)
    span = Span(history.first, history.last - follow, float("inf"))
    return expected(count(alerts.decisions.records[alerts.opened], history.signs(), span))


def _rows(title: str, rows: list[dict[str, Any]], width: int) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, width=width
    )
    for name in ("opened", "customer", "status", "severity", "came back"):
        table.add_column(name, no_wrap=True)
    table.add_column("first reason", ratio=1, no_wrap=True, overflow="ellipsis")
    for row in rows[:_SHOWN]:
        table.add_row(
            row["opened_at"][:10], Text(row["customer_id"]), row["status"], row["severity"],
            "yes" if row["came_back"] else "no", Text(row["reason"]),
        )  # fmt: skip
    return table
