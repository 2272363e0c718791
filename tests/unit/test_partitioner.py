"""murmur2 of keys, held against aiokafka's and against what Java's client says."""

import numpy as np
import pytest
from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.partitioner import places
from streams.sources.kafka import partition_of

# Of org.apache.kafka.common.utils.UtilsTest.testMurmur2, as unsigned 32-bit numbers modulo 2**31
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


def placed(keys: list[bytes], partitions: int) -> list[int]:
    data = np.frombuffer(b"\xff" + b"".join(keys), np.uint8)
    ends = 1 + np.cumsum([len(key) for key in keys], dtype=np.int64)
    starts = ends - np.array([len(key) for key in keys], np.int64)
    return list(map(int, places(data, starts, ends, partitions)))


@pytest.mark.parametrize("key", JAVA)
def test_a_key_is_placed_as_javas_client_places_it(key: bytes) -> None:
    assert placed([key], 2**31 - 1) == [(JAVA[key] & 0x7FFFFFFF) % (2**31 - 1)]


@given(st.lists(st.binary(max_size=40), max_size=20), st.integers(1, 4096))
def test_keys_are_placed_as_aiokafka_places_them(keys: list[bytes], partitions: int) -> None:
    assert placed(keys, partitions) == [(murmur2(key) & 0x7FFFFFFF) % partitions for key in keys]
    assert placed(keys, partitions) == [partition_of(key, partitions) for key in keys]
