"""The documents for programs."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from schemas.export import RECORDS, documents
from schemas.topics import topic_specs

DOCUMENTS = documents()
ASYNCAPI = json.loads(DOCUMENTS["asyncapi.json"])


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


@pytest.mark.parametrize("record", sorted(RECORDS))
def test_each_record_has_a_valid_json_schema(record: str) -> None:
    schema = json.loads(DOCUMENTS[f"{record}.schema.json"])
    assert schema["$schema"].endswith("2020-12/schema")
    jsonschema.Draft202012Validator.check_schema(schema)


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    references = list(_references(ASYNCAPI))
    assert references
    for reference in references:
        node = ASYNCAPI
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def test_every_topic_is_a_channel_and_has_an_operation() -> None:
    addresses = {channel["address"] for channel in ASYNCAPI["channels"].values()}
    assert addresses == {spec.name for spec in topic_specs(customers="customers")}
    used = {operation["channel"]["$ref"] for operation in ASYNCAPI["operations"].values()}
    assert used == {f"#/channels/{channel}" for channel in ASYNCAPI["channels"]}


def test_every_message_is_in_a_channel_and_every_record_in_a_message() -> None:
    references = set(_references(ASYNCAPI))
    for message in ASYNCAPI["components"]["messages"]:
        assert f"#/components/messages/{message}" in references
    for record in RECORDS.values():
        assert f"#/components/schemas/{record.__name__}" in references


def test_offbeat_receives_the_inputs_and_sends_everything_else() -> None:
    received = {name for name, o in ASYNCAPI["operations"].items() if o["action"] == "receive"}
    assert received == {
        "receive-purchases",
        "receive-visits",
        "receive-payments",
        "receive-support",
        "receive-customers",
    }


def test_channels_keep_their_names_when_topics_are_called_otherwise() -> None:
    other = json.loads(documents("acme", ("a", "b", "c", "d"))["asyncapi.json"])
    assert other["channels"].keys() == ASYNCAPI["channels"].keys()
    assert other["channels"]["visits-dlq"]["address"] == "b.dlq"
    assert other["channels"]["alerts"]["address"] == "acme.alerts"


def test_the_documents_are_the_same_each_time() -> None:
    assert documents() == DOCUMENTS
