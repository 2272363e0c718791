"""The examples in the catalogue, the decoders and the JSON Schemas say the same."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

import schemas
from schemas import alerts, changelog, examples, feedback, model
from schemas.decode import read, read_customer
from schemas.events import CUSTOMERS, INCOMING, CustomerRecord, Event
from schemas.export import RECORDS, json_schema
from schemas.rejections import Rejected

CATALOGUE = Path(schemas.__file__).parent / "catalogue"
OUTPUTS: dict[str, tuple[str, Callable[[bytes], Any]]] = {
    "alerts": ("alert", alerts.decode),
    "feedback": ("feedback", feedback.decode),
    "examples": ("example", examples.decode),
    "model": ("model", model.decode),
    "state-changelog": ("partition", changelog.decode_partition),
}
# What a JSON Schema cannot say: CloudEvents envelopes, days that do not exist, numbers that no
# float64 holds, and what is no JSON text at all.
BEYOND_SCHEMA = {
    "purchases/good/cloudevents_structured",
    "purchases/bad/invalid_time.not_a_day",
    "purchases/bad/out_of_bounds.infinite_amount",
    "purchases/bad/malformed_json",
    "purchases/bad/malformed_json.nan",
}


def _files(kind: str, topics: Any) -> list[Any]:
    files = sorted(path for topic in topics for path in (CATALOGUE / topic / kind).glob("*.json"))
    return [
        pytest.param(path, id=str(path.relative_to(CATALOGUE).with_suffix(""))) for path in files
    ]


def _topic(path: Path) -> str:
    return path.parent.parent.name


def _key(value: bytes) -> bytes:
    """The key that a producer would have set; whatever it is where the value does not say."""
    try:
        event = json.loads(value)
        return str(event.get("data", event)["customer_id"]).encode()
    except (ValueError, KeyError, AttributeError):
        return b"c-81"


def _read(topic: str, value: bytes) -> Event | CustomerRecord | None:
    if topic == CUSTOMERS:
        return read_customer(_key(value), value, [])
    return read(topic, _key(value), value, [])


@pytest.mark.parametrize("path", _files("good", INCOMING))
def test_a_good_event_is_read(path: Path) -> None:
    value = path.read_bytes()
    event = _read(_topic(path), value)
    assert isinstance(event, INCOMING[_topic(path)])


@pytest.mark.parametrize("path", _files("bad", INCOMING))
def test_a_bad_event_is_refused_for_the_reason_in_its_name(path: Path) -> None:
    value = path.read_bytes()
    with pytest.raises(Rejected) as caught:
        _read(_topic(path), value)
    assert caught.value.reason == path.name.split(".")[0]
    what, _, accepted = str(caught.value).partition("; accepted: ")
    assert what.startswith(caught.value.path)
    assert accepted


@pytest.mark.parametrize("path", _files("good", OUTPUTS))
def test_a_good_output_is_read(path: Path) -> None:
    assert OUTPUTS[_topic(path)][1](path.read_bytes())


@pytest.mark.parametrize("path", _files("bad", OUTPUTS))
def test_a_bad_output_is_refused_with_its_path(path: Path) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"at `\$|required field"):
        OUTPUTS[_topic(path)][1](path.read_bytes())


@pytest.mark.parametrize(
    "path", _files("good", [*INCOMING, *OUTPUTS]) + _files("bad", [*INCOMING, *OUTPUTS])
)
def test_the_json_schema_agrees_with_the_decoder(path: Path) -> None:
    name = str(path.relative_to(CATALOGUE).with_suffix(""))
    if name in BEYOND_SCHEMA:
        return
    schemas_of = {struct: record for record, struct in RECORDS.items()}
    topic = _topic(path)
    record = OUTPUTS[topic][0] if topic in OUTPUTS else schemas_of[INCOMING[topic]]
    checker = jsonschema.Draft202012Validator(json_schema(record))
    assert checker.is_valid(json.loads(path.read_bytes())) == (path.parent.name == "good")


def test_each_topic_has_good_and_bad_examples() -> None:
    for topic in [*INCOMING, *OUTPUTS]:
        assert _files("good", [topic])
        assert _files("bad", [topic])


def test_this_version_reads_an_alert_of_version_1_field_by_field() -> None:
    frozen = json.loads((CATALOGUE / "alerts/good/v1.json").read_bytes())
    alert = alerts.decode((CATALOGUE / "alerts/good/v1.json").read_bytes())
    assert _within(frozen, json.loads(alerts.encode_all([alert])[0]))


def test_no_field_was_added_to_the_alert_without_a_default() -> None:
    frozen = json.loads((CATALOGUE / "alerts/good/v1.json").read_bytes())
    definitions = json_schema("alert")["$defs"]
    parts = {
        "Alert": frozen,
        "NoPurchase": frozen["p_no_purchase"],
        "Usual": frozen["usual"],
        "Observed": frozen["observed"],
        "ValueAtRisk": frozen["value_at_risk"],
        "Reason": frozen["reasons"][0],
    }
    later = {"Score"}  # parts of fields that came after v1: they have no older reader
    assert set(parts) == set(definitions) - later
    for name, part in parts.items():
        assert set(definitions[name].get("required", [])) <= set(part)


def test_an_alert_of_a_later_version_is_read_without_its_new_fields() -> None:
    later = alerts.decode((CATALOGUE / "alerts/good/from_a_later_version.json").read_bytes())
    assert later == alerts.decode((CATALOGUE / "alerts/good/v1.json").read_bytes())


def _within(small: Any, large: Any) -> bool:
    """Whether all of one JSON value is, unchanged, in the other, which may have more fields."""
    if isinstance(small, dict):
        return all(key in large and _within(value, large[key]) for key, value in small.items())
    if isinstance(small, list):
        return len(small) == len(large) and all(map(_within, small, large))
    return bool(small == large)
