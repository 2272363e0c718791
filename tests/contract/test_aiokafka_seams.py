"""The private parts of aiokafka that columns and finished batches stand on."""

import inspect
import re

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.consumer import fetcher
from aiokafka.consumer.subscription_state import TopicPartitionState
from aiokafka.producer.message_accumulator import BatchBuilder, MessageBatch
from aiokafka.producer.transaction_manager import TransactionManager
from aiokafka.protocol.admin import DescribeGroupsRequest_v3, DescribeGroupsResponse_v3
from aiokafka.protocol.metadata import MetadataRequest

from streams.kafka.batches import FinishedBatch
from streams.kafka.fetcher import ColumnarRecords, RawRecords
from streams.kafka.rights import TopicRightsRequestV8


def test_the_fetcher_looks_both_classes_up_in_its_module() -> None:
    source = inspect.getsource(fetcher.Fetcher._proc_fetch_request)
    assert "MemoryRecords(part_data[-1])" in source
    assert "PartitionRecords(" in source
    for argument in ("tp,", "records,", "aborted_transactions,", "fetch_offset,"):
        assert argument in source


def test_a_fetch_result_asks_only_what_columnar_records_answer() -> None:
    source = inspect.getsource(fetcher.FetchResult)
    asked = set(re.findall(r"self\._partition_records\.(\w+)", source))
    assert asked == {"next_fetch_offset"}
    assert {"__iter__", "__next__"} <= set(dir(ColumnarRecords))


def test_raw_records_answer_what_the_fetcher_asks() -> None:
    source = inspect.getsource(fetcher.Fetcher._proc_fetch_request)
    asked = set(re.findall(r"\brecords\.(\w+)", source)) - {"append"}
    assert asked == {"has_next", "size_in_bytes"}
    assert asked <= set(dir(RawRecords))


def test_the_consumer_hands_over_what_is_set_before_its_start() -> None:
    source = inspect.getsource(AIOKafkaConsumer.start)
    for attribute in ("_value_deserializer", "_isolation_level", "_fetch_max_wait_ms"):
        assert f"self.{attribute}" in source


def test_the_end_of_a_partition_is_kept_beside_its_position() -> None:
    assert "highwater" in inspect.getsource(TopicPartitionState)


def test_a_finished_batch_answers_all_that_the_producer_asks() -> None:
    source = inspect.getsource(MessageBatch)
    asked = set(re.findall(r"self\._builder\.(\w+)", source)) - {"append"}
    assert asked <= set(dir(FinishedBatch))
    assert asked <= set(dir(BatchBuilder))


def test_a_refused_transaction_keeps_its_reason() -> None:
    for method in (TransactionManager.error_transaction, TransactionManager.fatal_error):
        assert "self._transaction_waiter.set_exception(exc)" in inspect.getsource(method)
    assert "self._txn_manager = " in inspect.getsource(AIOKafkaProducer.__init__)


def test_rights_are_read_from_answers_that_have_them() -> None:
    """Both requests stand in for aiokafka's own; when it has them, use its."""
    assert MetadataRequest._CLASSES[-1].API_VERSION < TopicRightsRequestV8.API_VERSION
    assert DescribeGroupsRequest_v3.RESPONSE_TYPE is not DescribeGroupsResponse_v3
