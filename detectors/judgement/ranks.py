"""How valuable a customer is among the others of the partition: a quantile sketch of values.

A histogram over ln value with buckets of a quarter of an octave, for each of the first few
currencies seen: a quantile is known to within 9 % of the value, in constant memory, whatever the
distribution (the idea of DDSketch). Three things are made to measure:

* a customer is counted once, where their value is now (`value_place` in the row), and no longer
  once they are given up. So the ranks are those of the customers there are;
* counts are whole numbers, and adding them commutes: the order in which customers fall due does
  not matter;
* the first value seen lies in the middle of the middle bucket. In another unit of money all values
  fall into the same buckets, and equal values never fall on an edge (edges are irrational
  multiples of the origin).

What decisions see is frozen at the boundaries of days (`freeze_ranks`). Values in different
currencies are never compared.

Source: Masson, Rim & Lee 2019, "DDSketch", section 2 (logarithmic buckets, relative error).
"""

import math

from detectors.compiled import Row, kernel
from detectors.judgement.value import expected_value
from detectors.state import BUCKETS, CURRENCIES, MARKS

BUCKET_LOG = math.log(2.0) / 4.0
MIDDLE = BUCKETS // 2  # 20 octaves, a factor of a million, to both sides
CYCLE_WEIGHT = 10.0  # gaps that the profile's own usual gap counts for


@kernel
def _slot(population: Row, currency: int, value: float) -> int:
    """Where a currency is counted; a new one starts at this value; -1 when there is no room."""
    for slot in range(CURRENCIES):
        if int(population.currencies[slot]) == currency:
            return slot
        if int(population.currencies[slot]) == 0:
            population.currencies[slot] = currency
            population.value_origins[slot] = value
            return slot
    return -1


@kernel
def count_value(c: Row, p: Row, population: Row) -> None:
    """Count the customer where their value is now; after each purchase or refund."""
    value = expected_value(c, p)
    place = 0
    if 0.0 < value < math.inf:
        slot = _slot(population, int(c.currency), value)
        if slot >= 0:
            octaves = (math.log(value) - math.log(population.value_origins[slot])) / BUCKET_LOG
            bucket = MIDDLE + math.floor(octaves + 0.5)
            place = 1 + slot * BUCKETS + max(0, min(BUCKETS - 1, bucket))
    _move(c, place, population)


@kernel
def stop_counting(c: Row, population: Row) -> None:
    """The customer is given up: ranks are among those who are left."""
    _move(c, 0, population)


@kernel
def _move(c: Row, place: int, population: Row) -> None:
    before = int(c.value_place)
    if place != before:
        if before > 0:
            population.values[before - 1] -= 1
        if place > 0:
            population.values[place - 1] += 1
        c.value_place = place


@kernel
def tenth_by_value(c: Row, p: Row, population: Row) -> int:
    """1 to 10 (the most valuable), 0 where too few customers are known to say."""
    place = int(c.value_place) - 1
    if place < 0:
        return 0
    slot = place // BUCKETS
    if population.value_counted[slot] < p.value_customers:
        return 0
    bucket = place - slot * BUCKETS
    tenth = 1
    while tenth <= MARKS and population.value_marks[slot * MARKS + tenth - 1] <= bucket:
        tenth += 1
    return tenth


@kernel
def median_value(c: Row, p: Row, population: Row) -> float:
    """The median customer's value in this customer's currency; 0 where it is not known."""
    for slot in range(CURRENCIES):
        if int(population.currencies[slot]) == int(c.currency):
            known = population.value_counted[slot] >= p.value_customers
            return float(population.value_medians[slot]) if known else 0.0
    return 0.0


@kernel
def freeze_ranks(population: Row, p: Row) -> None:
    """Work out the shop's cycle, and of each currency the median and where the tenths begin.

    A customer's rank is the share of customers below their bucket and half of those in it, so who
    is like everybody else is in the middle.
    """
    gaps = CYCLE_WEIGHT + population.gap_count
    log_sum = CYCLE_WEIGHT * p.gap_location + population.gap_log_sum
    population.cycle_days = math.exp(log_sum / gaps)
    for slot in range(CURRENCIES):
        total = 0
        for bucket in range(BUCKETS):
            total += population.values[slot * BUCKETS + bucket]
        population.value_counted[slot] = total
        population.value_medians[slot] = 0.0
        below = 0
        tenth = 0
        for bucket in range(BUCKETS):
            here = population.values[slot * BUCKETS + bucket]
            if total > 0 and 2 * below < total <= 2 * (below + here):
                population.value_medians[slot] = population.value_origins[slot] * math.exp(
                    BUCKET_LOG * (bucket - MIDDLE)
                )
            # 10 * (below + here / 2) >= (tenth + 1) * total, in whole numbers
            while (
                tenth < MARKS and total > 0 and 10 * (2 * below + here) >= 2 * (tenth + 1) * total
            ):
                population.value_marks[slot * MARKS + tenth] = bucket
                tenth += 1
            below += here
        while tenth < MARKS:
            population.value_marks[slot * MARKS + tenth] = BUCKETS
            tenth += 1
