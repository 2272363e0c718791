"""The contracts for programs: JSON Schema 2020-12 of each record, and AsyncAPI 3 over all topics.

Generated from the Structs and the topic specs, so they say what the code does.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from schemas.alerts import Alert
from schemas.changelog import PARTITION_KEY, PartitionRecord
from schemas.dead_letters import HEADER_NAMES, REDRIVEN, REDRIVEN_FROM, RejectReason
from schemas.events import CUSTOMERS, EVENTS, CustomerRecord
from schemas.examples import Example
from schemas.feedback import Feedback
from schemas.model import Model
from schemas.proposals import KEY as PROPOSAL_KEY
from schemas.proposals import Proposal
from schemas.reroutes import REROUTED
from schemas.samples import SAMPLING_KEY, Sample, SampledCustomer, Sampling
from schemas.topics import TopicSpec, topic_specs

Json = dict[str, Any]

RECORDS: dict[str, type] = {
    **{event.__name__.lower(): event for event in EVENTS.values()},
    "customer-record": CustomerRecord,
    "alert": Alert,
    "feedback": Feedback,
    "example": Example,
    "sample": Sample,
    "model": Model,
    "proposal": Proposal,
    "sampled-customer": SampledCustomer,
    "sampling": Sampling,
    "partition": PartitionRecord,
}
"""Every record that is JSON, by the name of its schema."""

VERSION = "1"  # of the contracts together; the records carry their own
_BINDING = "0.5.0"  # of AsyncAPI's Kafka bindings
_REDRIVEN_FROM = (
    "once for each time that it was sent again: topic/partition/offset of the dead letter"
)
_WHOLE_NUMBERS = (
    "retention.ms",
    "delete.retention.ms",
    "min.compaction.lag.ms",
    "max.compaction.lag.ms",
)


def documents(
    prefix: str = "offbeat", inputs: Sequence[str] = tuple(EVENTS), customers: str = CUSTOMERS
) -> dict[str, bytes]:
    """File names and contents: `<record>.schema.json` for each record, and `asyncapi.json`."""
    files: dict[str, Json] = {f"{name}.schema.json": json_schema(name) for name in RECORDS}
    files["asyncapi.json"] = asyncapi(prefix, inputs, customers)
    return {name: _pretty(document) for name, document in files.items()}


def json_schema(name: str) -> Json:
    """The JSON Schema of one of `RECORDS`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:offbeat:schema:{name}",
        **msgspec.json.schema(RECORDS[name]),
    }


def asyncapi(prefix: str, inputs: Sequence[str], customers: str = CUSTOMERS) -> Json:
    """One AsyncAPI document: a channel a topic, the records in it, and who sends them."""
    _, schemas = msgspec.json.schema_components(
        RECORDS.values(), ref_template="#/components/schemas/{name}"
    )
    channels: Json = {}
    operations: Json = {}
    for channel, spec, messages in _channels(topic_specs(prefix, inputs, customers)):
        channels[channel] = _channel(spec, messages)
        to_us = spec.owner == "producers"
        operations[f"{'receive' if to_us else 'send'}-{channel}"] = {
            "action": "receive" if to_us else "send",
            "channel": {"$ref": f"#/channels/{channel}"},
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "offbeat",
            "version": VERSION,
            "description": "Notices, as it happens, that a customer has fallen off their own beat.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": _messages(), "schemas": schemas},
    }


def _channels(specs: Sequence[TopicSpec]) -> list[tuple[str, TopicSpec, list[str]]]:
    """Each topic: the channel's name, whatever the topic is called; its spec; its messages."""
    contents = {
        "customers": ["customer-record", "customer-tombstone"],
        "alerts": ["alert", "erased"],
        "at-risk": ["alert", "no-longer-at-risk"],
        "feedback": ["feedback", "erased"],
        "examples": ["example", "sample"],
        "model": ["model", "proposal", "sampled-customer", "sampling"],
        "state-changelog": ["customer", "erased", "partition"],
    }
    names = {"input": iter(EVENTS), "dead letters": iter([*EVENTS, CUSTOMERS])}
    channels = []
    for spec in specs:
        if spec.role == "input":
            name = next(names["input"])
            channels.append((name, spec, [EVENTS[name].__name__.lower()]))
        elif spec.role == "dead letters":
            channels.append(
                (f"{next(names['dead letters'])}-dlq", spec, ["dead-letter", "redrive-mark"])
            )
        else:
            channels.append((spec.role, spec, contents[spec.role]))
    return channels


