"""What people use today: rules of thumb, and buy-till-you-die models.

**Rules**: a fixed number of days, or a multiple of the customer's own median, mean or 0.9 quantile
of gaps. Each is one knob.

**BG/NBD** (Fader, Hardie & Lee 2005) and **MBG/CNBD-k** (Batislam et al. 2007; Platzer & Reutterer
2016; Reutterer, Platzer & Schröder 2020): gaps are Erlang-k with a rate from Gamma(r, alpha); after
each purchase the customer leaves with a chance from Beta(a, b); in the modified model also after
the first. With x repeats until t_x and a silence s since,

    A(s) = sum_{i<k} s^i / i! G(r+kx+i) / G(r+kx) (alpha+t_x)^(r+kx) / (alpha+t_x+s)^(r+kx+i)
    odds of having left = o / A(s),         o = a / (b + x - 1), modified: a / (b + x)
    P(no purchase in H) = (o + A(s + H)) / (o + A(s))

(G is the gamma function; k = 1 and not modified is BG/NBD, where a customer with x = 0 has not
left). Fitted by maximum likelihood; with a day as the unit of time, alpha is in days.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, gammaln

from detectors.lab.histories import Days, Summaries

#: Silences at which A is tabulated to find where it reaches a level: 3 % apart.
SILENCES = np.geomspace(0.25, 4000.0, 320)


@dataclass(frozen=True, slots=True)
class PurchaseModel:
    """A fitted model; arrays in, arrays of the same length out."""

    k: int
    modified: bool
    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float = np.nan

    def log_survival(self, frequency: Days, recency: Days, silence: Days) -> Days:
        """ln A(s); shapes broadcast."""
        shape, base = self.r + self.k * frequency, self.alpha + recency
        after = np.log(base + silence)
        with np.errstate(divide="ignore"):
            log_s = np.log(silence)
        total = shape * (np.log(base) - after)
        for i in range(1, self.k):
            more = gammaln(shape + i) - gammaln(shape) - gammaln(i + 1.0)
            term = i * log_s + more + shape * np.log(base) - (shape + i) * after
            total = np.logaddexp(total, term)
        return np.asarray(total, np.float64)

    def log_prior_odds(self, frequency: Days) -> Days:
        """ln o; -inf for who cannot have left yet."""
        repeats = frequency if self.modified else frequency - 1.0
        odds = np.where(repeats >= 0.0, self.a / (self.b + np.maximum(repeats, 0.0)), 0.0)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(odds), np.float64)

    def left_log_odds(self, known: Summaries) -> Days:
        """Log-odds of having left, -ln(1 / P(alive) - 1) with its sign turned."""
        silence = known.tenure - known.recency
        alive = self.log_survival(known.frequency, known.recency, silence)
        return self.log_prior_odds(known.frequency) - alive

    def p_no_purchase(self, known: Summaries, horizon: float) -> Days:
        """P(no purchase in the next `horizon` days)."""
        silence = known.tenure - known.recency
        odds = np.exp(self.log_prior_odds(known.frequency))
        now = np.exp(self.log_survival(known.frequency, known.recency, silence))
        then = np.exp(self.log_survival(known.frequency, known.recency, silence + horizon))
        chance: Days = (odds + then) / (odds + now)
        return chance

    def silence_reaching(self, frequency: Days, recency: Days, log_odds: Days) -> Days:
        """Days of silence at which the log-odds of having left reach each level: [n, levels]."""
        table = self.log_survival(frequency[:, None], recency[:, None], SILENCES)
        wanted = self.log_prior_odds(frequency)[:, None] - log_odds
        return np.stack(
            [np.interp(-w, -row, SILENCES, 0.0) for w, row in zip(wanted, table, strict=True)]
        )

    def silence_doubting(
        self, frequency: Days, recency: Days, horizon: float, log_odds: Days
    ) -> Days:
        """Days of silence at which P(no purchase in `horizon`) reaches each level: [n, levels]."""
        odds = np.exp(self.log_prior_odds(frequency))[:, None]
        now = np.exp(self.log_survival(frequency[:, None], recency[:, None], SILENCES))
        then = np.exp(self.log_survival(frequency[:, None], recency[:, None], SILENCES + horizon))
        reached = np.maximum.accumulate(np.log((odds + then) / (now - then)), axis=1)
        return np.stack([np.interp(log_odds, row, SILENCES, 0.0) for row in reached])


def fit_bgnbd(known: Summaries) -> PurchaseModel:
    """BG/NBD."""
    return _fit(known, k=1, modified=False)


def fit_mbgcnbd(known: Summaries, regularities: tuple[int, ...] = (1, 2, 3, 4)) -> PurchaseModel:
    """MBG/CNBD-k with the most likely k of those given."""
    fitted = [_fit(known, k, modified=True) for k in regularities]
    return max(fitted, key=lambda model: model.log_likelihood)


def _fit(known: Summaries, k: int, *, modified: bool) -> PurchaseModel:
    """From each of the starts; the most likely of what they lead to."""

    def model(point: NDArray[np.float64], log_likelihood: float = np.nan) -> PurchaseModel:
        r, alpha, a, b = np.exp(point).tolist()
        return PurchaseModel(k, modified, r, alpha, a, b, log_likelihood)

    def loss(point: NDArray[np.float64]) -> float:
        return -log_likelihood(model(point), known)

    typical = np.log(max(float(np.median(known.tenure)) / (1.0 + known.frequency.mean()), 1e-3))
    starts = ([-1.4, typical - 1.0, -0.2, 0.9], [0.0, typical, -3.0, 1.0])
    bounds = [(-12.0, 12.0)] * 4
    found = [minimize(loss, np.array(s), method="L-BFGS-B", bounds=bounds) for s in starts]
    best = min(found, key=lambda result: float(result.fun))
    return model(best.x, -float(best.fun))


def log_likelihood(model: PurchaseModel, known: Summaries) -> float:
    """Of the repeats and their times, given each customer's first purchase."""
    k, r, a, b = model.k, model.r, model.a, model.b
    x, later = known.frequency, 1.0 if model.modified else 0.0
    shape = r + k * x
    gaps = gammaln(shape) - gammaln(r) + r * np.log(model.alpha)
    gaps += (k - 1) * known.log_gap_sum - x * gammaln(k)
    gaps -= shape * np.log(model.alpha + known.recency)
    stayed = betaln(a, b + x + later) - betaln(a, b)
    silent = model.log_survival(x, known.recency, known.tenure - known.recency)
    return float(np.sum(gaps + stayed + np.logaddexp(silent, model.log_prior_odds(x))))
