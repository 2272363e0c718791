"""What was found, as tables, figures and plots."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.quality.plots import Plot, Series
from detectors.lab.evaluate import AtBudget, interval
from detectors.lab.histories import Days


class Curve(NamedTuple):
    """Delay against false alerts over the settings of a knob."""

    false_a_year: Days
    delay_days: Days


class Delayed(NamedTuple):
    """One detector at the budget; its key is a part of its figures' names, "" is offbeat's."""

    key: str
    title: str
    at: AtBudget
    curve: Curve


class Ranked(NamedTuple):
    """AUC and log-loss of one way to tell who comes back; [draws]. None: not a chance."""

    key: str
    title: str
    auc: Days
    log_loss: Days | None


class Report:
    """Prints as it goes; keeps the figures; writes plots into a folder."""

    def __init__(self, console: Console, folder: Path) -> None:
        self.console = console
        self.folder = folder
        self.figures: dict[str, float] = {}

    def note(self, text: str) -> None:
        """A line below a table."""
        self.console.print(f"  {text}\n", highlight=False, soft_wrap=True)

    def figure(self, name: str, draws: Days, digits: int = 4) -> None:
        """A figure, and the ends of its interval as NAME_low and NAME_high."""
        low, high = interval(draws) if draws.size > 1 else (np.nan, np.nan)
        for suffix, value in (("", draws[0]), ("_low", low), ("_high", high)):
            if np.isfinite(value):
                self.figures[name + suffix] = round(float(value), digits)

    def summary(self) -> None:
        """One line a promise; what was not measured is left out."""
        table = Table("figure", title="summary", title_justify="left")
        table.add_column("offbeat", justify="right")
        table.add_column("beside it", justify="right")
        for title, name, others in SUMMARY:
            if name in self.figures:
                beside = (f"{_what(other, name)} {self.figures[other]:g}" for other in others)
                table.add_row(title, f"{self.figures[name]:g}", ", ".join(beside))
        self.console.print(table)

    def delays(self, key: str, title: str, lines: list[Delayed]) -> None:
        """A table of detectors, each held against the fixed number of days."""
        table = Table("detector", title=title, title_justify="left")
        for column in ("days", "own gaps", "days less than fixed", "recall", "precision", "knob"):
            table.add_column(column, justify="right")
        fixed = next(line.at for line in lines if line.key == "fixed")
        for line in lines:
            name = f"{key}_{line.key}_" if line.key else f"{key}_"
            at, less = line.at, fixed.delay_days - line.at.delay_days
            self.figure(f"{name}delay_days", at.delay_days, 2)
            self.figure(f"{name}delay_gaps", at.delay_gaps, 3)
            self.figures[f"{name}recall"] = round(float(at.recall[0]), 4)
            self.figures[f"{name}precision"] = round(float(at.precision[0]), 4)
            if not line.key:
                self.figure(f"{key}_days_less_than_fixed", less, 2)
            table.add_row(
                line.title, spanned(at.delay_days, 1), spanned(at.delay_gaps, 2),
                "" if line.key == "fixed" else spanned(less, 1),
                f"{at.recall[0]:.2f}", f"{at.precision[0]:.3f}", f"{at.knob[0]:.3g}",
                style="bold" if not line.key else None,
            )  # fmt: skip
        self.console.print(table)
        series = [
            Series(line.title, line.curve.false_a_year, line.curve.delay_days) for line in lines
        ]
        plot = Plot(title, "false alerts a living customer-year", "mean delay, days", log_x=True)
        plot.write(self.folder / f"{key}_delay.svg", series, x_range=(0.1, 6.0))

    def ranks(self, key: str, title: str, lines: list[Ranked]) -> None:
        """A table of ways to rank."""
        table = Table("chance from", title=title, title_justify="left")
        table.add_column("AUC", justify="right")
        table.add_column("log-loss", justify="right")
        for line in lines:
            name = f"{key}_{line.key}_" if line.key else f"{key}_"
            self.figure(f"{name}auc", line.auc)
            if line.log_loss is not None:
                self.figure(f"{name}log_loss", line.log_loss)
            loss = "–" if line.log_loss is None else spanned(line.log_loss, 3)
            table.add_row(
                line.title, spanned(line.auc, 3), loss, style="bold" if not line.key else None
            )
        self.console.print(table)

    def calibration(self, key: str, title: str, bins: list[tuple[float, float]]) -> None:
        """A plot of what was said against what was seen."""
        said, seen = np.array(bins).T
        even = np.array([0.0, 1.0])
        plot = Plot(
            f"{title}: calibration", "said: P(no purchase)", "seen: share without a purchase"
        )
        series = [Series("offbeat", said, seen, dots=True), Series("as it should be", even, even)]
        plot.write(self.folder / f"{key}_calibration.svg", series, x_range=(0.0, 1.0))


#: What the summary shows: title, offbeat's figure, and what stands beside it.
SUMMARY = (
    ("CDNOW: AUC of P(no purchase)", "cdnow_auc", ("cdnow_bgnbd_auc", "cdnow_recency_auc")),
    ("CDNOW: log-loss", "cdnow_log_loss", ("cdnow_bgnbd_log_loss", "cdnow_recency_log_loss")),
    ("Complete Journey: AUC", "journey_auc", ("journey_bgnbd_auc", "journey_recency_auc")),
    (
        "Complete Journey: log-loss",
        "journey_log_loss",
        ("journey_bgnbd_log_loss", "journey_recency_log_loss"),
    ),
    ("CDNOW: delay, days", "cdnow_delay_days", ("cdnow_fixed_delay_days",)),
    ("CDNOW: delay, own gaps", "cdnow_delay_gaps", ("cdnow_fixed_delay_gaps",)),
    ("Complete Journey: delay, days", "journey_delay_days", ("journey_fixed_delay_days",)),
    ("Complete Journey: delay, own gaps", "journey_delay_gaps", ("journey_fixed_delay_gaps",)),
    ("abrupt stops: delay, own gaps", "stops_delay_gaps", ("stops_oracle_gaps",)),
    ("four streams: median days", "streams_median_days", ("streams_oracle_median_days",)),
    (
        "four streams: found within 60 days",
        "streams_found_60d_ratio",
        ("streams_oracle_found_60d_ratio",),
    ),
    ("bytes a customer", "bytes_a_customer", ()),
    ("kernel, ns an event", "kernel_ns", ()),
    ("false alarms, clock on / off", "clock_false_alarm_ratio", ()),
)


def spanned(draws: Days, digits: int) -> str:
    """`12.3 [11.9, 12.8]`, or a dash."""
    if not np.isfinite(draws[0]):
        return "–"
    if draws.size == 1:
        return f"{draws[0]:.{digits}f}"
    low, high = interval(draws)
    return rf"{draws[0]:.{digits}f} \[{low:.{digits}f}, {high:.{digits}f}]"


def _what(other: str, name: str) -> str:
    """The baseline's name within its figure's: cdnow_bgnbd_auc beside cdnow_auc is bgnbd."""
    return " ".join(word for word in other.split("_") if word not in name.split("_"))
