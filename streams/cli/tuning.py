"""What `fit`, `calibrate` and `backtest` share: a history, a day of it, a profile to start from."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from streams.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from rich.console import Console

    from detectors.lab.histories import Histories
    from detectors.profile import Profile
    from streams.backtest.history import History

FILE = typer.Argument(
    metavar="FILE", help="File or folder of events, as for replay: CSV, JSON Lines, Parquet."
)
File = Annotated[Path, FILE]
Out = Annotated[Path, typer.Option("-o", "--out", help="The profile is written to this file.")]
PROFILE_OUT = Path("profile.toml")


def midnight(day: str, name: str) -> float:
    """2025-01-01 as seconds since the epoch, in UTC; any other moment in ISO 8601 is accepted.

    Raises ValueError naming the option.
    """
    try:
        moment = datetime.fromisoformat(day)
    except ValueError:
        raise ValueError(f"{name} must be a day like 2025-01-01, got {day!r}") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def read(path: Path) -> History:
    """The history, with a bar; says how many rows are no events."""
    from rich.console import Console

    from streams.backtest.history import read_history
    from streams.cli.progress import progress

    with progress("Reading", unit="rows") as advance:
        history = read_history(path, advance)
    if history.refused:
        row = history.refused[0]
        Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(
            f"{len(history.refused):,} rows are no events; the first is {row.path.name}, line "
            f"{row.line}: {row.message}"
        )
    return history


def moment_within(day: str, name: str, history: History) -> float:
    """An option's day, as seconds; it has to lie within the history. Raises InputError."""
    from streams.backtest.history import day_of

    try:
        moment = midnight(day, name)
    except ValueError as error:
        raise InputError(str(error), remedy="Accepted: 2025-01-31.") from error
    if not history.first < moment <= history.last:
        raise InputError(
            f"{name} {day} is not within the history",
            where=str(history.path),
            remedy=f"Accepted: a day after {day_of(history.first)} and up to "
            f"{day_of(history.last)}.",
        )
    return moment


class Start(NamedTuple):
    """The profile to start from, where it is from, and whether a file of its own was named."""

    profile: Profile
    origin: str
    named: bool


def starting(config: Path | None, profile: Path | None, out: Path | None = None) -> Start:
    """From a profile file, or else `out`, or else the settings.

    `out` counts if it is there already: what is written updates it.
    """
    from streams.settings import detector_profile, load, with_partitions
    from streams.settings_sources import PROFILE_VARIABLE

    named = profile or (Path(text) if (text := os.environ.get(PROFILE_VARIABLE)) else None)
    if named is None and out is not None and out.is_file():
        named = out
    settings = with_partitions(load(config, profile_file=named), 1)
    origin = str(named) if named else "the settings" if settings.profile else "the default profile"
    return Start(detector_profile(settings), origin, named is not None)


def fitted(histories: Histories, start: Profile, where: str) -> Profile:
    """The population's parameters by the likelihood of these histories. Raises InputError."""
    import numpy as np

    from detectors.lab.fit import fit

    came_back = np.unique(histories.customer[np.isfinite(histories.gaps)]).size
    if came_back < 2:
        raise InputError(
            f"{came_back or 'no'} customer{' has' if came_back == 1 else 's have'} bought twice",
            where=where,
            remedy="A population is fitted to the gaps of many: give more customers, or a longer "
            "history.",
        )
    try:
        return fit(histories, start)
    except ValueError as error:
        raise InputError(
            str(error), where=where, remedy="Give more customers, or a longer history."
        ) from error


def write(path: Path, profile: Profile, said: str, console: Console) -> None:
    """Write the profile, and say how to use it; `said` replaces an earlier run's line of its kind.

    Lines of comment at the top of a file that is there stay, so that it tells all of its story.
    """
    from streams.profile_files import comments, write_profile

    kind = said.partition(":")[0]
    kept = [line for line in comments(path) if line.partition(":")[0] != kind]
    write_profile(path, profile, [*kept, said])
    console.print(f"Wrote {path}. Use it: --profile {path}, or OFFBEAT_PROFILE_FILE={path}.")


def positive(value: float, name: str) -> float:
    """An option that has to be above 0. Raises ConfigurationError."""
    if not 0.0 < value < float("inf"):
        raise ConfigurationError(
            f"must be a number above 0, got {value:g}", where=name, remedy="Give another one."
        )
    return value