def _channel(spec: TopicSpec, messages: list[str]) -> Json:
    configuration: Json = {"cleanup.policy": spec.cleanup.split(",")}
    for setting in _WHOLE_NUMBERS:
        if setting in spec.configs:
            configuration[setting] = int(spec.configs[setting])
    kafka: Json = {"topicConfiguration": configuration, "bindingVersion": _BINDING}
    if isinstance(spec.partitions, int):
        kafka["partitions"] = spec.partitions
    return {
        "address": spec.name,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"kafka": kafka},
    }


def _messages() -> Json:
    customer = "customer_id, UTF-8"
    messages = {
        event.__name__.lower(): {
            **_message(event.__name__, customer),
            "headers": _texts(
                {
                    "ce_specversion": "1.0, for CloudEvents in binary mode",
                    "ce_id": "stands in for an event_id that the value lacks",
                    "ce_time": "stands in for an event_time that the value lacks",
                    REROUTED: "written by offbeat: partition/offset where it lay before",
                    REDRIVEN_FROM: _REDRIVEN_FROM,
                }
            ),
        }
        for event in EVENTS.values()
    }
    return messages | {
        "dead-letter": {
            "summary": "A record that could not be read: its key, bytes and headers as they were.",
            "description": "; ".join(f"{reason}: {reason.meaning}" for reason in RejectReason),
            "contentType": "application/octet-stream",
            "headers": _texts({**HEADER_NAMES, REDRIVEN_FROM: _REDRIVEN_FROM}),
            "payload": {},
        },
        "redrive-mark": {
            "summary": "Not a dead letter: it says which of its partition were sent again.",
            "headers": _texts({REDRIVEN: "their offsets, as in 3-5,9"}),
            "payload": {"type": "null"},
        },
        "alert": _message("Alert", customer),
        "no-longer-at-risk": {
            "summary": "A tombstone: the customer's episode has closed, or they were erased.",
            "payload": {"type": "null"},
            "bindings": _key(customer),
        },
        "erased": {
            "summary": "A tombstone: the customer was erased. Forget what came before it.",
            "payload": {"type": "null"},
            "bindings": _key(customer),
        },
        "customer-record": _message("CustomerRecord", customer),
        "customer-tombstone": {
            "summary": "Nothing more is known of the customer beside their events; erases nothing.",
            "payload": {"type": "null"},
            "bindings": _key(customer),
        },
        "feedback": _message("Feedback", customer),
        "example": {"payload": {"$ref": "#/components/schemas/Example"}},
        "sample": _message("Sample", "'sample/', and the partition's number"),
        "model": _message("Model", "the version's place on the grid of event time"),
        "proposal": _message("Proposal", repr(PROPOSAL_KEY.decode())),
        "sampled-customer": _message("SampledCustomer", "'sampled/', and the customer in hex"),
        "sampling": _message("Sampling", repr(SAMPLING_KEY.decode())),
        "customer": {
            "summary": "A customer's row: offbeat's own layout, for its recovery alone.",
            "contentType": "application/octet-stream",
            "payload": {},
            "bindings": _key(customer),
        },
        "partition": _message("PartitionRecord", repr(PARTITION_KEY.decode())),
    }


def _message(schema: str, key: str) -> Json:
    return {
        "payload": {"$ref": f"#/components/schemas/{schema}"},
        "bindings": _key(key),
    }


def _key(meaning: str) -> Json:
    key = {"type": "string", "description": meaning}
    return {"kafka": {"key": key, "bindingVersion": _BINDING}}


def _texts(meanings: dict[str, str]) -> Json:
    properties = {
        name: {"type": "string", "description": meaning} for name, meaning in meanings.items()
    }
    return {"type": "object", "properties": properties}


def _pretty(document: Json) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
