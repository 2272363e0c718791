"""The catalogue of metrics: each once, with its kind, unit, labels and meaning.

A worker has one `Metrics` on a registry of its own; nothing is registered at import, so tests and
two workers in a process do not share counts. Base units (seconds, bytes), names start with
`offbeat_`. A label's values are few and known: topics, partitions, closed enums; never a customer.

`python -m streams.ops.metrics` prints docs/metrics.md.
"""

import sys
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

# What became of an event; each one read has exactly one of these, so that they add up.
APPLIED = "applied"  # it changed its customer's row
DUPLICATE = "duplicate"  # same event_id as a recent one of the customer
OUT_OF_ORDER = "out_of_order"  # behind an earlier event of the customer: closed no gap
DEAD_LETTER = "dead_letter"  # could not be read, or is not where it belongs
# lay in another partition than its key's and was sent on to that one, or is another group's copy
REROUTED = "rerouted"
OUTCOMES = (APPLIED, DUPLICATE, OUT_OF_ORDER, DEAD_LETTER, REROUTED)

# One fetch: 0.3 ms is a hundred events, 1 s is where a rebalance begins to wait for it.
_BATCH_SECONDS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
# A commit is a few round trips to a broker (ms, tens of ms when loaded); the 10 s at the end are
# the session timeout, after which somebody else owns the partition.
_CHECKPOINT_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
# From the checkpoint interval (0.5 s) up: below it lies only luck; above a minute, a backlog.
_EVENT_TO_ALERT_SECONDS = (0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
# From a deadline on, the allowed lateness (60 s by default) passes first; an outage takes hours.
_DEADLINE_TO_ALERT_SECONDS = (1.0, 10.0, 60.0, 61.0, 65.0, 90.0, 300.0, 3600.0, 86400.0)
# Empty state in tenths of a second; the readiness probe's patience ends with minutes.
_RECOVERY_SECONDS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)


class Entry(NamedTuple):
    """A line of the catalogue; `name` as it is scraped."""

    name: str
    kind: str
    unit: str
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()


class Durations(Histogram):
    """A histogram without labels that takes many values at once."""

    def observe_all(self, amounts: NDArray[np.float64]) -> None:
        """As `observe` of each."""
        if len(amounts):
            self._sum.inc(float(amounts.sum()))
            found = np.bincount(np.searchsorted(self._upper_bounds, amounts))
            for bucket in np.flatnonzero(found).tolist():
                self._buckets[bucket].inc(int(found[bucket]))


