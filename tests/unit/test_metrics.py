"""The catalogue of metrics: names, units, and that the page says what is served."""

import re
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from streams.ops import metrics as catalogue
from streams.ops.metrics import Metrics

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


def test_the_page_is_what_the_catalogue_prints(metrics: Metrics) -> None:
    assert PAGE.read_text() == catalogue.page(metrics.catalogue)


def test_names_are_prefixed_and_end_with_their_unit(metrics: Metrics) -> None:
    for entry in metrics.catalogue:
        assert re.fullmatch(r"offbeat_[a-z]+(_[a-z]+)*", entry.name)
        assert entry.kind != "counter" or entry.name.endswith("_total")
        assert entry.kind != "info" or entry.name.endswith("_info")
        if entry.unit in ("seconds", "bytes"):
            assert entry.name.removesuffix("_total").endswith(f"_{entry.unit}")


def test_no_name_is_there_twice(metrics: Metrics) -> None:
    names = [entry.name for entry in metrics.catalogue]
    assert len(names) == len(set(names))


def test_no_label_can_hold_a_customer(metrics: Metrics) -> None:
    known = {"topic", "outcome", "reason", "status", "severity", "partition", "model", "state"}
    segments = {"segment", "best_segment", "before", "after"}
    of_the_process = {"version", "config_hash", "clock"}
    # calendar's; three letters, of each partition the first four that it saw
    bounded = {"month", "weekday", "currency"}
    labels = {label for entry in metrics.catalogue for label in entry.labels}
    assert labels <= known | segments | of_the_process | bounded


def test_buckets_rise(metrics: Metrics) -> None:
    for entry in metrics.catalogue:
        assert list(entry.buckets) == sorted(set(entry.buckets))
        assert bool(entry.buckets) == (entry.kind == "histogram")


def test_everything_in_the_catalogue_is_served_with_its_kind(metrics: Metrics) -> None:
    served = {family.name: family.type for family in metrics.registry.collect()}
    for entry in metrics.catalogue:
        family = entry.name.removesuffix("_total").removesuffix("_info")
        assert served[family] == entry.kind


def test_durations_taken_together_are_counted_as_one_by_one(metrics: Metrics) -> None:
    amounts = [0.0, 2.0**-8, 0.25, 0.25 + 2.0**-20, 10.0, 11.0, 11.0]
    others = Metrics(CollectorRegistry())
    for amount in amounts:
        others.checkpoint.observe(amount)
    metrics.checkpoint.observe_all(np.array(amounts))
    metrics.checkpoint.observe_all(np.zeros(0))

    def counted(one: Metrics) -> list[tuple[str, object, float]]:
        (family,) = one.checkpoint.collect()
        return [(s.name, s.labels, s.value) for s in family.samples if "created" not in s.name]

    assert len(counted(metrics)) == len(metrics.checkpoint._upper_bounds) + 2
    assert counted(metrics) == counted(others)


def test_the_process_itself_is_measured_too(metrics: Metrics) -> None:
    assert metrics.registry.get_sample_value("process_cpu_seconds_total") is not None


def test_two_workers_in_a_process_count_apart() -> None:
    one, other = Metrics(CollectorRegistry()), Metrics(CollectorRegistry())
    one.rebalances.inc()
    assert one.registry.get_sample_value("offbeat_rebalances_total") == 1
    assert other.registry.get_sample_value("offbeat_rebalances_total") == 0


def test_a_partition_that_went_away_leaves_no_series(metrics: Metrics) -> None:
    by_partition = [e.name for e in metrics.catalogue if e.labels == ("partition",)]
    for gauge in (
        metrics.open_episodes,
        metrics.watermark,
        metrics.watermark_lag,
        metrics.waiting,
        metrics.customers,
        metrics.state_bytes,
    ):
        gauge.labels("1").set(1)
        gauge.labels("2").set(1)
    metrics.forget(1)
    for name in by_partition:
        assert metrics.registry.get_sample_value(name, {"partition": "1"}) is None
        assert metrics.registry.get_sample_value(name, {"partition": "2"}) == 1


def test_a_partition_that_went_away_leaves_no_outage(metrics: Metrics) -> None:
    for partition in ("1", "2"):
        metrics.source_outage.labels("visits", partition, "collapsed").set(1)
    metrics.forget(1)
    left = [s.labels for f in metrics.source_outage.collect() for s in f.samples]
    assert [labels["partition"] for labels in left] == ["2"]


def test_a_partition_that_went_away_leaves_no_customers_in_segments(metrics: Metrics) -> None:
    for partition in ("1", "2"):
        for segment in ("loyal", "sleeper"):
            metrics.segment_customers.labels(partition, segment).set(3)
    metrics.forget(1)
    left = [s.labels for f in metrics.segment_customers.collect() for s in f.samples]
    assert {labels["partition"] for labels in left} == {"2"}
