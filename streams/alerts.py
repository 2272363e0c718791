"""Decisions as alerts: what the worker writes to its topic and `replay` to its file, byte for byte.

A decision says when and how sure; its customer's row says what is usual; the model's version says
how likely it is that they do not come back. Nothing else goes in: no clock, no place.
"""

from typing import Any, Literal

from detectors.judgement.episodes import Severity, Status, alert_id, fingerprint
from detectors.judgement.reasons import explain
from detectors.learning.scorer import Scorer
from schemas import alerts
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


def is_open(record: Any) -> bool:
    """Whether the customer is at risk after this decision (a record of DECISION)."""
    return record["status"] in (Status.OPENED, Status.UPDATED)


class AlertBuilder:
    """Makes alerts of one installation: its tenant, its profile, its config hash."""

    def __init__(self, settings: Settings) -> None:
        self._tenant = settings.tenant
        self._profile = detector_profile(settings)
        self._config_hash = config_hash(settings)

    def encode(self, record: Any, customer: Any, customer_id: bytes, scorer: Scorer) -> bytes:
        """The alert's bytes on the wire."""
        return alerts.encode(self.build(record, customer, customer_id, scorer))

    def build(self, record: Any, customer: Any, customer_id: bytes, scorer: Scorer) -> Alert:
        """The alert of one decision.

        Args:
            record: a record of DECISION.
            customer: the row beside it, a record of CUSTOMER, as it was when decided.
            scorer: the version of the model that is in effect at the decision's time.
        """
        said = explain(record, customer, self._profile)
        score = _score(record, scorer)
        name = customer_id.decode()
        return Alert(
            alert_id=alert_id(self._tenant, customer_id, float(record["anchor"])),
            sequence=int(record["sequence"]),
            status=_STATUSES[int(record["status"])],
            tenant=self._tenant,
            customer_id=name,
            dedup_key=f"offbeat/{self._tenant}/{name}",
            fingerprint=fingerprint(self._tenant, customer_id, int(record["causes"])),
            severity=_SEVERITIES[int(record["severity"])],
            opened_at=rfc3339(said.opened_at),
            updated_at=rfc3339(said.updated_at),
            resolved_at=None if said.resolved_at is None else rfc3339(said.resolved_at),
            risk=float(record["risk"]) if score is None else score.probability,
            confidence=said.confidence,
            p_alive=said.p_alive,
            p_no_purchase=NoPurchase(
                horizon_days=said.p_no_purchase.horizon_days, value=said.p_no_purchase.value
            ),
            usual=Usual(
                gap_days=said.usual.gap_days,
                p90_gap_days=said.usual.p90_gap_days,
                n_gaps=said.usual.n_gaps,
            ),
            observed=Observed(silence_days=said.observed.silence_days),
            value_at_risk=ValueAtRisk(
                amount=said.value_at_risk.amount,
                currency=said.value_at_risk.currency,
                horizon_days=said.value_at_risk.horizon_days,
            ),
            segment=said.segment,
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
                for reason in said.reasons
            ),
            suggested_action=said.suggested_action,
            suppressed_reason=None,
            model_version=scorer.version,
            config_hash=self._config_hash,
            score=score,
        )


def _score(record: Any, scorer: Scorer) -> Score | None:
    """What the model says of the decision; None while no version is in effect."""
    if scorer.version is None:
        return None
    scored = scorer.score(record["features"], float(record["features"][0]))
    return Score(
        probability=scored.probability,
        intercept=scored.intercept,
        contributions=dict(scored.contributions),
    )
