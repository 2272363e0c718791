"""The population's parameters of the purchase cadence, by the likelihood of a shop's own history.

One step ahead: each gap is foreseen from the customer's gaps before it, by the kernels that the
engine runs, and the last, open gap counts with the chance that it lasts until the end,

    ln L = sum over gaps of ln f(g) / (1 + o)  +  sum over customers of ln (o + S(s)) / (1 + o)

with o the odds of having left after the purchase. Where a history knows whole days only, f(g) is
the chance of the interval g -+ 1/2. **Give it what lies before a day, and it cannot know what
follows** (`Histories.before`). Gaps are measured on the clock of the profile to start from.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from detectors.cadence.law import density, log_sum, log_survival_of, own_norm, survival_of
from detectors.cadence.posterior import close_gap, purchase_gap, purchase_prior
from detectors.clock.reading import elapsed_days, elapsed_seconds
from detectors.compiled import Row, Rows, by_name, kernel
from detectors.customer import CUSTOMER, DAY_SECONDS
from detectors.lab.histories import Days, Histories, Whole
from detectors.profile import Profile

LEAST_GAPS = 100  # closed ones; fewer say less than the profile to start from
MOST_GAPS = 60_000  # of every nth customer when there are more: the figures no longer move
LONG_DAYS = 20.0  # a day's interval is no longer worth two survivals
HALF_DAY = 0.5
LEAST_CHANCE = 1e-300
NEARLY = 1e-6  # as near as a search on an unbounded scale comes to 0 and 1


class Parameter(NamedTuple):
    """A field of the profile on an unbounded scale, held near the start by a normal prior."""

    field: str
    scale: str  # "real", "log" or "logit"
    lowest: float
    highest: float
    spread: float = 2.0  # standard deviation of the prior, on that scale

    def inward(self, value: float) -> float:
        """From the profile to the scale of the search."""
        if self.scale == "real":
            return value
        if self.scale == "log":
            return math.log(max(value, NEARLY))
        within = min(max(value, NEARLY), 1.0 - NEARLY)
        return math.log(within / (1.0 - within))

    def outward(self, point: float) -> float:
        """And back."""
        if self.scale == "real":
            return point
        if self.scale == "log":
            return math.exp(point)
        return 1.0 / (1.0 + math.exp(-point))


#: Bounds are far outside of what shops are like. `pause_spread` is not fitted: months of history
#: do not tell it from `pause_location`, which is held near its start for the same reason, as is
#: `dropout_power`: both real sets want 2 to 3, and where nobody left any would do.
PARAMETERS = (
    Parameter("gap_location", "real", -4.0, 7.0),
    Parameter("gap_location_weight", "log", -4.0, 5.0),
    Parameter("gap_shape", "log", -0.5, 5.0),
    Parameter("gap_scale", "log", -4.0, 6.0),
    Parameter("gap_memory", "logit", 0.0, 7.0),
    Parameter("first_gap_shift", "real", -3.0, 3.0),
    Parameter("pause_rate", "log", -13.0, -2.0),
    Parameter("pause_prior", "log", -2.0, 4.0, 1.0),
    Parameter("pause_location", "real", 1.0, 6.5, 0.5),
    Parameter("short_share", "logit", -9.0, 0.0),
    Parameter("short_location", "real", -3.0, 2.0),
    Parameter("short_spread", "log", -2.5, 0.0),
    Parameter("dropout_a", "log", -7.0, 3.0),
    Parameter("dropout_b", "log", -3.0, 5.0),
    Parameter("dropout_power", "log", -2.0, 1.5, 0.35),
)


#: Absences of a month and of half a year explain short histories about as well: both are tried.
LONG_PAUSES = {"pause_rate": 0.004, "pause_location": 5.0}
SEARCH = {"maxiter": 80, "eps": 1e-5}


def fit(
    histories: Histories,
    start: Profile | None = None,
    earlier: Whole | None = None,
    going_on: Callable[[], None] | None = None,
) -> Profile:
    """`start` (default: the default profile) with the purchase cadence fitted to the histories.

    `earlier`: see `Likelihood`. `going_on` is called now and then; what it raises ends the fit.
    Deterministic. Raises ValueError for fewer than LEAST_GAPS closed gaps.
    """
    start = start or Profile()
    gaps = histories.day.size - np.unique(histories.customer).size
    if gaps < LEAST_GAPS:
        raise ValueError(f"{gaps} closed gaps are too few to fit to; at least {LEAST_GAPS}")
    if gaps > MOST_GAPS:
        nth = math.ceil(gaps / MOST_GAPS)
        histories = histories.every(nth)
        earlier = None if earlier is None else earlier[::nth]
    likelihood = Likelihood(histories, earlier)
    origin = np.array([p.inward(getattr(start, p.field)) for p in PARAMETERS])
    bounds = [(p.lowest, p.highest) for p in PARAMETERS]
    origin = np.clip(origin, *np.array(bounds).T)
    spreads = np.array([p.spread for p in PARAMETERS])

    def profile_at(point: Days) -> Profile:
        values = {p.field: p.outward(float(v)) for p, v in zip(PARAMETERS, point, strict=True)}
        return replace(start, **cast(dict[str, Any], values))

    def loss(point: Days) -> float:
        if going_on is not None:
            going_on()
        prior = 0.5 * float(np.sum(((point - origin) / spreads) ** 2))
        return (prior - likelihood(profile_at(point))) / likelihood.gaps

    from scipy.optimize import minimize  # noqa: PLC0415 (half a second of each worker's start)

    found = [
        minimize(loss, point, method="L-BFGS-B", bounds=bounds, options=SEARCH)
        for point in (origin, _with(origin, LONG_PAUSES))
    ]
    best = min(found, key=lambda result: float(result.fun))
    return profile_at(best.x)


def _with(origin: Days, values: dict[str, float]) -> Days:
    """The point with other values of the profile at some fields."""
    point = origin.copy()
    for at, parameter in enumerate(PARAMETERS):
        if parameter.field in values:
            point[at] = parameter.inward(values[parameter.field])
    return point


class Likelihood:
    """ln L of any profile, over histories taken once.

    `earlier`: how many purchases each customer made before their history begins (default: none),
    int64[customers] where all of these have purchases. They count for how sure somebody is to stay;
    the rhythm is taken for unknown, or slow customers alone would say what newcomers are like.
    """

    def __init__(self, histories: Histories, earlier: Whole | None = None) -> None:
        self._seconds = histories.epoch + DAY_SECONDS * histories.day
        self._starts = np.unique(histories.first)
        self._end = histories.epoch + DAY_SECONDS * histories.end
        self._whole = bool(np.all(histories.day == np.floor(histories.day)))
        self._rows: NDArray[np.void] = np.zeros(1, CUSTOMER)
        self.customers = int(self._starts.size)
        self._earlier = np.zeros(self.customers, np.int64) if earlier is None else earlier
        self.gaps = int(histories.day.size - self.customers)

    def __call__(self, profile: Profile) -> float:
        """Nats; of days' intervals where the histories know whole days, else of densities."""
        return float(
            _log_likelihood(
                self._seconds, self._starts, self._earlier, self._end,
                HALF_DAY if self._whole and profile.clock.flat else 0.0,
                by_name(profile.records), by_name(self._rows),
            )
        )  # fmt: skip


