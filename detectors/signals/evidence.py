"""Event ids kept in the row: those of the last purchase and of the last trouble, as evidence, and
marks of the last few, by which is known what is sent again.
"""

import numpy as np

from detectors.compiled import Bytes, Row, kernel
from detectors.customer import ID_BYTES, RECENT_IDS
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


@kernel
def seen_before(c: Row, o: Row) -> bool:
    """Whether the observation's id is among the customer's last; if not, it is from now on."""
    if o.id_hash == np.uint64(0):
        return False
    # one id may name a purchase and its payment: the input is part of what is remembered
    mark = np.uint32((o.id_hash >> np.uint64(32)) ^ np.uint64(o.input))
    if mark == np.uint32(0):
        mark = np.uint32(1)
    for i in range(RECENT_IDS):
        if c.recent_ids[i] == mark:
            return True
    c.recent_ids[int(c.recent_position)] = mark
    c.recent_position = (int(c.recent_position) + 1) % RECENT_IDS
    return False
