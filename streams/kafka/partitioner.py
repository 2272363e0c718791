"""Which partition a key belongs to: murmur2, as Java's producer and aiokafka's place it.

librdkafka and what is built on it (confluent-kafka, kcat, .NET, Go, PHP) place by CRC-32 unless
`partitioner` is set to `murmur2_random`.
"""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel

_SEED, _MIX = 0x9747B28C, 0x5BD1E995  # Kafka's own, `org.apache.kafka.common.utils.Utils.murmur2`
_WORD = 0xFFFFFFFF  # in int64, 32-bit products of _MIX stay below 2**63: no overflow to rely on


@kernel
def _places(
    buffer: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    partitions: int,
    out: NDArray[np.int32],
) -> None:
    for i in range(starts.shape[0]):
        pos, end = int(starts[i]), int(ends[i])
        state = (_SEED ^ (end - pos)) & _WORD
        while end - pos >= 4:
            word = (
                int(buffer[pos])
                | int(buffer[pos + 1]) << 8
                | int(buffer[pos + 2]) << 16
                | int(buffer[pos + 3]) << 24
            )
            word = (word * _MIX) & _WORD
            word ^= word >> 24
            state = ((state * _MIX) & _WORD) ^ ((word * _MIX) & _WORD)
            pos += 4
        if end > pos:
            shift = 0
            while pos < end:
                state ^= int(buffer[pos]) << shift
                shift += 8
                pos += 1
            state = (state * _MIX) & _WORD
        state ^= state >> 13
        state = (state * _MIX) & _WORD
        state ^= state >> 15
        out[i] = (state & 0x7FFFFFFF) % partitions


def places(
    buffer: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    partitions: int,
) -> NDArray[np.int32]:
    """The partition, of so many, of each key `buffer[starts[i]:ends[i]]`."""
    out = np.empty(starts.shape[0], np.int32)
    _places(buffer, starts, ends, partitions, out)
    return out
