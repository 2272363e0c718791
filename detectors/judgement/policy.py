"""What is announced of what was found: value gate, cooldown, and a budget of alerts.

An episode that is held back is said once, as `suppressed` with its reason, and then goes on in
silence. Whenever it gets worse (another cause, more severe) or its cooldown ends, it is judged
anew: announced then, as `opened`, or still held back. When its customer returns or is given up it
ends without a word. In the order in which they are asked:

* LOW_VALUE: winning the customer back is worth less than the price: in money of one currency, or
  in multiples of the median customer's value. Who has no price, or one in another currency, is
  not judged by it.
* COOLDOWN: the last announced episode ended less than `cooldown_days` ago and was at least as
  severe. When the cooldown ends while the cause still stands, a due announces it.
* BUDGET: each segment has an allowance of `alert_budget` a day of event time (below 1: of 1 in so
  many days), and an alert takes one of it. What the more valuable tenths usually need for the rest
  of the day is kept for them, so it is the least valuable who are held back.

Which tenths are announced is frozen at the boundaries of hours, so it never depends on the order in
which the customers of one hour are looked at. Hence more than the allowance may be announced within
an hour: that is taken off the next day's.
"""

import math

from detectors.compiled import Row, kernel
from detectors.customer import DAY_SECONDS, Hold
from detectors.judgement.episodes import EXPIRED, OPENED, RESOLVED, SUPPRESSED, UNCHANGED, UPDATED
from detectors.judgement.episodes import end as end_episode
from detectors.judgement.ranks import median_value
from detectors.judgement.schedule import quiet_until
from detectors.judgement.value import expected_value
from detectors.profile import Profile
from detectors.state import RANKS, SEGMENTS

NONE = int(Hold.NONE)
LOW_VALUE = int(Hold.LOW_VALUE)
COOLDOWN = int(Hold.COOLDOWN)
BUDGET = int(Hold.BUDGET)

HOUR_SECONDS = 3600.0
MIDDLE_RANK = 5  # whose value is not known is taken for a customer like others
ROUNDING = 1e-9  # of ln value: equal values are equal in any unit of money
FORGOTTEN = 1e-6  # demand below this is none
LESS_THAN_ONE = 0.999


def boundary_seconds(profile: Profile) -> float:
    """How far apart the boundaries are at which ranks and budgets are frozen; they divide a day."""
    return HOUR_SECONDS if profile.alert_budget > 0.0 else DAY_SECONDS


@kernel
def is_worth_little(c: Row, p: Row, population: Row) -> bool:
    """Whether winning the customer back is worth less than it may cost."""
    if int(c.n_priced) == 0:
        return False
    value = expected_value(c, p)
    if p.win_back_price > 0.0 and float(c.currency) == p.win_back_currency:
        return bool(value < p.win_back_price)
    if p.win_back_medians <= 0.0:
        return False
    median = median_value(c, p, population)
    if median <= 0.0:
        return False
    if value <= 0.0:
        return True
    return bool(math.log(value) - math.log(median) < math.log(p.win_back_medians) - ROUNDING)


@kernel
def held_by(c: Row, now: float, p: Row, population: Row) -> int:
    """Why the episode is not announced now (Hold); NONE takes one off the allowance."""
    if is_worth_little(c, p, population):
        return LOW_VALUE
    if now < quiet_until(c) and int(c.severity) <= int(c.ended_severity):
        return COOLDOWN
    if p.alert_budget > 0.0:
        segment = int(c.segment)
        rank = int(c.value_tenth) if int(c.value_tenth) > 0 else MIDDLE_RANK
        if int(c.suppressed) != BUDGET:  # else it was counted when it was first held back
            population.candidates[segment * RANKS + rank] += 1
        if rank < population.alert_floors[segment]:
            return BUDGET
        population.announced[segment] += 1
    return NONE


@kernel
def announced(c: Row, status: int, before: int, now: float, p: Row, population: Row) -> int:
    """The status to say, given what `judge` or a due found; UNCHANGED for nothing.

    `before`: the severity that the episode had until then.
    """
    if status == OPENED:
        c.suppressed = NONE
    elif int(c.suppressed) == NONE:
        return status
    elif status in (RESOLVED, EXPIRED):
        end_episode(c, status, now, p)
        return UNCHANGED
    elif status == UPDATED:
        another_cause = int(c.causes) & ~int(c.announced_causes)
        c.announced_causes = c.causes
        worse = another_cause != 0 or int(c.severity) > before
        if not worse and int(c.suppressed) != COOLDOWN:
            return UNCHANGED
    else:
        return UNCHANGED
    held = int(c.suppressed)
    reason = held_by(c, now, p, population)
    c.suppressed = reason
    if reason == NONE:
        return OPENED
    if reason == held:
        return UNCHANGED
    population.held_back[reason] += 1
    return SUPPRESSED


@kernel
def freeze_budgets(population: Row, before: float, boundary: float, p: Row) -> None:
    """Fill the allowances, learn what usually comes, and set the floors until the next boundary.

    `before`: the last boundary, 0 = none. A tenth is announced if what is left suffices, to the
    nearest whole alert, for what the tenths above it usually need until the allowance is filled.
    """
    period = DAY_SECONDS * max(1.0, math.ceil(1.0 / p.alert_budget))
    fill = p.alert_budget * period / DAY_SECONDS
    if before == 0.0:
        population.allowance[:] = fill
        before = boundary
    for segment in range(SEGMENTS):
        population.allowance[segment] -= population.announced[segment]
        population.announced[segment] = 0
    periods = math.floor(boundary / period) - math.floor(before / period)
    changed = True
    while periods > 0 and changed:  # what one changes nothing about, no further one does
        changed = _begin_period(population, fill)
        periods -= 1
    left = 1.0 + math.floor(boundary / period) - boundary / period
    for segment in range(SEGMENTS):
        floor = RANKS
        needed = 1.0
        above = 0.0
        while floor > 0 and population.allowance[segment] >= needed:
            floor -= 1
            above += population.demand[segment * RANKS + floor] / max(
                population.demand_periods, 1.0
            )
            needed = max(1.0, left * above + 0.5)
        population.alert_floors[segment] = floor


@kernel
def _begin_period(population: Row, fill: float) -> bool:
    """One more day (or so many) of event time has begun; whether that changed anything.

    What is left of an allowance counts on for less than an alert: fractions add up, quiet days do
    not. What was overdrawn counts up to one filling.
    """
    changed = False
    for segment in range(SEGMENTS):
        left = max(min(population.allowance[segment], LESS_THAN_ONE), -fill)
        changed = changed or left + fill != population.allowance[segment]
        population.allowance[segment] = left + fill
    periods = 0.5 * population.demand_periods + 1.0
    changed = changed or periods != population.demand_periods
    population.demand_periods = periods
    for place in range(SEGMENTS * RANKS):
        demand = 0.5 * population.demand[place] + population.candidates[place]
        if demand < FORGOTTEN:
            demand = 0.0
        changed = changed or demand != population.demand[place]
        population.demand[place] = demand
        population.candidates[place] = 0
    return changed
