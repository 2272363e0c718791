"""What a worker's metrics say of its partitions."""

import io
import logging

import pytest
from prometheus_client import CollectorRegistry

from detectors.observations import Input
from detectors.profile import Profile
from streams.ops import logs
from streams.ops.health import Health
from streams.ops.metrics import Metrics
from streams.ops.observer import Observer
from streams.partition.life import PartitionLife
from streams.settings import Settings, detector_profile
from streams.settings_groups import Log
from tests.functional.fetching import DAY, START, fetch, purchase

NAMES = ("purchases", "visits", "payments", "support")
EUR = float(0x455552)


def seen(life: PartitionLife, observer: Observer) -> None:
    observer.looked([life], {(source, 0): None for source in Input})


def busy(days: int, out: tuple[int, int]) -> list[dict[str, object]]:
    """Eighty purchases a day, none on the days in between."""
    return [
        purchase(f"c-{n}", day, day + n / 80)
        for day in range(days)
        for n in range(80)
        if not out[0] <= day < out[1]
    ]


def test_an_input_that_is_out_is_a_gauge_and_a_line_at_its_begin_and_at_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logs.configure(Log(format="json"), io.StringIO())
    logging.root.addHandler(caplog.handler)
    profile = detector_profile(Settings())
    life = PartitionLife(0, profile, NAMES, dict.fromkeys(Input, (0, False)))
    life.finish_recovery()
    metrics = Metrics(CollectorRegistry())
    observer = Observer(Settings(), metrics, Health(60.0, 0.0))
    observer.assigned([0], [])
    observer.recovered(life)

    def gauge() -> float | None:
        labels = {"topic": "purchases", "partition": "0", "reason": "collapsed"}
        return metrics.registry.get_sample_value("offbeat_source_outage", labels)

    events = busy(30, out=(22, 25))
    before = [event for event in events if int(str(event["event_time"])) < (START + 22 * DAY) * 1e3]
    said = []
    life.take(Input.PURCHASES, fetch(before), None)
    for day, expected in ((22.0, 0), (24.5, 1), (24.9, 1)):
        life.tick(list(Input), START + day * DAY)
        seen(life, observer)
        assert gauge() == expected
        said.append(gauge())
    life.take(Input.PURCHASES, fetch(events[len(before) :], len(before)), None)
    life.tick(list(Input), START + 30.0 * DAY)
    seen(life, observer)
    assert gauge() == 0
    lines = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    told = [line for line in lines if str(line["event"]).startswith("source.")]
    assert [line["event"] for line in told] == ["source.out", "source.back"]
    assert told[0]["since"] == told[1]["since"] == "2026-01-23T00:00:00Z"
    assert told[1]["until"] == "2026-01-26T01:00:00Z"


def test_segments_and_what_is_held_back_are_counted_from_the_restart_on() -> None:
    profile = Profile(win_back_price=1e6, win_back_currency=EUR)
    life = PartitionLife(0, profile, NAMES, dict.fromkeys(Input, (0, False)))
    life.finish_recovery()
    observers = []
    for _ in range(2):
        metrics = Metrics(CollectorRegistry())
        observer = Observer(Settings(), metrics, Health(60.0, 0.0))
        observer.assigned([0], [])
        observers.append((observer, metrics.registry))
    (first, whole), (second, later) = observers
    first.recovered(life)
    events = [purchase(name, i, 7.0 * i) for i in range(6) for name in ("a", "b")]
    life.take(Input.PURCHASES, fetch(events), None)
    life.tick(list(Input), START + 40.0 * DAY)
    second.recovered(life)
    life.tick(list(Input), START + 500.0 * DAY)
    seen(life, first)
    seen(life, second)

    def moved(registry: CollectorRegistry, before: str, after: str) -> float | None:
        labels = {"before": before, "after": after}
        return registry.get_sample_value("offbeat_segment_transitions_total", labels)

    for registry in (whole, later):
        held = registry.get_sample_value("offbeat_held_back_total", {"reason": "low_value"})
        assert held == 2
        asleep = {"partition": "0", "segment": "sleeper"}
        assert registry.get_sample_value("offbeat_segment_customers", asleep) == 2
        assert moved(registry, "regular", "sleeper") == 2
    assert moved(whole, "unseen", "newcomer") == 2
    assert moved(later, "unseen", "newcomer") is None
