"""What the trainer proposes for the population's parameters; adopted by an operator, or not at all.

One record in `offbeat.model`, of which compaction keeps the newest.
"""

from typing import Annotated, Literal

import msgspec

from schemas.examples import Instant

KEY = b"proposal"

Count = Annotated[int, msgspec.Meta(ge=0)]


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """The `number`th refit, to `gaps` closed gaps of `customers` from before `until`.

    `running` and `proposed` hold the fitted parameters by name, as the workers' profile has them
    and as the fit found them; the log-likelihoods are in nats a gap, of the same gaps.
    """

    schema: Literal["offbeat.proposal.v1"] = "offbeat.proposal.v1"
    number: Annotated[int, msgspec.Meta(ge=1)]
    until: Instant
    customers: Count
    gaps: Count
    running: dict[str, float]
    proposed: dict[str, float]
    running_log_likelihood: float
    proposed_log_likelihood: float

    @property
    def gain(self) -> float:
        """Nats a gap by which the proposal explains the sample better than what runs."""
        return self.proposed_log_likelihood - self.running_log_likelihood


_DECODER = msgspec.json.Decoder(Proposal)


def decode(value: bytes) -> Proposal:
    """The record. Raises msgspec.DecodeError or its ValidationError, which names the path."""
    return _DECODER.decode(value)
