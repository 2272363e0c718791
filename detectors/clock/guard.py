"""The source-outage guard: an input whose rate collapses against its own hours of the week.

Everything is counted by hours of effective time, and an hour is judged when it is over, so what
comes of it is a matter of the events alone. Of each input the guard knows the usual number of
events in each local hour of the week (a mean that forgets half in a quarter of a year, as the
weekly rhythm of `clock.learnt` does), and by how much the last days fell short of it, so that a
season that ends is no outage. With E expected in an hour and n seen, two rates stand against each
other: a twentieth of E, the source is as good as gone, and half of E, a bad day. Their
log-likelihood ratio is summed up as long as it is positive (a CUSUM, Page 1954):

    S <- max(0, S + (1/2 - 1/20) E - n ln 10)

At S >= ln 10^9 the input is out since S was last 0: 46 events in a row were expected that did not
come, so a busy input is found out after an hour and one of fifty a day after a day. The same sum
with the other sign says when it is back: after the first hour with a handful of events. While it
is out nothing is learnt of it.

An input that stays away for `longest_days` has not failed but ended: what was usual is forgotten,
and silence counts again.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

from detectors.clock.learnt import WEEKLY_DECAY
from detectors.clock.reading import hour_of_week, stretch_at
from detectors.clock.value import HOUR_SECONDS, HOURS, INPUTS
from detectors.compiled import Row, Rows, kernel
from detectors.customer import DAY_SECONDS

GONE, BAD = 0.05, 0.5  # the two rates, as shares of what is expected
PER_EVENT = math.log(BAD / GONE)
PER_EXPECTED = BAD - GONE
# One hour in a billion at half of the usual rate; there are some 9,000 in a year of one input.
OUT_FROM = math.log(1e9)
BACK_FROM = math.log(1e3)  # three events, where next to none are to be expected
MOST_WEEKS = 1000  # counted: the mean has long forgotten the first of them by then
LEAST_WEEKS = 2  # that an hour of the week was seen before anything is expected of it
# What the last three days fell short of the usual lowers what is expected; ten events, expected and
# seen, are taken for granted, so that a handful says nothing.
LEVEL_DECAY = 0.5 ** (1.0 / 72.0)
LEVEL_ASSUMED = 10.0
LEARNING_UP_TO = 0.5 * OUT_FROM  # hours that look like the beginning of an outage teach nothing
# A backlog that arrives at once is not what is usual at that hour.
MOST_TIMES, MOST_MORE = 4.0, 10.0
THOUSAND = 1000.0  # rates are kept as whole thousandths: short in the changelog, and exact


@dataclass(frozen=True)
class Guard:
    """Whether and from what rate on inputs are watched, and when maintenance is planned.

    Args:
        enabled: whether outages are looked for.
        least_daily: events a day, on the average of the week, below which an input of the partition
            is not watched.
        longest_days: after which an input that is out is taken for one that has ended.
        maintenance: (begin, end) in seconds since the epoch, in order and apart: all inputs are
            taken for out.

    Raises ValueError that names what is out of range.
    """

    enabled: bool = False
    least_daily: float = 50.0
    longest_days: float = 14.0
    maintenance: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        for name in ("least_daily", "longest_days"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0.0):
                raise ValueError(f"{name} must be finite and above 0, got {value!r}")
        for begin, end in self.maintenance:
            if not (math.isfinite(begin) and begin < end < math.inf):
                raise ValueError(f"maintenance must end after {begin!r}, got {end!r}")
        for (_, end), (begin, _) in pairwise(self.maintenance):
            if not end < begin:
                raise ValueError(f"maintenance must be in order and apart, got {begin!r}")


UNWATCHED = Guard()


@kernel
def is_usual(p: Row, population: Row, begin: float) -> bool:
    """Whether nothing was closed or planned in the hour that begins then."""
    if begin < population.planned_end and population.planned_begin < begin + HOUR_SECONDS:
        return False
    i = stretch_at(p, begin)
    while p.clock_begins[i] < begin + HOUR_SECONDS:
        if p.clock_open[i] == 0.0:
            return False
        i += 1
    return True


@kernel
def expected_events(population: Row, p: Row, source: int, hour: int) -> float:
    """How many events of an input an hour of the week brings; 0 where that is not known."""
    if population.guard_weeks[hour] < LEAST_WEEKS:
        return 0.0
    if population.guard_week[source] < 7.0 * THOUSAND * p.guard_least_daily:
        return 0.0
    seen = population.guard_seen[source] + LEVEL_ASSUMED
    level = min(seen / (population.guard_expected[source] + LEVEL_ASSUMED), 1.0)
    return float(level * population.guard_rates[source * HOURS + hour] / THOUSAND)


@kernel
def learn_hour(population: Row, source: int, hour: int, n: float) -> None:
    """Take an ordinary hour's count into what is usual."""
    i = source * HOURS + hour
    rate = population.guard_rates[i] / THOUSAND
    weeks = population.guard_weeks[hour]
    if weeks >= LEAST_WEEKS:
        population.guard_seen[source] = LEVEL_DECAY * population.guard_seen[source] + n
        population.guard_expected[source] = LEVEL_DECAY * population.guard_expected[source] + rate
        n = min(n, MOST_TIMES * rate + MOST_MORE)
    if population.guard_evidence[source] < LEARNING_UP_TO:
        gain = max(1.0 / (weeks + 1.0), 1.0 - WEEKLY_DECAY)
        change = math.floor(gain * THOUSAND * (n - rate) + 0.5)
        population.guard_rates[i] += change
        population.guard_week[source] += change


