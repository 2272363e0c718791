"""The crowds that speed is measured with live as their originals do."""

import numpy as np
import pytest

from benchmarks.speed.recovery import changelog
from benchmarks.speed.shop import Crowd, Shop
from detectors.engine import advance, apply
from detectors.observations import Input
from streams.errors import StateError
from streams.kafka.columns import parse
from streams.partition.life import PartitionLife
from streams.settings import Settings, detector_profile

SETTINGS = Settings()
COPIED = 130  # of 40: three copies of each, and ten fourth ones


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop(detector_profile(SETTINGS), customers=40)


def test_copies_have_names_of_their_own_and_the_lives_of_their_originals(shop: Shop) -> None:
    state = Crowd(shop, COPIED, first=1000).state()
    assert state.size == COPIED
    assert state.find(b"c-001000") == 0
    rows = state.rows[:COPIED]
    assert (rows["applied_until"][~np.isnan(rows["applied_until"])] <= shop.now).all()
    assert not (rows["due"] + shop.profile.allowed_lateness_seconds < shop.now).any()
    originals = shop.rows(np.arange(40))
    assert rows[:40].tobytes() == originals.tobytes()
    assert rows["n_purchases"][40:80].sum() > originals["n_purchases"].sum()  # a week later


@pytest.mark.parametrize("customers", [20, 40, COPIED])
def test_batches_follow_one_another_and_belong_to_the_crowd(shop: Shop, customers: int) -> None:
    crowd = Crowd(shop, customers)
    state = crowd.state()
    begin, events = shop.now, 0
    for coming, _ in zip(crowd.coming(50), range(10), strict=False):
        seen = coming.batch.observations
        times = seen["effective_time"]
        assert ((begin <= times) & (times <= coming.end)).all()
        assert (np.diff(times) >= 0.0).all()
        assert state.locate(*coming.keys).tolist() == seen["row"].tolist()
        apply(state, coming.batch)
        advance(state, coming.end)
        begin, events = coming.end, events + len(seen)
    assert state.size == customers
    applied = int(state.population["applied"].sum() + state.population["duplicates"].sum())
    assert applied == events > 200
    assert int(state.population["duplicates"].sum()) < events / 20


def test_a_share_of_distinct_customers_is_kept_to(shop: Shop) -> None:
    coming = next(Crowd(shop, COPIED).coming(100, distinct=0.1))
    assert len(set(coming.batch.observations["row"].tolist())) == round(
        0.1 * len(coming.batch.observations)
    )


def test_what_the_benchmark_writes_is_recovered_and_a_row_less_is_refused(shop: Shop) -> None:
    names = SETTINGS.topics.inputs
    crowds = [Crowd(shop, COPIED), Crowd(shop, COPIED, first=COPIED)]
    batches = [(one.partition, one.fetched()) for one in changelog(crowds, names)]
    for left_out in (None, 1):
        lives = [
            PartitionLife(n, shop.profile, names, dict.fromkeys(Input, (0, True))) for n in (0, 1)
        ]
        for number, (partition, data) in enumerate(batches):
            if number != left_out:
                for fetched in parse(data, 0):
                    lives[partition].restore(fetched)
        lives[0].finish_recovery()
        assert lives[0].state.size == COPIED
        if left_out is None:
            lives[1].finish_recovery()
            assert lives[1].state.find(b"c-000130") == 0
        else:
            with pytest.raises(StateError, match="0 customers were read back, 130 were written"):
                lives[1].finish_recovery()