class Metrics:
    """All metrics of one worker, on `registry`, as typed attributes; `catalogue` describes them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.catalogue: list[Entry] = []
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)

        self.build = self._info("offbeat_build", "Version of offbeat and config_hash.")
        self.events = self._counter(
            "offbeat_events_total", "Events read, by what became of them.", "topic", "outcome"
        )
        self.late_events = self._counter(
            "offbeat_late_events_total", "Read behind their input's watermark.", "topic"
        )
        self.unknown_fields = self._counter(
            "offbeat_unknown_fields_total",
            "Fields that no contract names, in a sample: one event in 512.",
            "topic",
        )
        self.dead_letters = self._counter(
            "offbeat_dead_letters_total", "Records that could not be read.", "topic", "reason"
        )
        self.dead_letter_share = self._gauge(
            "offbeat_dead_letter_ratio",
            "Dead letters among the last records (`dlq.window`) of the partition where they are "
            "most; above `dlq.limit` the worker stops.",
            "",
            "topic",
        )
        self.alerts = self._counter(
            "offbeat_alerts_total", "Alerts committed.", "status", "severity"
        )
        self.erasures = self._counter("offbeat_erasures_total", "Customers erased, committed.")
        self.open_episodes = self._gauge(
            "offbeat_open_episodes", "Episodes open now.", "", "partition"
        )
        self.held_back = self._counter(
            "offbeat_held_back_total",
            "Episodes held back rather than announced, by why: low_value, cooldown or budget.",
            "reason",
        )
        self.segment_customers = self._gauge(
            "offbeat_segment_customers", "Customers by segment.", "", "partition", "segment"
        )
        self.segment_transitions = self._counter(
            "offbeat_segment_transitions_total",
            "Customers who went from one segment to another; `unseen` is where they come from.",
            "before",
            "after",
        )
        self.watermark = self._gauge(
            "offbeat_watermark_timestamp_seconds",
            "Watermark: how far event time has come, Unix time.",
            "seconds",
            "partition",
        )
        self.watermark_lag = self._gauge(
            "offbeat_watermark_lag_seconds",
            "Wall time less watermark, at the last checkpoint.",
            "seconds",
            "partition",
        )
        self.consumer_lag = self._gauge(
            "offbeat_consumer_lag_records", "Records behind the end of the log.", "", "topic"
        )
        self.waiting = self._gauge(
            "offbeat_waiting_bytes",
            "Read, and waiting for the partition's slower inputs.",
            "bytes",
            "partition",
        )
        self.source_outage = self._gauge(
            "offbeat_source_outage",
            "1 while an input of a partition is out, so that its silence says nothing, by why: "
            "collapsed or planned.",
            "",
            "topic",
            "partition",
            "reason",
        )
        self.batch = self._histogram(
            "offbeat_batch_seconds", "Decode and apply one fetch of one input.", _BATCH_SECONDS
        )
        self.checkpoint = self._histogram(
            "offbeat_checkpoint_seconds",
            "One transaction, from its begin to its commit.",
            _CHECKPOINT_SECONDS,
        )
        self.event_to_alert = self._histogram(
            "offbeat_event_to_alert_seconds",
            "From an event's effective time to the commit of the alert that it opened or resolved.",
            _EVENT_TO_ALERT_SECONDS,
        )
        self.deadline_to_alert = self._histogram(
            "offbeat_deadline_to_alert_seconds",
            "From a silence deadline to the commit of its alert; allowed lateness included.",
            _DEADLINE_TO_ALERT_SECONDS,
        )
        self.customers = self._gauge("offbeat_state_customers", "Rows of state.", "", "partition")
        self.state_bytes = self._gauge(
            "offbeat_state_bytes", "Memory of rows and their index.", "bytes", "partition"
        )
        self.examples = self._counter("offbeat_examples_total", "Examples for the model written.")
        self.labels = self._counter(
            "offbeat_labels_total", "Labels that the model has learnt from."
        )
        self.log_loss = self._gauge(
            "offbeat_model_log_loss",
            "Log-loss of predictions made before their label was known, discounted.",
            "nats",
            "model",
        )
        self.model = self._info("offbeat_model", "Version of the model in use.")
        self.proposals = self._gauge(
            "offbeat_proposals", "Times that parameters of the population have been proposed."
        )
        self.proposal_gain = self._gauge(
            "offbeat_proposal_gain",
            "How much likelier a gap of the sample is by the newest proposal than by what runs.",
            "nats",
        )
        self.proposal_until = self._gauge(
            "offbeat_proposal_until_timestamp_seconds",
            "Event time before which the newest proposal knows the purchases, Unix time.",
            "seconds",
        )
        self.recovery = self._histogram(
            "offbeat_recovery_seconds",
            "From the assignment of a partition to its state being whole.",
            _RECOVERY_SECONDS,
        )
        self.rebalances = self._counter(
            "offbeat_rebalances_total", "Times that partitions were assigned anew."
        )

    def forget(self, partition: int) -> None:
        """Remove the series of a partition that somebody else has now."""
        for gauge in (
            self.open_episodes,
            self.segment_customers,
            self.watermark,
            self.watermark_lag,
            self.waiting,
            self.customers,
            self.state_bytes,
            self.source_outage,
        ):
            gauge.remove_by_labels({"partition": str(partition)})

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        self.catalogue.append(Entry(name, "counter", "", labels, meaning))
        return Counter(name, meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, unit: str = "", *labels: str) -> Gauge:
        self.catalogue.append(Entry(name, "gauge", unit, labels, meaning))
        return Gauge(name, meaning, labels, registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...]) -> Durations:
        self.catalogue.append(Entry(name, "histogram", "seconds", (), meaning, buckets))
        return Durations(name, meaning, buckets=buckets, registry=self.registry)

    def _info(self, name: str, meaning: str) -> Info:
        self.catalogue.append(Entry(f"{name}_info", "info", "", (), meaning))
        return Info(name, meaning, registry=self.registry)


def page(catalogue: Iterable[Entry]) -> str:
    """docs/metrics.md."""
    lines = [
        "# Metrics",
        "",
        "Served by every worker at `/metrics`, in the Prometheus and OpenMetrics text formats.",
        "Besides these: `process_*` and `python_gc_*` as every Python client has them.",
        "This page is printed by `python -m streams.ops.metrics`.",
        "",
        "| Name | Kind | Unit | Labels | Meaning |",
        "|---|---|---|---|---|",
    ]
    for entry in catalogue:
        labels = ", ".join(f"`{label}`" for label in entry.labels)
        meaning = entry.meaning
        if entry.buckets:
            meaning += f" Buckets: {', '.join(f'{bound:g}' for bound in entry.buckets)}."
        lines.append(f"| `{entry.name}` | {entry.kind} | {entry.unit} | {labels} | {meaning} |")
    lines += [
        "",
        f"`outcome` of an event is one of {', '.join(f'`{o}`' for o in OUTCOMES)}; they add up to",
        "what was read. A customer is never a label. The series of a partition disappear when",
        "another worker takes it over.",
        "",
        "Each process serves its own: with `processes` = N there are N pages, on `web.port` and",
        "the N - 1 ports behind it; scrape all of them.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(page(Metrics(CollectorRegistry()).catalogue))
