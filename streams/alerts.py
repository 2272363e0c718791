"""Decisions as alerts: what the worker writes to its topic and `replay` to its file, byte for byte.

A decision says when and how sure; its customer's row says what is usual; the model's version says
how likely it is that they do not come back. Nothing else goes in: no clock, no place.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from detectors.engine import Decisions
from detectors.judgement.episodes import Severity, Status
from detectors.judgement.identity import alert_ids, fingerprints
from detectors.judgement.reasons import Explanation, explain_all
from detectors.learning.scorer import Scorer
from schemas.alerts import Alert, NoPurchase, Observed, Reason, Score, Usual, ValueAtRisk
from schemas.instants import rfc3339
from streams.settings import Settings, config_hash, detector_profile

_STATUSES: dict[int, Literal["opened", "updated", "resolved", "expired", "suppressed"]] = {
    Status.OPENED: "opened",
    Status.UPDATED: "updated",
    Status.RESOLVED: "resolved",
    Status.EXPIRED: "expired",
    Status.SUPPRESSED: "suppressed",
}
_SEVERITIES: dict[int, Literal["info", "warning", "error", "critical"]] = {
    Severity.INFO: "info",
    Severity.WARNING: "warning",
    Severity.ERROR: "error",
    Severity.CRITICAL: "critical",
}


class _Said(Struct, frozen=True, gc=False):
    """What an alert says beside the words."""

    customer_id: bytes
    alert_id: str
    fingerprint: str
    sequence: int
    status: int
    severity: int
    model_version: str | None
    score: Score | None


class AlertBuilder:
    """Makes alerts of one installation: its tenant, its profile, its config hash."""

    def __init__(self, settings: Settings) -> None:
        self._tenant = settings.tenant
        self._profile = detector_profile(settings)
        self._config_hash = config_hash(settings)

    def build(
        self,
        decisions: Decisions,
        customer_ids: Sequence[bytes],
        scorer_at: Callable[[float], Scorer],
    ) -> list[Alert]:
        """The alerts of these decisions, in their order; many at once cost less.

        Args:
            decisions: as the engine returns them.
            customer_ids: whose each of them is.
            scorer_at: the version of the model in effect at a decision's time.
        """
        records = decisions.records
        scorers = [scorer_at(time) for time in records["time"].tolist()]
        said = map(
            _Said,
            customer_ids,
            alert_ids(self._tenant, customer_ids, records["anchor"].tolist()),
            fingerprints(self._tenant, customer_ids, records["causes"].tolist()),
            records["sequence"].tolist(),
            records["status"].tolist(),
            records["severity"].tolist(),
            [scorer.version for scorer in scorers],
            _scores(scorers, records["features"]),
        )
        return list(
            map(self._alert, said, explain_all(records, decisions.customers, self._profile))
        )

    def _alert(self, said: _Said, why: Explanation) -> Alert:
        name, profile, score = said.customer_id.decode(), self._profile, said.score
        updated_at = rfc3339(why.updated_at)
        opened_at = updated_at
        resolved_at: str | None = updated_at
        if why.opened_at != why.updated_at:
            opened_at = rfc3339(why.opened_at)
        if why.resolved_at != why.updated_at:
            resolved_at = None if why.resolved_at is None else rfc3339(why.resolved_at)
        return Alert(
            alert_id=said.alert_id,
            sequence=said.sequence,
            status=_STATUSES[said.status],
            tenant=self._tenant,
            customer_id=name,
            dedup_key=f"offbeat/{self._tenant}/{name}",
            fingerprint=said.fingerprint,
            severity=_SEVERITIES[said.severity],
            opened_at=opened_at,
            updated_at=updated_at,
            resolved_at=resolved_at,
            risk=why.p_no_purchase if score is None else score.probability,
            confidence=why.confidence,
            p_alive=why.p_alive,
            p_no_purchase=NoPurchase(profile.horizon_days, why.p_no_purchase),
            usual=Usual(why.gap_days, why.p90_gap_days, why.n_gaps),
            observed=Observed(why.silence_days),
            value_at_risk=ValueAtRisk(why.value_at_risk, why.currency, profile.value_horizon_days),
            segment=why.segment,
            best_segment=why.best_segment,
            value_tenth=why.value_tenth,
            standing=why.standing,
            reasons=tuple(
                [
                    Reason(
                        one.code,
                        one.text,
                        one.usual,
                        one.observed,
                        one.unit,
                        one.contribution,
                        one.evidence,
                    )
                    for one in why.reasons
                ]
            ),
            suggested_action=why.suggested_action,
            suppressed_reason=why.suppressed_reason,
            model_version=said.model_version,
            config_hash=self._config_hash,
            score=score,
        )


def _scores(scorers: list[Scorer], features: NDArray[np.float32]) -> list[Score | None]:
    """What the model says of each decision; None where no version was in effect."""
    scores: list[Score | None] = [None] * len(scorers)
    for scorer in set(scorers):  # one, mostly
        if scorer.version is None:
            continue
        which = [i for i, used in enumerate(scorers) if used is scorer]
        for i, scored in zip(which, scorer.score_all(features[which]), strict=True):
            scores[i] = Score(scored.probability, scored.intercept, scored.contributions)
    return scores
