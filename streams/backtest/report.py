"""What was found, as tables, figures and plots."""

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from detectors.lab.delays import Delayed
from detectors.lab.evaluate import interval
from detectors.lab.histories import Days
from detectors.lab.returns import Ranked
from streams.backtest.plots import Plot, Series


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
            self.figure(f"{name}recall", at.recall[:1])
            self.figure(f"{name}precision", at.precision[:1])
            if not line.key:
                self.figure(f"{key}_days_less_than_fixed", less, 2)
            table.add_row(
                line.title, spanned(at.delay_days, 1), spanned(at.delay_gaps, 2),
                "" if line.key == "fixed" else spanned(less, 1),
                spanned(at.recall[:1], 2), spanned(at.precision[:1], 3),
                f"{at.knob[0]:.3g}" if np.isfinite(at.knob[0]) else "–",
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


def spanned(draws: Days, digits: int) -> str:
    """`12.3 [11.9, 12.8]`, or a dash."""
    if not np.isfinite(draws[0]):
        return "–"
    if draws.size == 1:
        return f"{draws[0]:.{digits}f}"
    low, high = interval(draws)
    return rf"{draws[0]:.{digits}f} \[{low:.{digits}f}, {high:.{digits}f}]"
