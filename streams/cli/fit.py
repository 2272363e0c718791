"""`offbeat fit`: the population's parameters, from a history of the user's own or a worker's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from streams.cli import options, tuning

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from detectors.lab.histories import Histories
    from detectors.profile import Profile
    from schemas.proposals import Proposal


class Likely(NamedTuple):
    """Log-likelihood a gap of the old and of the new parameters."""

    title: str
    key: str
    gaps: int
    before: float
    after: float


def command(
    file: Annotated[Path | None, tuning.FILE] = None,
    out: tuning.Out = tuning.PROFILE_OUT,
    from_worker: Annotated[
        bool,
        typer.Option(
            "--from-worker", help="Take what the running workers propose, instead of a FILE."
        ),
    ] = False,
    until: Annotated[
        str | None,
        typer.Option(help="Fit to what lies before this day, 2025-01-31 (UTC). Default: to all."),
    ] = None,
    profile: options.ProfileFile = None,
    config: options.Config = None,
    broker: options.Broker = None,
) -> None:
    """Learn how the customers of a shop usually buy: the prior that every customer begins with.

    By the likelihood of the gaps between their purchases. The other parameters stay as they are
    in --profile, or in the file that is written, if it is there.
    """
    from rich.console import Console

    from streams.errors import ConfigurationError

    if (file is None) is not from_worker or (from_worker and until is not None):
        raise ConfigurationError(
            "what to fit to is not clear",
            where="offbeat fit",
            remedy="Accepted: a FILE, with or without --until; or --from-worker alone.",
        )
    start, origin, _ = tuning.starting(config, profile, out)
    console = Console(highlight=False, soft_wrap=True)
    if file is None:
        _adopt(_proposed(config, broker), start, origin, out, console)
    else:
        _fit(file, until, start, origin, out, console)


def _proposed(config: Path | None, broker: str | None) -> Proposal:
    import asyncio

    from streams.settings import load
    from streams.training.proposals import newest_proposal

    return asyncio.run(newest_proposal(load(config, broker=broker)))


def _adopt(proposal: Proposal, start: Profile, origin: str, out: Path, console: Console) -> None:
    """Write what workers propose; `before` are the parameters that they run with."""
    from streams.profile_files import with_parameters

    last = f"{proposal.until:%Y-%m-%d}"
    running = with_parameters(start, proposal.running)
    found = with_parameters(start, proposal.proposed)
    gaps, customers = f"{proposal.gaps:,}", f"{proposal.customers:,}"
    console.print(f"{gaps} gaps of {customers} customers until {last}; from the workers")
    console.print(_table(running, found))
    line = Likely(
        "fitted", "log_likelihood_a_gap", proposal.gaps,
        proposal.running_log_likelihood, proposal.proposed_log_likelihood,
    )  # fmt: skip
    _print_likely(console, [line])
    console.print(f"All other parameters are from {origin}.")
    said = f"offbeat fit: {gaps} gaps of {customers} customers in the workers' sample until {last}"
    tuning.write(out, found, said, console)


def _print_likely(console: Console, likely: list[Likely]) -> None:
    for line in likely:
        console.print(
            f"log-likelihood a gap, {line.title} ({line.gaps:,} gaps): {line.before:.4f} before, "
            f"{line.after:.4f} now ({line.after - line.before:+.4f})"
        )
    if likely[-1].after < likely[-1].before:
        console.print("Less likely than before: keep what you had, or give a longer history.")


def _fit(
    file: Path, until: str | None, start: Profile, origin: str, out: Path, console: Console
) -> None:
    from rich.console import Console

    from streams.cli.progress import progress
    from streams.figures import write_figures

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

    gaps = likely[0].gaps
    customers = int((known.summaries().frequency > 0).sum())
    last = history.date(known.end)
    console.print(f"{gaps:,} gaps of {customers:,} customers until {last}; from {origin}")
    console.print(_table(start, found))
    _print_likely(console, likely)
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
