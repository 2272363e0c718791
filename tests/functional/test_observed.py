"""What a worker's metrics say of its partitions."""

from prometheus_client import CollectorRegistry

from detectors.observations import Input
from detectors.profile import Profile
from streams.ops.health import Health
from streams.ops.metrics import Metrics
from streams.ops.observer import Observer
from streams.partition.life import PartitionLife
from streams.settings import Settings
from tests.functional.fetching import DAY, START, fetch, purchase

NAMES = ("purchases", "visits", "payments", "support")
EUR = float(0x455552)


def seen(life: PartitionLife, observer: Observer) -> None:
    observer.looked([life], {(source, 0): None for source in Input})


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
