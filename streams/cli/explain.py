"""`offbeat explain`: what is usual for a customer, where they stand, and why."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from math import floor, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli import options
from streams.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from detectors.judgement.reasons import Explanation
    from detectors.judgement.rhythm import Rhythm
    from detectors.profile import Profile
    from streams.settings import Settings

_BARS = "▁▂▃▄▅▆▇█"
_NOTHING = "·"
_CELLS = 32  # of a curve
_NEGLIGIBLE = 0.005  # log-odds that two decimals would not show


def command(
    customer: Annotated[str, typer.Argument(help="The customer's id.")],
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", help="File or folder of events, as for replay. Default: the worker's state."
        ),
    ] = None,
    broker: options.Broker = None,
    config: options.Config = None,
    profile: options.ProfileFile = None,
) -> None:
    """Say what is usual for a customer, how long they have been silent, and what follows from it.

    With --from, after all events of the files; otherwise as the workers last committed it.
    """
    from rich.console import Console

    from streams.settings import load

    settings = load(config, profile, broker=broker)
    if source is not None:
        row, now, detectors = _from_files(settings, source, customer)
    else:
        row, now, detectors = asyncio.run(_from_broker(settings, customer))
    _print(Console(highlight=False), customer, row, now, detectors)


def _from_files(settings: Settings, path: Path, customer: str) -> tuple[Any, float, Profile]:
    from streams.cli.progress import progress
    from streams.replay import Replay
    from streams.sources.files import by_input

    replay = Replay(settings)
    with progress("Replaying", unit="rows") as advance:
        for step in replay.run(by_input(path, [])):
            advance(step.rows)
    found = replay.find(customer)
    if found is None:
        raise InputError(
            f"there is no event of {customer}",
            where=str(path),
            remedy="An id is written exactly as in customer_id; refused rows do not count, see "
            "offbeat replay.",
        )
    state, number = found
    return state.rows[number], replay.lives[0].timeline.watermark, state.profile_in_effect


async def _from_broker(settings: Settings, customer: str) -> tuple[Any, float, Profile]:
    from streams.partition.inspect import read_customer

    return await read_customer(settings, customer.encode())


def _print(console: Console, name: str, row: Any, now: float, profile: Profile) -> None:
    from rich.markup import escape
    from rich.table import Table

    from detectors.customer import WEEKS, Episode
    from detectors.judgement.as_of import as_of
    from detectors.judgement.reasons import explain
    from detectors.judgement.rhythm import rhythm_of

    record = as_of(row, now, profile)
    said = explain(record, row, profile)
    episode = Episode(int(row["episode"]))
    reasons = [reason for reason in said.reasons if abs(reason.contribution) >= _NEGLIGIBLE]
    grid = Table.grid(padding=(0, 2))
    grid.add_row(f"{_day(now)}", _standing(row, episode))
    grid.add_row("customer", f"{said.confidence}; {said.standing}")
    grid.add_row("usual", _usual(said))
    grid.add_row("silence", _silence(said, row))
    grid.add_row("deadline", _deadline(row, episode, now))
    grid.add_row("chances", _chances(said, profile))
    grid.add_row("log-odds", f"{float(record['prior_logit']):+.2f} of having left, before any sign")
    for reason in reasons:
        grid.add_row("", f"{reason.contribution:+.2f} {reason.text}")
    for what, values in _weeks(row, now).items():
        grid.add_row(what, f"{_sparkline(values)}  {sum(values)} in {WEEKS} weeks")
    for what, line in _gaps(rhythm_of(row, now, profile)).items():
        grid.add_row(what, line)
    console.print(f"[bold]{escape(name)}[/bold]")
    console.print(grid)


def _standing(row: Any, episode: Any) -> str:
    from detectors.customer import Cause, Episode, Hold
    from detectors.judgement.episodes import Severity

    if episode is Episode.EXPIRED:
        return "given up; whatever comes begins anew"
    if episode is Episode.NONE:
        return "not at risk"
    causes = [cause.name.lower() for cause in Cause if cause.name and cause & int(row["causes"])]
    severity = Severity(int(row["severity"])).name.lower()
    held = Hold(int(row["suppressed"]))
    but = f"; held back ({held.name.lower()})" if held is not Hold.NONE else ""
    return f"at risk ({severity}) since {_day(row['opened_at'])}: {', '.join(causes)}{but}"


def _chances(said: Explanation, profile: Profile) -> str:
    return (
        f"{said.p_alive:.0%} that they are still a customer, {said.p_no_purchase:.0%} that nothing "
        f"comes within {profile.horizon_days:.0f} days"
    )


def _usual(said: Explanation) -> str:
    if said.gap_days is None or said.p90_gap_days is None:
        return "nothing is known yet"
    of_own = f"from {said.n_gaps} gaps of their own" if said.n_gaps else "as customers do"
    return f"every {said.gap_days:.1f} days, 9 in 10 within {said.p90_gap_days:.1f}; {of_own}"


def _silence(said: Explanation, row: Any) -> str:
    days = said.silence_days
    if days is None:
        return "never came"
    return f"{days:.1f} days; the last purchase was on {_day(row['last_purchase'])}"


def _deadline(row: Any, episode: Any, now: float) -> str:
    from detectors.customer import DAY_SECONDS, Episode

    if episode is Episode.EXPIRED:
        return "none"
    if episode is Episode.OPEN:
        return f"passed; if nothing comes they are given up on {_day(row['expiry_due'])}"
    due = min(float(row["purchase_deadline"]), float(row["visit_deadline"]))
    if not isfinite(due):
        return "none: silence alone would not be worth an alert"
    return f"{_day(due)}, in {(due - now) / DAY_SECONDS:.1f} days, if nothing comes"


def _weeks(row: Any, now: float) -> dict[str, list[int]]:
    """How many in each of the last WEEKS weeks up to `now`, oldest first."""
    from detectors.customer import WEEK_SECONDS, WEEKS

    last, newest = floor(now / WEEK_SECONDS), int(row["week"])
    shown = range(last - WEEKS + 1, last + 1)
    kept = range(newest - WEEKS + 1, newest + 1)
    return {
        what: [int(row[f"week_{what}"][week % WEEKS]) if week in kept else 0 for week in shown]
        for what in ("purchases", "visits")
    }


def _gaps(rhythm: Rhythm | None) -> dict[str, str]:
    """How often a gap is longer than so many days, and where the silence stands on that line."""
    if rhythm is None:
        return {}
    reach = rhythm.curve[-1][0]
    days = [reach * (i + 0.5) / _CELLS for i in range(_CELLS)]
    chances, at = [], 0
    for day in days:
        while rhythm.curve[at + 1][0] < day:
            at += 1
        chances.append(rhythm.curve[at][1])
    line = "".join(_BARS[round(chance * (len(_BARS) - 1))] for chance in chances)
    marks = {"▲": rhythm.silence_days, "│": rhythm.deadline_days}
    below = [" "] * _CELLS
    for mark, at_days in reversed(marks.items()):
        if at_days is not None:
            below[min(int(at_days / reach * _CELLS), _CELLS - 1)] = mark
    return {
        "gaps": f"{line}  how often one is longer, from 0 to {reach:.0f} days",
        "": f"{''.join(below)}  ▲ now: {rhythm.survival:.0%} are; │ the deadline",
    }


def _sparkline(values: Sequence[int]) -> str:
    top = max(*values, 1)
    bars = [_BARS[round(value / top * (len(_BARS) - 1))] for value in values]
    return "".join(bar if value else _NOTHING for bar, value in zip(bars, values, strict=True))


def _day(time: float) -> str:
    """A date; a dash for what will not be."""
    return f"{datetime.fromtimestamp(float(time), UTC):%Y-%m-%d}" if isfinite(time) else "–"
