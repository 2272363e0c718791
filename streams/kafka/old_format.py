"""Message formats v0 and v1, of logs from before Kafka 0.11: records, or an error, and no third.

Not by aiokafka's own reader: its compiled form trusts the lengths within a message and reads
wherever they point, its uncompiled one can run in circles.
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

SHORTEST = 26  # bytes of a v0 message, key and value null
_OVERHEAD = 12  # offset and length, which the length does not count
_CRC_FROM = 16
_FIELDS = struct.Struct(">qiIbb")  # offset, length, checksum, format, attributes
_TIME, _SIZE = struct.Struct(">q"), struct.Struct(">i")
_CODEC, _LOG_APPEND_TIME = 0x07, 0x08
# gzip and snappy; and lz4, whose frames in v0 have a checksum of their own making (KAFKA-3160)
_CODECS = ((1, 2), (1, 2, 3))

Codecs = Mapping[int, Callable[[bytes], bytes]]


class OldRecord(NamedTuple):
    """`time` in ms since the epoch, -1 where the format has none."""

    offset: int
    time: int
    key: bytes | None
    value: bytes | None


class _Message(NamedTuple):
    offset: int
    magic: int
    attributes: int
    time: int
    key: bytes | None
    value: bytes | None


def old_records(data: bytes, decoders: Codecs) -> Iterator[OldRecord]:
    """The records of a run of messages, of which some may hold others compressed.

    Raises ValueError or struct.error at the first that is damaged.
    """
    for outer in _messages(data):
        codec_id = outer.attributes & _CODEC
        if not codec_id:
            yield OldRecord(outer.offset, outer.time, outer.key, outer.value)
            continue
        # lz4 frames of v0 have a checksum of their own making (KAFKA-3160)
        if codec_id not in _CODECS[outer.magic] or outer.value is None:
            raise ValueError(f"compression {codec_id} in a message of format v{outer.magic}")
        try:
            inner = list(_messages(bytes(decoders[codec_id](outer.value))))
        except Exception as error:  # the codecs' own errors differ by library
            raise ValueError(f"it does not decompress: {error}") from error
        # in v1 they count from 0, and a broker gives the message around them the last one's offset
        base = max(outer.offset - inner[-1].offset, 0) if outer.magic and inner else 0
        for one in inner:
            if one.attributes & _CODEC:
                raise ValueError("it is compressed twice")
            time = outer.time if outer.attributes & _LOG_APPEND_TIME else one.time
            yield OldRecord(base + one.offset, time, one.key, one.value)


def _messages(data: bytes) -> Iterator[_Message]:
    at = 0
    while at < len(data):
        offset, size, crc, magic, attributes = _FIELDS.unpack_from(data, at)
        end = at + _OVERHEAD + size
        if size < SHORTEST - _OVERHEAD or end > len(data):
            raise ValueError("a message runs past its end")
        if zlib.crc32(data[at + _CRC_FROM : end]) != crc:
            raise ValueError("wrong checksum")
        if magic not in (0, 1):
            raise ValueError(f"unknown message format {magic}")
        pos, time = at + _FIELDS.size, -1
        if magic:
            (time,) = _TIME.unpack_from(data, pos)
            pos += _TIME.size
        key, pos = _part(data, pos, end)
        value, pos = _part(data, pos, end)
        if pos != end:
            raise ValueError("a message does not end where it says")
        yield _Message(offset, magic, attributes, time, key, value)
        at = end


def _part(data: bytes, pos: int, end: int) -> tuple[bytes | None, int]:
    (size,) = _SIZE.unpack_from(data, pos)
    pos += _SIZE.size
    if size < 0:
        return None, pos
    if size > end - pos:
        raise ValueError("a key or value runs past its message")
    return data[pos : pos + size], pos + size
