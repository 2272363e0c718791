"""Event ids kept in the row as evidence: of the last purchase and of the last trouble."""

from detectors.compiled import Bytes, Row, kernel
from detectors.customer import ID_BYTES
from detectors.signals.effects import BOUGHT, TROUBLED

HEX = b"0123456789abcdef"
HASHED = b"xx64:"


@kernel
def copy_id(target: Bytes, ids: Bytes, start: int, end: int, hashed: int) -> int:
    """Keep an event id; its length. Above ID_BYTES: "xx64:" and its hash in hex."""
    length = end - start
    if length <= ID_BYTES:
        for i in range(length):
            target[i] = ids[start + i]
        return length
    for i in range(len(HASHED)):
        target[i] = HASHED[i]
    for i in range(16):
        target[len(HASHED) + i] = HEX[(int(hashed) >> (60 - 4 * i)) & 15]
    return len(HASHED) + 16


@kernel
def keep_id(c: Row, o: Row, ids: Bytes, effects: int) -> None:
    """Remember the observation as the last purchase or trouble, if it is one."""
    if effects & BOUGHT:
        c.purchase_id_length = copy_id(c.purchase_id, ids, o.id_start, o.id_end, o.id_hash)
    elif effects & TROUBLED:
        c.trouble_id_length = copy_id(c.trouble_id, ids, o.id_start, o.id_end, o.id_hash)
