"""The profiles that offbeat is run with: from what lies before T0 and nothing else."""

from dataclasses import replace

from detectors.lab.fit import fit
from detectors.lab.histories import Histories
from detectors.profile import Profile


def profile_for(early: Histories, horizon: float) -> tuple[Profile, str]:
    """A profile, and where it comes from; `early` holds nothing from T0 on.

    `horizon`: within so many days alerts expect a purchase.
    """
    return replace(fit(early), horizon_days=horizon), "a profile fitted to them"


def clock_profiles(early: Histories) -> dict[str, Profile]:
    """By name what is compared: "off", and "on" once there is an operational clock."""
    return {"off": fit(early)}
