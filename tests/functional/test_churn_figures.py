"""What metrics say of customers who leave and return."""

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from detectors.observations import Input
from streams.calendar import DAYS
from streams.ops import churn
from streams.ops.health import Health
from streams.ops.metrics import Metrics
from streams.ops.observer import Observer
from streams.partition.life import PartitionLife
from streams.settings import Settings, detector_profile
from tests.functional.fetching import DAY, START, fetch, purchase, record_fetch, reread

BEGINNING = dict.fromkeys(Input, (0, False))
NAMES = ("purchases", "visits", "payments", "support")


class Worker:
    """Partitions, what observes them, and what is served."""

    def __init__(
        self, *partitions: int, starts: Mapping[Input, tuple[int, bool]] = BEGINNING
    ) -> None:
        settings = Settings()
        profile = detector_profile(settings)
        self.registry = CollectorRegistry()
        self.observer = Observer(settings, Metrics(self.registry), Health(60.0, 0.0))
        self.lives = {n: PartitionLife(n, profile, NAMES, starts) for n in partitions}
        self.observer.assigned(partitions, [])

    def recovered(self, *partitions: int) -> None:
        for n in partitions:
            self.lives[n].finish_recovery()
            self.observer.recovered(self.lives[n])

    def take(self, events: list[dict[str, object]], first: int = 0, partition: int = 0) -> None:
        life = self.lives[partition]
        life.take(Input.PURCHASES, fetch(events, first), None)
        life.apply()

    def until(self, day: float) -> None:
        """As a checkpoint at that time, and a look."""
        for life in self.lives.values():
            life.tick(list(Input), START + day * DAY)
            if (snapshot := life.snapshot(0)) is not None:
                self.observer.committed(snapshot, 0.1)
        self.look()

    def look(self) -> None:
        lives = [life for life in self.lives.values() if not life.recovering]
        ends = {(source, n): None for n in self.lives for source in Input}
        self.observer.looked(lives, ends)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"offbeat_{name}", labels)

    def total(self, name: str, **wanted: str) -> float:
        """Of all series that have these labels."""
        samples = [s for f in self.registry.collect() for s in f.samples]
        return sum(
            s.value
            for s in samples
            if s.name == f"offbeat_{name}" and wanted.items() <= s.labels.items()
        )


def weekly(*names: str, weeks: int = 12) -> list[dict[str, object]]:
    return [purchase(name, i, 7.0 * i) for i in range(weeks) for name in names]


def test_customers_who_leave_and_return_are_counted_on_their_way() -> None:
    worker = Worker(0)
    worker.recovered(0)
    worker.take(weekly("a", "b"))
    worker.until(80.0)
    states = ("well", "at_risk", "held_back", "churned")

    def standing() -> list[float | None]:
        return [worker.value("customers", state=state) for state in states]

    assert standing() == [2, 0, 0, 0]
    worker.until(140.0)
    assert standing() == [0, 2, 0, 0]
    assert worker.total("at_risk_customers", reason="purchase_silence") == 2
    assert worker.total("at_risk_customers") == worker.value("open_episodes", partition="0") == 2
    assert worker.total("value_at_risk", currency="EUR") > 2 * 10.0
    assert worker.total("episodes_total", status="opened", reason="purchase_silence") == 2
    worker.take([purchase("a", 12, 141.0)], first=24)
    worker.until(800.0)  # a returns and leaves again, b is given up
    assert standing() == [0, 0, 0, 2]
    assert worker.value("churned_customers_total") == 2
    assert worker.value("churned_lifetime_seconds_total") == (141 + 77) * DAY
    assert worker.value("reactivated_customers_total") == 0
    assert worker.total("value_at_risk") == 0
    worker.take([purchase("b", 12, 801.0)], first=25)
    worker.until(802.0)
    assert standing() == [1, 0, 0, 1]
    assert worker.value("reactivated_customers_total") == 1
    said = {status: worker.total("episodes_total", status=status) for status in (
        "opened", "resolved", "expired", "suppressed",
    )}  # fmt: skip
    assert said == {"opened": 3, "resolved": 1, "expired": 2, "suppressed": 0}


