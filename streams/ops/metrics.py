"""The catalogue of metrics: each once, with its kind, unit, labels and meaning.

A worker has one `Metrics` on a registry of its own; nothing is registered at import, so tests and
two workers in a process do not share counts. Base units (seconds, bytes), names start with
`offbeat_`. A label's values are few and known: topics, partitions, closed enums; never a customer.

`python -m streams.ops.metrics` prints docs/metrics.md.
"""

import sys
from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from streams.ops.catalogue import Catalogue, Entry, table

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


class Metrics(Catalogue):
    """All metrics of one worker, on `registry`, as typed attributes; `catalogue` describes them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)

        self.build = self.info(
            "offbeat_build",
            "Version of offbeat, digest of what changes decisions, and what moves time: wall or "
            "event.",
            "version",
            "config_hash",
            "clock",
        )
        self.events = self.counter(
            "offbeat_events_total", "Events read, by what became of them.", "topic", "outcome"
        )
        self.late_events = self.counter(
            "offbeat_late_events_total", "Read behind their input's watermark.", "topic"
        )
        self.unknown_fields = self.counter(
            "offbeat_unknown_fields_total",
            "Fields that no contract names, in a sample: one event in 512.",
            "topic",
        )
        self.dead_letters = self.counter(
            "offbeat_dead_letters_total", "Records that could not be read.", "topic", "reason"
        )
        self.dead_letter_share = self.gauge(
            "offbeat_dead_letter_ratio",
            "Dead letters among the last records (`dlq.window`) of the partition where they are "
            "most; above `dlq.limit` the worker stops.",
            "",
            "topic",
        )
        self.alerts = self.counter(
            "offbeat_alerts_total", "Alerts committed.", "status", "severity"
        )
        self._churn()
        self.erasures = self.counter("offbeat_erasures_total", "Customers erased, committed.")
        self.open_episodes = self.gauge(
            "offbeat_open_episodes", "Episodes open now.", "", "partition"
        )
        self.held_back = self.counter(
            "offbeat_held_back_total",
            "Episodes held back rather than announced, by why: low_value, cooldown or budget.",
            "reason",
        )
        self.segment_customers = self.gauge(
            "offbeat_segment_customers", "Customers by segment.", "", "partition", "segment"
        )
        self.segment_transitions = self.counter(
            "offbeat_segment_transitions_total",
            "Customers who went from one segment to another; `unseen` is where they come from.",
            "before",
            "after",
        )
        self.watermark = self.gauge(
            "offbeat_watermark_timestamp_seconds",
            "Watermark: how far event time has come, Unix time.",
            "seconds",
            "partition",
        )
        self.watermark_lag = self.gauge(
            "offbeat_watermark_lag_seconds",
            "Wall time less watermark, at the last checkpoint.",
            "seconds",
            "partition",
        )
        self.consumer_lag = self.gauge(
            "offbeat_consumer_lag_records", "Records behind the end of the log.", "", "topic"
        )
        self.waiting = self.gauge(
            "offbeat_waiting_bytes",
            "Read, and waiting for the partition's slower inputs.",
            "bytes",
            "partition",
        )
        self.source_outage = self.gauge(
            "offbeat_source_outage",
            "1 while an input of a partition is out, so that its silence says nothing, by why: "
            "collapsed or planned.",
            "",
            "topic",
            "partition",
            "reason",
        )
        self.batch = self.histogram(
            "offbeat_batch_seconds", "Decode and apply one fetch of one input.", _BATCH_SECONDS
        )
        self.checkpoint = self.histogram(
            "offbeat_checkpoint_seconds",
            "One transaction, from its begin to its commit.",
            _CHECKPOINT_SECONDS,
        )
        self.event_to_alert = self.histogram(
            "offbeat_event_to_alert_seconds",
            "From an event's effective time to the commit of the alert that it opened or resolved.",
            _EVENT_TO_ALERT_SECONDS,
        )
        self.deadline_to_alert = self.histogram(
            "offbeat_deadline_to_alert_seconds",
            "From a silence deadline to the commit of its alert; allowed lateness included.",
            _DEADLINE_TO_ALERT_SECONDS,
        )
        self.customers = self.gauge("offbeat_state_customers", "Rows of state.", "", "partition")
        self.state_bytes = self.gauge(
            "offbeat_state_bytes", "Memory of rows and their index.", "bytes", "partition"
        )
        self.examples = self.counter("offbeat_examples_total", "Examples for the model written.")
        self.labels = self.counter("offbeat_labels_total", "Labels that the model has learnt from.")
        self.log_loss = self.gauge(
            "offbeat_model_log_loss",
            "Log-loss of predictions made before their label was known, discounted.",
            "nats",
            "model",
        )
        self.model_labels = self.gauge(
            "offbeat_model_labels", "Labels that the model has learnt from, since it first began."
        )
        self.model = self.info("offbeat_model", "Version of the model in use.", "version")
        self.proposals = self.gauge(
            "offbeat_proposals", "Times that parameters of the population have been proposed."
        )
        self.proposal_gain = self.gauge(
            "offbeat_proposal_gain",
            "How much likelier a gap of the sample is by the newest proposal than by what runs.",
            "nats",
        )
        self.proposal_until = self.gauge(
            "offbeat_proposal_until_timestamp_seconds",
            "Event time before which the newest proposal knows the purchases, Unix time.",
            "seconds",
        )
        self.recovery = self.histogram(
            "offbeat_recovery_seconds",
            "From the assignment of a partition to its state being whole.",
            _RECOVERY_SECONDS,
        )
        self.recovering = self.gauge(
            "offbeat_recovering_partitions", "Partitions whose state is not yet whole."
        )
        self.restored = self.counter(
            "offbeat_restored_records_total", "Records of the changelog read back."
        )
        self.rebalances = self.counter(
            "offbeat_rebalances_total", "Times that partitions were assigned anew."
        )

    def _churn(self) -> None:
        """What became of customers: of all workers together, the shop's figures."""
        self.customers_by_state = self.gauge(
            "offbeat_customers",
            "Customers seen, by where they stand: well, at_risk (an episode is open), held_back "
            "(one is open and not announced), churned (given up, announced or not). Counted from "
            "the rows, in rounds.",
            "",
            "state",
        )
        self.churned = self.counter(
            "offbeat_churned_customers_total", "Customers given up, announced or not."
        )
        self.churned_lifetime = self.counter(
            "offbeat_churned_lifetime_seconds_total",
            "From the first to the last event of each customer given up.",
            unit="seconds",
        )
        self.reactivated = self.counter(
            "offbeat_reactivated_customers_total",
            "Customers who came back after they were given up.",
        )
        self.episodes = self.counter(
            "offbeat_episodes_total",
            "Episodes committed, by what became of them: opened, suppressed (held back), resolved "
            "(came back), expired (churned); by the best segment that the customer has been in, "
            "and the strongest cause.",
            "status",
            "best_segment",
            "reason",
        )
        self.season = self.counter(
            "offbeat_season_episodes_total",
            "Episodes opened, resolved and expired, by month (01 to 12) and day of the week (mon "
            "to sun) of event time, in `calendar.time_zone`.",
            "status",
            "month",
            "weekday",
        )
        self.at_risk = self.gauge(
            "offbeat_at_risk_customers",
            "Customers at risk, by segment and strongest cause. Counted from the rows, in rounds.",
            "",
            "segment",
            "reason",
        )
        self.value_at_risk = self.gauge(
            "offbeat_value_at_risk",
            "What customers at risk would spend within `profile.value_horizon_days` if they came "
            "back, in `currency`: of each partition the first four that it saw. In rounds.",
            "",
            "segment",
            "reason",
            "currency",
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


def page(catalogue: Iterable[Entry]) -> str:
    """docs/metrics.md."""
    lines = [
        "# Metrics",
        "",
        "Served by every worker at `/metrics`, in the Prometheus and OpenMetrics text formats.",
        "Besides these: `process_*` and `python_gc_*` as every Python client has them.",
        "What is made of them is in [monitoring](monitoring.md).",
        "This page is printed by `python -m streams.ops.metrics`.",
        "",
        *table(catalogue),
    ]
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
