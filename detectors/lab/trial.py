"""What detectors are tried on: a set of histories, and the days that evaluate it."""

from dataclasses import dataclass

from detectors.lab.histories import Histories


@dataclass(frozen=True, slots=True)
class Trial:
    """A set and the days that evaluate it.

    begin: T0, parameters are fitted to what lies before it; longest: L, the last episode begins so
    long before the end, and no delay counts for more; soon: within so many days alerts expect a
    purchase; horizon: H of P(no purchase in H), asked at the end of each of `cutoffs`; whole_days:
    the set knows days, no hours.
    """

    key: str
    title: str
    histories: Histories
    begin: float
    longest: float
    soon: float
    horizon: float
    cutoffs: tuple[float, ...]
    whole_days: bool = True
