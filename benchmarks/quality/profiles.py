"""The profiles that offbeat is run with: from what lies before T0 and nothing else."""

from collections.abc import Sequence
from dataclasses import replace

from detectors.clock.value import Clock
from detectors.customer import DAY_SECONDS
from detectors.lab.engine_rows import EngineRun
from detectors.lab.histories import Histories
from detectors.profile import Profile


def profile_for(early: Histories) -> tuple[Profile, str]:
    """A profile, and where it comes from; `early` holds nothing from T0 on."""
    del early
    return Profile(), "the default profile"


def clock_profiles(early: Histories, closed: Sequence[tuple[int, int]]) -> dict[str, Profile]:
    """By name what is compared: "off", and "on" with an operational clock.

    Its hours are what the engine has learnt from the early purchases; closed periods (first day,
    days) are given, as they are known to whoever closes.
    """
    profile, _ = profile_for(early)
    given = Clock(
        closed=tuple(
            (early.epoch + DAY_SECONDS * first, early.epoch + DAY_SECONDS * (first + days))
            for first, days in closed
        ),
        learns=True,
    )
    run = EngineRun(early, replace(profile, clock=given))
    for _ in run.until(early.end):
        pass
    learnt = run.state.profile_in_effect.clock
    return {"off": profile, "on": replace(profile, clock=replace(learnt, learns=False))}
