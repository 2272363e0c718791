"""From a decision to the alert on the wire."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from detectors.engine import Decisions
from detectors.judgement.episodes import Severity, Status
from detectors.learning.names import FEATURES
from detectors.learning.scorer import Scorer
from detectors.learning.weights import DriftState, FeatureWeights, Weights
from detectors.observations import Input
from detectors.state import CustomerState
from schemas import alerts
from schemas.alerts import Alert
from streams.alerts import AlertBuilder
from streams.replay import Replay
from streams.settings import Settings, config_hash
from streams.sources.rows import Rows, sort_out

WEEK_MS = 7 * 86_400_000
START_MS = 1_767_225_600_000


def weekly(customer: str, weeks: range) -> list[bytes]:
    return [
        msgspec.json.encode(
            {
                "event_id": f"{customer}-{week}",
                "customer_id": customer,
                "event_time": START_MS + week * WEEK_MS,
                "amount": 30.0,
                "currency": "EUR",
            }
        )
        for week in weeks
    ]


def rows() -> Iterator[Rows]:
    values = sorted([*weekly("stays", range(60)), *weekly("gone", range(20))], key=_time)
    for part in sort_out(Path("x"), Input.PURCHASES, values, range(len(values))):
        assert isinstance(part, Rows)
        yield part


def _time(value: bytes) -> int:
    return int(msgspec.json.decode(value)["event_time"])


@pytest.fixture(scope="module")
def decided() -> list[tuple[CustomerState, Decisions]]:
    run = Replay(Settings()).run({Input.PURCHASES: rows()})
    return [decided for step in run for decided in step.decisions if len(decided[1].records)]


def built(
    decided: list[tuple[CustomerState, Decisions]], settings: Settings, scorer: Scorer
) -> list[Alert]:
    builder = AlertBuilder(settings)
    return [
        alert
        for state, made in decided
        for alert in builder.build(
            made,
            [state.customer_id(row) for row in made.records["row"].tolist()],
            lambda _: scorer,
        )
    ]


def model() -> Scorer:
    features = tuple(FeatureWeights(name, 0.0, 1.0, 0.1, 1.0) for name in FEATURES)
    return Scorer(Weights(features, -0.3, 2_000, 900, 0.5, 0.6, DriftState()), "v-7")


def test_who_stopped_has_an_episode_from_opening_to_churn_and_nobody_else(
    decided: list[tuple[CustomerState, Decisions]],
) -> None:
    mine = built(decided, Settings(), Scorer())
    assert {alert.customer_id for alert in mine} == {"gone"}
    assert (mine[0].status, mine[-1].status) == ("opened", "expired")
    assert [alert.sequence for alert in mine] == list(range(1, len(mine) + 1))
    assert len({alert.alert_id for alert in mine}) == 1
    opened = mine[0]
    assert opened.usual.gap_days == pytest.approx(7.0, rel=0.1)
    assert opened.usual.n_gaps == 19
    assert opened.value_at_risk.currency == "EUR"
    assert opened.reasons[0].code == "purchase_silence"
    assert opened.reasons[0].evidence == ("gone-19",)


def test_without_a_model_the_risk_is_the_static_one_and_nothing_else_is_claimed(
    decided: list[tuple[CustomerState, Decisions]],
) -> None:
    for alert in built(decided, Settings(), Scorer()):
        assert alert.risk == alert.p_no_purchase.value
        assert alert.model_version is None
        assert alert.score is None


def test_a_model_changes_risk_and_score_and_neither_id_nor_sequence_nor_status(
    decided: list[tuple[CustomerState, Decisions]],
) -> None:
    static, scored = built(decided, Settings(), Scorer()), built(decided, Settings(), model())
    for before, after in zip(static, scored, strict=True):
        assert after.score is not None
        assert after.risk == after.score.probability != before.risk
        assert after.model_version == "v-7"
        logit = np.log(after.risk / (1 - after.risk))
        total = after.score.intercept + sum(after.score.contributions.values())
        assert logit == pytest.approx(total, abs=1e-6)
        same = {"risk": 0.0, "score": None, "model_version": None}
        assert msgspec.structs.replace(before, **same) == msgspec.structs.replace(after, **same)


def test_tenant_and_configuration_are_the_installations_own(
    decided: list[tuple[CustomerState, Decisions]],
) -> None:
    settings = Settings(tenant="north", allowed_lateness_seconds=90.0)
    here, there = built(decided, Settings(), Scorer())[0], built(decided, settings, Scorer())[0]
    assert there.tenant == "north"
    assert there.dedup_key == "offbeat/north/gone"
    assert there.alert_id != here.alert_id
    assert there.config_hash == config_hash(settings) != here.config_hash


def test_every_status_and_severity_of_the_core_has_its_word_on_the_wire() -> None:
    schema = msgspec.json.schema(Alert)["$defs"]["Alert"]["properties"]
    assert [s.name.lower() for s in Status] == sorted(
        schema["status"]["enum"],
        key=["opened", "updated", "resolved", "expired", "suppressed"].index,
    )
    assert {s.name.lower() for s in Severity} == set(schema["severity"]["enum"])


def test_alerts_made_together_are_those_made_one_by_one(
    decided: list[tuple[CustomerState, Decisions]],
) -> None:
    def alone(made: Decisions, i: int) -> Decisions:
        return Decisions(made.records[i : i + 1], made.customers[i : i + 1], made.examples)

    single = [(s, alone(made, i)) for s, made in decided for i in range(len(made.records))]
    assert len(single) > len(decided)
    assert built(single, Settings(), model()) == built(decided, Settings(), model())


def test_the_bytes_on_the_wire_are_the_alert(
    decided: list[tuple[CustomerState, Decisions]],
) -> None:
    made = built(decided, Settings(), model())
    assert list(map(alerts.decode, alerts.encode_all(made))) == made
