"""Decisions as alerts: what the worker writes to its topic and `replay` to its file, byte for byte.

A decision says when and how sure; its customer's row says what is usual; the model's version says
how likely it is that they do not come back. Nothing else goes in: no clock, no place.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.engine import Decisions
from detectors.judgement.episodes import Severity, Status, alert_id, fingerprint
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


class _Said(NamedTuple):
    """What of a DECISION goes on the wire as it is."""

    time: float
    anchor: float
    risk: float
    sequence: int
    status: int
    severity: int
    causes: int


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
        """The alerts of these decisions, in their order.

        Args:
            decisions: as the engine returns them.
            customer_ids: whose each of them is.
            scorer_at: the version of the model in effect at a decision's time.
        """
        records = decisions.records
        explanations = explain_all(records, decisions.customers, self._profile)
        said = map(_Said._make, records[list(_Said._fields)].tolist())
        scorers = [scorer_at(time) for time in records["time"].tolist()]
        scores = _scores(scorers, records["features"])
        return [
            self._alert(*parts)
            for parts in zip(said, explanations, customer_ids, scorers, scores, strict=True)
        ]

    def _alert(
        self,
        said: _Said,
        why: Explanation,
        customer_id: bytes,
        scorer: Scorer,
        score: Score | None,
    ) -> Alert:
        name = customer_id.decode()
        return Alert(
            alert_id=alert_id(self._tenant, customer_id, said.anchor),
            sequence=said.sequence,
            status=_STATUSES[said.status],
            tenant=self._tenant,
            customer_id=name,
            dedup_key=f"offbeat/{self._tenant}/{name}",
            fingerprint=fingerprint(self._tenant, customer_id, said.causes),
            severity=_SEVERITIES[said.severity],
            opened_at=rfc3339(why.opened_at),
            updated_at=rfc3339(why.updated_at),
            resolved_at=None if why.resolved_at is None else rfc3339(why.resolved_at),
            risk=said.risk if score is None else score.probability,
            confidence=why.confidence,
            p_alive=why.p_alive,
            p_no_purchase=NoPurchase(
                horizon_days=why.p_no_purchase.horizon_days, value=why.p_no_purchase.value
            ),
            usual=Usual(
                gap_days=why.usual.gap_days,
                p90_gap_days=why.usual.p90_gap_days,
                n_gaps=why.usual.n_gaps,
            ),
            observed=Observed(silence_days=why.observed.silence_days),
            value_at_risk=ValueAtRisk(
                amount=why.value_at_risk.amount,
                currency=why.value_at_risk.currency,
                horizon_days=why.value_at_risk.horizon_days,
            ),
            segment=why.segment,
            best_segment=why.best_segment,
            value_tenth=why.value_tenth,
            standing=why.standing,
            reasons=tuple(
                Reason(
                    code=reason.code,
                    text=reason.text,
                    usual=reason.usual,
                    observed=reason.observed,
                    unit=reason.unit,
                    contribution=reason.contribution,
                    evidence=reason.evidence,
                )
                for reason in why.reasons
            ),
            suggested_action=why.suggested_action,
            suppressed_reason=why.suppressed_reason,
            model_version=scorer.version,
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
            scores[i] = Score(
                probability=scored.probability,
                intercept=scored.intercept,
                contributions=dict(scored.contributions),
            )
    return scores
