"""`offbeat fit`: the population's parameters, from a history of the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from streams.cli import options, tuning

if TYPE_CHECKING:
    from rich.table import Table

    from detectors.lab.histories import Histories
    from detectors.profile import Profile


class Likely(NamedTuple):
    """Log-likelihood a gap of the old and of the new parameters."""

    title: str
    key: str
    gaps: int
    before: float
    after: float


def command(
    file: tuning.File,
    out: tuning.Out = tuning.PROFILE_OUT,
    until: Annotated[
        str | None,
        typer.Option(help="Fit to what lies before this day, 2025-01-31 (UTC). Default: to all."),
    ] = None,
    profile: options.ProfileFile = None,
    config: options.Config = None,
) -> None:
    """Learn how the customers of a shop usually buy: the prior that every customer begins with.

    By the likelihood of the gaps between their purchases. The other parameters stay as they are
    in --profile, or in the file that is written, if it is there.
    """
    from rich.console import Console

    from streams.cli.progress import progress
    from streams.figures import write_figures

    start, origin, _ = tuning.starting(config, profile, out)
    history = tuning.read(file)
    histories = history.purchases(start)
    end = histories.end
    if until is not None:
        end = history.day(tuning.moment_within(until, "--until", history))
    known = histories if until is None else histories.before(end)

    with progress("Fitting", unit="purchases") as advance:
        found = tuning.fitted(known, start, str(file))
        advance(known.day.size)
    likely = list(_likelihoods(histories, known, end, start, found))

    console = Console(highlight=False, soft_wrap=True)
    gaps = likely[0].gaps
    customers = int((known.summaries().frequency > 0).sum())
    last = history.date(known.end)
    console.print(f"{gaps:,} gaps of {customers:,} customers until {last}; from {origin}")
    console.print(_table(start, found))
    for line in likely:
        console.print(
            f"log-likelihood a gap, {line.title} ({line.gaps:,} gaps): {line.before:.4f} before, "
            f"{line.after:.4f} now ({line.after - line.before:+.4f})"
        )
    if likely[-1].after < likely[-1].before:
        console.print("Less likely than before: keep what you had, or give a longer history.")
    figures: dict[str, float | int] = {"customers": customers, "gaps": gaps}
    for line in likely:
        figures |= {f"{line.key}_before": line.before, f"{line.key}_now": line.after}
    figures |= {f"{name}_now": value for name, _, value in _changed(start, found)}
    write_figures("fit", figures, Console(quiet=True))
    said = f"offbeat fit: {gaps:,} gaps of {customers:,} customers in {file.name} until {last}"
    tuning.write(out, found, said, console)


def _likelihoods(
    histories: Histories, known: Histories, end: float, start: Profile, found: Profile
) -> list[Likely]:
    """Of what was fitted to, and of the gaps that began afterwards, if there are any.

    The last, open gap of each customer adds to the likelihood and is not counted as a gap.
    """
    import numpy as np

    from detectors.lab.likelihood import log_likelihoods

    lines = []
    for title, key, some, since in (
        ("fitted", "log_likelihood_a_gap", known, -np.inf),
        ("after that", "later_log_likelihood_a_gap", histories, end),
    ):
        mine = some.day >= since
        gaps = int(np.isfinite(some.gaps[mine]).sum())
        if gaps:
            before, after = (
                float(log_likelihoods(some, profile)[mine].sum()) / gaps
                for profile in (start, found)
            )
            lines.append(Likely(title, key, gaps, before, after))
    return lines


def _changed(start: Profile, found: Profile) -> list[tuple[str, float, float]]:
    """Name, old and new value of every number that is another now."""
    import dataclasses

    pairs = [
        (field.name, getattr(start, field.name), getattr(found, field.name))
        for field in dataclasses.fields(start)
    ]
    return [pair for pair in pairs if pair[1] != pair[2] and isinstance(pair[2], int | float)]


def _table(start: Profile, found: Profile) -> Table:
    from math import exp

    from rich.table import Table

    table = Table("parameter", title="the population", title_justify="left")
    for name in ("before", "now"):
        table.add_column(name, justify="right")
    table.add_row(
        "usual gap, days", f"{exp(start.gap_location):.2f}", f"{exp(found.gap_location):.2f}"
    )
    for name, before, after in _changed(start, found):
        table.add_row(name, f"{before:.4g}", f"{after:.4g}")
    return table
