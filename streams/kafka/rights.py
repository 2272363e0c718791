"""Requests that aiokafka 0.14 does not have, or has wrong: what is this user allowed (KIP-430)?"""

from aiokafka.protocol.admin import DescribeGroupsRequest_v3, DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String


class TopicRightsV8(Response):
    """Metadata's answer, version 8."""

    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            Array(
                ("node_id", Int32),
                ("host", String("utf-8")),
                ("port", Int32),
                ("rack", String("utf-8")),
            ),
        ),
        ("cluster_id", String("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String("utf-8")),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("cluster_authorized_operations", Int32),
    )


class TopicRightsRequestV8(RequestStruct):
    """Metadata's request, version 8."""

    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = TopicRightsV8
    SCHEMA = Schema(
        ("topics", Array(String("utf-8"))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class TopicRightsRequest(Request[TopicRightsRequestV8]):
    """Metadata of version 8 (KIP-430), which aiokafka does not have."""

    API_KEY = 3

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[TopicRightsRequestV8]) -> TopicRightsRequestV8:
        return request_struct_class(self._topics, False, False, True)


class GroupRightsRequestV3(DescribeGroupsRequest_v3):
    """aiokafka reads the answer as one of version 2, which lacks the rights."""

    RESPONSE_TYPE = DescribeGroupsResponse_v3


class GroupRightsRequest(Request[GroupRightsRequestV3]):
    """What may be done with a group."""

    API_KEY = 15

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: type[GroupRightsRequestV3]) -> GroupRightsRequestV3:
        return request_struct_class([self._group], True)
