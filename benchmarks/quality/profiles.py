"""The profiles that offbeat is run with: from what lies before T0 and nothing else."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from detectors.clock.learnt import learnt_weights
from detectors.clock.reading import hour_of_week
from detectors.clock.value import HOURS, Clock
from detectors.customer import DAY_SECONDS
from detectors.lab.histories import Histories
from detectors.profile import Profile


def profile_for(early: Histories) -> tuple[Profile, str]:
    """A profile, and where it comes from; `early` holds nothing from T0 on."""
    del early
    return Profile(), "the default profile"


def clock_profiles(early: Histories, closed: Sequence[tuple[int, int]]) -> dict[str, Profile]:
    """By name what is compared: "off", and "on" with an operational clock.

    Its hours are learnt from the early purchases alone; closed periods (first day, days) are given,
    as they are known to whoever closes.
    """
    profile, _ = profile_for(early)
    given = Clock(
        closed=tuple(
            (early.epoch + DAY_SECONDS * first, early.epoch + DAY_SECONDS * (first + days))
            for first, days in closed
        )
    )
    counts = np.zeros(HOURS)
    for day in early.day.tolist():
        counts[hour_of_week(given.records[0], early.epoch + DAY_SECONDS * day)] += 1.0
    clock = replace(given, weights=learnt_weights(given.weights, counts))
    return {"off": profile, "on": replace(profile, clock=clock)}