@kernel
def _log_likelihood(
    seconds: Days,
    starts: Whole,
    earlier: Whole,
    end: float,
    half: float,
    profile: Rows,
    rows: Rows,
) -> float:
    p, c = profile[0], rows[0]
    total = 0.0
    for i in range(starts.shape[0]):
        stop = starts[i + 1] if i + 1 < starts.shape[0] else seconds.shape[0]
        begin_history(c)
        for k in range(starts[i] + 1, stop):
            days = elapsed_seconds(p, seconds[k - 1], seconds[k]) / DAY_SECONDS
            if days * DAY_SECONDS < p.occasion_seconds:
                continue
            law = purchase_gap(c, p)
            prior = _prior_after(c, earlier[i], p)
            if half > 0.0 and days < LONG_DAYS:
                chance = survival_of(days - half, law) - survival_of(days + half, law)
            else:
                chance = density(math.log(days), law, own_norm(law))
            stays = -math.log1p(math.exp(prior))
            total += math.log(max(chance, LEAST_CHANCE)) + stays
            close_gap(c, days, law, p)
            c.n_purchases += 1
        prior = _prior_after(c, earlier[i], p)
        open_gap = log_survival_of(elapsed_days(p, seconds[stop - 1], end), purchase_gap(c, p))
        total += log_sum(prior, open_gap) - math.log1p(math.exp(prior))
    return total


@kernel
def _prior_after(c: Row, earlier: int, p: Row) -> float:
    """`purchase_prior` of who made so many purchases before the row's own."""
    known = int(c.n_purchases)
    c.n_purchases = known + earlier
    prior = purchase_prior(c, p)
    c.n_purchases = known
    return float(prior)


@kernel
def begin_history(c: Row) -> None:
    """A customer at their first purchase, as far as the cadence is concerned."""
    c.n_purchases = 1
    c.gap_count = 0.0
    c.gap_log_sum = 0.0
    c.gap_log_squares = 0.0
    c.pause_count = 0.0
    c.active_days = 0.0