def test_after_a_restart_counters_begin_anew_and_gauges_are_as_before() -> None:
    before = Worker(0)
    before.recovered(0)
    before.take(weekly("a", "b"))
    before.take([purchase("c", i, 7.0 * i) for i in range(20)], first=24)
    before.lives[0].tick(list(Input), START + 140.0 * DAY)
    saved = before.lives[0].snapshot(0)
    assert saved is not None
    before.observer.committed(saved, 0.1)
    before.look()
    after = Worker(0, starts={source: (at, True) for source, at in saved.positions.items()})
    for fetched in [*reread(saved.rows), record_fetch(saved.record)]:
        after.lives[0].restore(fetched)
    after.recovered(0)
    after.look()
    for name in ("customers", "at_risk_customers", "value_at_risk"):
        assert after.total(name) == pytest.approx(before.total(name))
        assert after.total(name) > 0
    assert before.total("episodes_total") == 2
    assert after.total("episodes_total") == after.value("churned_customers_total") == 0


def test_half_of_a_shop_is_no_figure() -> None:
    worker = Worker(0, 1)
    worker.recovered(0)
    worker.take(weekly("a"))
    worker.until(80.0)
    assert worker.value("customers", state="well") is None
    worker.recovered(1)
    worker.take(weekly("b"), partition=1)
    worker.until(81.0)
    assert worker.value("customers", state="well") == 2
    worker.observer.assigned([0, 1, 2], [])
    assert worker.value("customers", state="well") is None
    worker.observer.assigned([0], [1, 2])
    worker.observer.looked([worker.lives[0]], {(source, 0): None for source in Input})
    assert worker.value("customers", state="well") == 1
    worker.observer.assigned([], [0])
    assert worker.value("customers", state="well") is None


def test_a_look_counts_some_rows_and_a_round_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(churn, "LEAST_ROWS", 2)
    monkeypatch.setattr(churn, "FIRST_ROWS", 2)
    monkeypatch.setattr(churn, "ROWS", 2)
    worker = Worker(0)
    worker.recovered(0)
    worker.take(weekly(*"abcde"))
    looks = []
    for day in range(6):
        worker.until(78.0 + day / 10)
        looks.append(worker.value("customers", state="well"))
    assert looks == [None, None, 5, 5, 5, 5]


@pytest.mark.parametrize(
    ("zone", "time", "month", "weekday"),
    [
        ("UTC", "2026-03-01T00:00:00+00:00", "03", "sun"),
        ("America/New_York", "2026-03-01T04:59:59+00:00", "02", "sat"),
        ("America/New_York", "2026-06-01T03:59:59+00:00", "05", "sun"),  # summer time
        ("Pacific/Kiritimati", "2026-12-31T10:00:00+00:00", "01", "fri"),
        ("Europe/Berlin", "2000-01-01T00:30:00+00:00", "01", "sat"),
    ],
)
def test_seasons_are_of_the_shops_own_calendar(
    zone: str, time: str, month: str, weekday: str
) -> None:
    figures = churn.Churn(Metrics(CollectorRegistry()), zone)
    at = datetime.fromisoformat(time).astimezone(UTC).timestamp()
    months, weekdays = figures._season(np.array([at]))
    assert (f"{months[0] + 1:02}", DAYS[weekdays[0]]) == (month, weekday)


def test_seasons_count_what_was_said_by_its_own_time() -> None:
    worker = Worker(0)
    worker.recovered(0)
    worker.take(weekly("a"))
    worker.until(500.0)
    for status in ("opened", "expired"):
        assert worker.total("season_episodes_total", status=status) == 1
    assert worker.total("season_episodes_total") == 2
