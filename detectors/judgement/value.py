"""What a customer is worth and how well they are known, in plain words.

    value = spend an occasion * occasions expected within the value horizon

at most twice what the customer has spent a day so far, so that two purchases in one week do not
make a fortune of a newcomer. In the currency of the last priced purchase. It is what they would
bring if they came back: the value at risk, and what winning them back is worth.

Who is there and comes at their usual gap has K = horizon / gap occasions ahead, and may leave for
good after each. With x repeats behind them and B = b + x, the k-th takes place with the chance
r_k = prod_{j<k} (B + j) / (a + B + j), and these add up to

    r_1 + ... + r_K = ((B + K) r_K - B) / (1 - a)

because (B + k) r_k grows by (1 - a) r_k from one k to the next. Beta-geometric dropout as in
`cadence.posterior`; with another power than 1 it is taken for the one that has the same odds now.
"""

import math
from functools import lru_cache

from detectors.cadence.posterior import purchase_rhythm
from detectors.compiled import Row, kernel
from detectors.customer import DAY_SECONDS

LEAST_GAP_DAYS = 1.0
MOST_OVER_SPENT = 2.0
NEAR_ONE = 1e-6
SERIES_FROM = 6.0
ESTABLISHED_GAPS = 3  # from here on the customer's own gaps outweigh the population's


@kernel
def expected_occasions(occasions: float, a: float, b: float) -> float:
    """Of so many occasions ahead, how many take place if the customer may leave after each.

    a, b > 0: the beta distribution of leaving.
    """
    if abs(1.0 - a) < NEAR_ONE:  # where the sum becomes a logarithm: as good as beside it
        a = 1.0 - NEAR_ONE
    taking_place = ((b + occasions) * last_chance(occasions, a, b) - b) / (1.0 - a)
    return max(0.0, min(occasions, taking_place))  # the difference is coarse for b in the millions


@kernel
def last_chance(occasions: float, a: float, b: float) -> float:
    """r_K: the chance that the last of so many occasions takes place.

    gamma(b + K) gamma(a + b) / [gamma(b) gamma(a + b + K)], by gamma(x + a) / gamma(x) =
    w^a [1 - a (a^2 - 1) / (24 w^2) + ...] in w = x + (a - 1) / 2 (Tricomi & Erdelyi 1951), to which
    x is brought up; for a up to 2 off by less than 1e-5.
    """
    before = 1.0
    low, high = b, b + occasions
    while low < SERIES_FROM:
        before *= low / (low + a)
        low += 1.0
    while high < SERIES_FROM:
        before *= (high + a) / high
        high += 1.0
    low += 0.5 * (a - 1.0)
    high += 0.5 * (a - 1.0)
    bend = a * (a * a - 1.0) / 24.0
    before *= (1.0 - bend / (low * low)) / (1.0 - bend / (high * high))
    return before * math.exp(a * math.log(low / high))


@kernel
def expected_value(c: Row, p: Row) -> float:
    """Expected spend within the value horizon; 0 for who has no priced purchase, or took all back.

    Depends on purchases alone, not on the time: silence does not make a customer cheaper.
    """
    if int(c.currency) == 0 or int(c.n_purchases) == 0 or not c.spend > 0.0:
        return 0.0
    gap = max(math.exp(purchase_rhythm(c, p)[1]), LEAST_GAP_DAYS)
    tenure = (c.last_purchase - c.first_seen) / DAY_SECONDS + gap
    horizon = p.value_horizon_days
    stays = p.dropout_b + float(c.n_purchases) - 1.0
    leaves = p.dropout_a * stays ** (1.0 - p.dropout_power)
    occasions = expected_occasions(horizon / gap, leaves, stays)
    expected = c.spend / float(c.n_purchases) * occasions
    return float(min(expected, MOST_OVER_SPENT * c.spend * horizon / tenure))


@lru_cache
def currency_name(code: int) -> str | None:
    """0x455552 -> "EUR"; None for 0."""
    return code.to_bytes(3, "big").decode("ascii") if code else None


def currency_code(name: str) -> int:
    """The number for a currency's three letters: 0x455552 for EUR."""
    return int.from_bytes(name.encode("ascii"), "big")


def confidence(n_gaps: int) -> str:
    """How far the usual gap is the customer's own.

    new: there is no gap yet, so it is the shop's; learning: one or two, weighed with the shop's;
    established: three or more.
    """
    if n_gaps == 0:
        return "new"
    return "learning" if n_gaps < ESTABLISHED_GAPS else "established"
