"""When a worker is ready and when it is alive. Times are plain numbers."""

from streams.ops.health import Health


def healthy(now: float = 0.0) -> Health:
    return Health(stall_seconds=60.0, now=now)


def test_a_worker_that_has_not_joined_the_group_is_not_ready() -> None:
    assert not healthy().ready().ok


def test_a_worker_is_ready_when_its_last_partition_is_recovered() -> None:
    health = healthy()
    health.assigned([0, 3])
    health.recovered(0)
    assert health.ready() == (False, "recovering partitions 3")
    health.recovered(3)
    assert health.ready().ok


def test_a_worker_that_owns_nothing_is_ready() -> None:
    health = healthy()
    health.assigned([])
    assert health.ready().ok


def test_partitions_that_are_kept_need_no_recovery() -> None:
    health = healthy()
    health.assigned([0])
    health.recovered(0)
    health.assigned([0, 1])
    assert health.ready() == (False, "recovering partitions 1")


def test_a_partition_that_went_away_while_it_recovered_is_not_waited_for() -> None:
    health = healthy()
    health.assigned([0, 1])
    health.recovered(0)
    health.assigned([0])
    health.recovered(1)
    assert health.ready().ok


def test_a_partition_that_comes_back_is_recovered_again() -> None:
    health = healthy()
    health.assigned([0])
    health.recovered(0)
    health.assigned([])
    health.assigned([0])
    assert not health.ready().ok


def test_no_lag_is_alive_however_long_nothing_comes() -> None:
    health = healthy()
    for now in range(0, 1000, 10):
        health.observed(position=5, lag=0, now=float(now))
    assert health.live(1000.0).ok


def test_lag_without_progress_is_not_alive_after_the_bound() -> None:
    health = healthy()
    for now in range(0, 70, 10):
        health.observed(position=5, lag=9, now=float(now))
        assert health.live(float(now)).ok
    assert health.live(60.1) == (False, "9 records behind, no progress for 60 s")


def test_progress_is_alive_however_long_the_lag() -> None:
    health = healthy()
    for now in range(0, 1000, 10):
        health.observed(position=now, lag=10**9, now=float(now))
    assert health.live(1000.0).ok


def test_other_partitions_after_a_rebalance_count_as_progress() -> None:
    health = healthy()
    health.observed(position=500, lag=9, now=0.0)
    health.observed(position=100, lag=9, now=50.0)
    health.observed(position=100, lag=9, now=100.0)
    assert health.live(100.0).ok


def test_a_worker_that_nobody_observes_is_not_alive() -> None:
    health = healthy(now=100.0)
    assert health.live(160.0).ok
    assert not health.live(161.0).ok
