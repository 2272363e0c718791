"""The tables of a backtest, and at the end a line a promise."""

from rich.table import Table

from detectors.lab.delays import Curve, Delayed
from streams.backtest import report
from streams.backtest.report import spanned

__all__ = ["Curve", "Delayed", "Report", "spanned"]


class Report(report.Report):
    """Prints as it goes; keeps the figures; sums them up."""

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


def _what(other: str, name: str) -> str:
    """The baseline's name within its figure's: cdnow_bgnbd_auc beside cdnow_auc is bgnbd."""
    return " ".join(word for word in other.split("_") if word not in name.split("_"))
