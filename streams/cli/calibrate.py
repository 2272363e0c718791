"""`offbeat calibrate`: the price of a false alert that meets a budget of alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli import options, tuning
from streams.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.table import Table

    from detectors.lab.budget import Expected, Found, Span
    from detectors.profile import Profile
    from streams.backtest.calibration import Budget, Runs
    from streams.backtest.history import History

_MOST_RUNS = 13  # of `find_price`

_ROWS = (
    ("false alerts a living customer-year", "false_a_living_year", 2),
    ("false alerts a year", "false_a_year", 0),
    ("alerts a day", "alerts_a_day", 2),
    ("share of them that is false", "false_ratio", 2),
    ("silence before an alert, own gaps", "silence_gaps", 2),
)


def command(
    file: tuning.File,
    out: tuning.Out = tuning.PROFILE_OUT,
    false_alerts: Annotated[
        float | None,
        typer.Option(
            "--false-alerts-per-customer-year",
            help="Most false alerts a year of a living customer: they came back later.",
        ),
    ] = None,
    alerts_per_day: Annotated[
        float | None, typer.Option(help="Most alerts a day, false or true.")
    ] = None,
    segment: Annotated[
        str | None, typer.Option(help="With --alerts-per-day: count those of this segment.")
    ] = None,
    hold_out: Annotated[
        float, typer.Option(help="Share of the time, at the end, that is kept to check on.")
    ] = 0.3,
    profile: options.ProfileFile = None,
    config: options.Config = None,
) -> None:
    """Find the price of a false alert, in days of delay, that keeps to a budget.

    The engine runs over the first part of the history, again and again; the last part is held out
    to say what the price does there. A false alert is one whose customer came back later. The
    price of visits changes in the same ratio.
    """
    from rich.console import Console

    from detectors.lab.budget import expected, priced
    from streams.backtest.calibration import Runs, spans
    from streams.cli.progress import progress

    budget = _budget(false_alerts, alerts_per_day, segment)
    if not 0.05 <= hold_out <= 0.8:
        raise ConfigurationError(
            f"must be from 0.05 to 0.8, got {hold_out:g}",
            where="--hold-out",
            remedy="Accepted: a share of the time.",
        )
    start, origin, _ = tuning.starting(config, profile, out)
    history = tuning.read(file)
    first, last = spans(history, hold_out, start.horizon_days)
    _require_returns(history, first)

    runs = Runs(history, start, budget)
    with progress("Calibrating", history.count_before(first.end) * _MOST_RUNS) as advance:
        found = runs.search(first, advance)
    _check(found, runs)
    chosen = priced(start, found.price)
    with progress("Holding out", history.observations.size) as advance:
        inside = expected(runs.count(chosen, first, lambda _: None))
        beyond = expected(runs.count(chosen, last, advance))

    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"A false alert is worth {chosen.alert_cost_days:g} days of delay "
        f"({start.alert_cost_days:g} in {origin}), one about visits "
        f"{chosen.visit_alert_cost_days:g} ({start.visit_alert_cost_days:g})."
    )
    console.print(_table(inside, beyond, first, last, budget))
    _figures(chosen, budget, inside, beyond)
    said = (
        f"offbeat calibrate: {budget.most:g} {budget.words} on {file.name}, held out: "
        f"{getattr(beyond, budget.name)[0]:.3g}"
    )
    tuning.write(out, chosen, said, console)


def _budget(false_alerts: float | None, a_day: float | None, segment: str | None) -> Budget:
    """Raises ConfigurationError when it is not exactly one."""
    from streams.backtest.calibration import Budget

    per_year, per_day = "--false-alerts-per-customer-year", "--alerts-per-day"
    if (false_alerts is None) == (a_day is None):
        raise ConfigurationError(
            f"one of {per_year} and {per_day} is needed",
            where="offbeat calibrate",
            remedy=f"For instance: {per_year} 1.",
        )
    if false_alerts is not None:
        if segment is not None:
            raise ConfigurationError(
                "it goes with --alerts-per-day alone: customers live years, segments do not",
                where="--segment",
                remedy=f"Leave it out, or give {per_day}.",
            )
        most = tuning.positive(false_alerts, per_year)
        return Budget(most, "false_a_living_year", "false alerts a living customer-year", per_year)
    most = tuning.positive(a_day or 0.0, per_day)
    words = f"alerts a day of {segment} customers" if segment else "alerts a day"
    return Budget(most, "alerts_a_day", words, per_day, segment)


def _require_returns(history: History, span: Span) -> None:
    """Raises InputError when there is nothing that a customer could have come back from."""
    import numpy as np

    known = history.signs(span.end)
    came_back = int((np.bincount(known.customer, minlength=1) >= 2).sum())
    if came_back < 2:
        raise InputError(
            f"{came_back or 'no'} customer{' has' if came_back == 1 else 's have'} come back in "
            "the part that the price is found on",
            where=str(history.path),
            remedy="False alerts are counted on those who come back: give more customers, or a "
            "longer history.",
        )


def _check(found: Found, runs: Runs) -> None:
    """Raises InputError when no price, or every one, keeps to the budget."""
    import numpy as np

    budget, where = runs.budget, str(runs.history.path)
    if np.isfinite(found.price):
        return
    if found.cheapest == 0.0 and budget.segment is not None and budget.segment not in runs.segments:
        raise InputError(
            f"no alert is about a customer of segment {budget.segment!r}",
            where=where,
            remedy=f"Segments that there are alerts of: {', '.join(sorted(runs.segments)) or '–'}.",
        )
    if found.dearest > budget.most:
        raise InputError(
            f"no price keeps to {budget.most:g} {budget.words}: at the greatest there are still "
            f"{found.dearest:.3g}; a request to cancel, for one, opens an alert at any",
            where=where,
            remedy=f"The nearest possible: {budget.option} {_rounded(found.dearest, np.ceil):g}.",
        )
    raise InputError(
        f"{budget.most:g} {budget.words} are never reached: even when a false alert costs next to "
        f"nothing there are {found.cheapest:.3g}",
        where=where,
        remedy=f"The nearest possible: {budget.option} "
        f"{_rounded(0.99 * found.cheapest, np.floor):g}."
        if found.cheapest > 0.0
        else "Give more customers, or a longer history.",
    )


def _rounded(value: float, towards: Callable[[float], float]) -> float:
    """To three digits, up or down; 0 becomes the least of the three-digit numbers."""
    from math import floor, log10

    if value <= 0.0:
        return 0.001
    unit = 10.0 ** (floor(log10(value)) - 2)
    return float(f"{towards(value / unit) * unit:.6g}")


def _rows(budget: Budget) -> list[tuple[str, str, int]]:
    """What is shown: title, field of Expected, digits; a segment has no years of its own."""
    return [row for row in _ROWS if not (budget.segment and row[1] == "false_a_living_year")]


def _table(inside: Expected, beyond: Expected, first: Span, last: Span, budget: Budget) -> Table:
    from rich.table import Table

    from streams.backtest.history import day_of
    from streams.backtest.report import spanned

    whose = f" (segment {budget.segment})" if budget.segment else ""
    table = Table(
        f"asked for: {budget.most:g} {budget.words}", title=f"alerts{whose}", title_justify="left"
    )
    for title, span in (("expected", first), ("held out", last)):
        table.add_column(f"{title}\n{day_of(span.begin)} to {day_of(span.until)}", justify="right")
    for words, name, digits in _rows(budget):
        table.add_row(
            words, *(spanned(getattr(part, name), digits) for part in (inside, beyond)),
            style="bold" if name == budget.name else None,
        )  # fmt: skip
    return table


def _figures(chosen: Profile, budget: Budget, inside: Expected, beyond: Expected) -> None:
    import numpy as np
    from rich.console import Console

    from detectors.lab.evaluate import interval
    from streams.figures import write_figures

    figures: dict[str, float | int | str] = {
        "budget": budget.most,
        "budget_is": budget.words,
        "alert_cost_days": chosen.alert_cost_days,
        "visit_alert_cost_days": chosen.visit_alert_cost_days,
    }
    for prefix, part in (("", inside), ("held_out_", beyond)):
        for _, name, _ in _rows(budget):
            drawn = getattr(part, name)
            for suffix, value in zip(
                ("", "_low", "_high"), (drawn[0], *interval(drawn)), strict=True
            ):
                if np.isfinite(value):
                    figures[f"{prefix}{name}{suffix}"] = round(float(value), 4)
    write_figures("calibrate", figures, Console(quiet=True))