@kernel
def forget_usual(population: Row, source: int) -> None:
    """What was usual is over."""
    for i in range(source * HOURS, (source + 1) * HOURS):
        population.guard_rates[i] = 0
    population.guard_week[source] = 0
    population.guard_seen[source] = 0.0
    population.guard_expected[source] = 0.0


@kernel
def judge_input(population: Row, p: Row, source: int, hour: int, end: float, n: float) -> None:
    """Judge the n events that an input brought in the hour of the week that ended then."""
    expected = expected_events(population, p, source, hour)
    gone = PER_EXPECTED * expected - PER_EVENT * n
    if population.guard_out[source] == 0.0:
        population.guard_evidence[source] = max(population.guard_evidence[source] + gone, 0.0)
        if population.guard_evidence[source] == 0.0:
            population.guard_since[source] = end
        if population.guard_evidence[source] >= OUT_FROM:
            population.guard_out[source] = population.guard_since[source]
            population.guard_evidence[source] = 0.0
            return
        learn_hour(population, source, hour, n)
        return
    population.guard_evidence[source] = max(population.guard_evidence[source] - gone, 0.0)
    ended = end - population.guard_out[source] > p.guard_longest_days * DAY_SECONDS
    if ended:
        forget_usual(population, source)
    if ended or population.guard_evidence[source] >= BACK_FROM:
        population.guard_out[source] = 0.0
        population.guard_evidence[source] = 0.0
        population.guard_since[source] = end


@kernel
def hour_ends(population: Row) -> float:
    """When the hour is over that is being counted; inf if none is."""
    return float(population.guard_hour + HOUR_SECONDS if population.guard_hour > 0.0 else math.inf)


@kernel
def judge_hours(populations: Rows, profile: Rows, until: float) -> bool:
    """Judge the hours that are over by then, one after the other, up to the first with an outage.

    An hour's events are counted by what has been applied since it began, so the event loop counts
    nothing for it. True: `guard_hour` has come to an hour before which an input is out; call again
    to go on. Takes arrays of one record, for it is called from Python too, where a record costs
    10 us a call and an array next to nothing.
    """
    population, p = populations[0], profile[0]
    while hour_ends(population) <= until:
        begin = population.guard_hour
        population.guard_hour = begin + HOUR_SECONDS
        hour = hour_of_week(p, begin)
        usual = is_usual(p, population, begin)
        out = False
        for source in range(INPUTS):
            seen = population.applied[source] + population.duplicates[source]
            if usual:
                n = float(seen - population.guard_from[source])
                judge_input(population, p, source, hour, begin + HOUR_SECONDS, n)
            population.guard_from[source] = seen
            out = out or population.guard_out[source] > 0.0
        if usual and population.guard_weeks[hour] < MOST_WEEKS:
            population.guard_weeks[hour] += 1
        if out:
            return True
    return False
