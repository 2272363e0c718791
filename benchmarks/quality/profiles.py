"""The profiles that offbeat is run with: from what lies before T0 and nothing else."""

from detectors.lab.histories import Histories
from detectors.profile import Profile


def profile_for(early: Histories) -> tuple[Profile, str]:
    """A profile, and where it comes from; `early` holds nothing from T0 on."""
    del early
    return Profile(), "the default profile"


def clock_profiles(early: Histories) -> dict[str, Profile]:
    """By name what is compared: "off", and "on" once there is an operational clock."""
    profile, _ = profile_for(early)
    return {"off": profile}
