"""The population's parameters anew, from the sample of purchases: a proposal, never a decision."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from detectors.lab.fit import PARAMETERS, Likelihood, fit
from detectors.lab.histories import Histories, Whole
from detectors.profile import Profile
from schemas.proposals import Proposal


@dataclass(frozen=True, slots=True)
class Refit:
    """What a refit is made from, taken at once: the reservoir may go on."""

    number: int
    until: float  # seconds since the epoch
    histories: Histories
    earlier: Whole  # purchases of each customer before the histories begin


def proposal(refit: Refit, running: Profile, going_on: Callable[[], None]) -> Proposal:
    """Fit, and compare with what runs. Takes seconds to minutes; the same input, the same result.

    `going_on` is called now and then; what it raises ends the fit. Raises ValueError if there are
    too few gaps.
    """
    found = fit(refit.histories, running, refit.earlier, going_on)
    likelihood = Likelihood(refit.histories, refit.earlier)
    return Proposal(
        number=refit.number,
        until=datetime.fromtimestamp(refit.until, UTC),
        customers=likelihood.customers,
        gaps=likelihood.gaps,
        running=fitted(running),
        proposed=fitted(found),
        running_log_likelihood=likelihood(running) / likelihood.gaps,
        proposed_log_likelihood=likelihood(found) / likelihood.gaps,
    )


def fitted(profile: Profile) -> dict[str, float]:
    """The parameters that a fit sets, by name."""
    return {p.field: float(getattr(profile, p.field)) for p in PARAMETERS}
