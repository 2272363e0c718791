"""`detectors.learning.drift` uses river's ADWIN without the package around it."""

import random

from river import drift

from detectors.learning.drift import PER_CENT, DriftWatch


def test_drift_is_found_where_the_public_detector_finds_it() -> None:
    draw = random.Random(7)
    errors = [
        draw.uniform(0.0, 0.2) + (0.6 if 500 <= i < 900 or i >= 1500 else 0.0) for i in range(2000)
    ]
    watch, public = DriftWatch(), drift.ADWIN()  # type: ignore[no-untyped-call]  # river
    risen, expected = [], []
    for i, error in enumerate(errors):
        if watch.update(error):
            risen.append(i)
        public.update(round(error * PER_CENT) / PER_CENT)  # type: ignore[no-untyped-call]  # river
        if public.drift_detected:
            expected.append(i)
            public = drift.ADWIN()  # type: ignore[no-untyped-call]  # river
    falls = [i for i in expected if 900 <= i < 1500]
    assert falls
    assert risen == [i for i in expected if i not in falls]
    assert len(risen) >= 2
