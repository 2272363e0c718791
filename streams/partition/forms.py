"""What is ordinary in an input, as arrays that the compiled pass reads.

It comes from the input's Struct, so that bounds stand in one place.
"""

from functools import cache
from math import inf
from typing import Any

import numpy as np
from msgspec import inspect
from numpy.typing import NDArray

from detectors.observations import Input
from schemas.events import EVENTS
from streams.partition.fields import COLUMNS, WORDS

# How a field is written.
ID, KEY, TIME, CURRENCY, TEXT, WORD, NUMBER, WHOLE, FLAG = range(9)
# Where it goes; the names are those of `OBSERVATION`.
_PLACES = ("", "event_time", "amount", "value", "extra", "kind", "currency")
_, EVENT_TIME, AMOUNT, VALUE, EXTRA, KIND, CODE = range(7)
# Columns of a form's fields and bounds.
NAME_START, NAME_END, TYPE, PLACE, OPTIONAL, FIRST_WORD, LAST_WORD = range(7)
LEAST, ABOVE, MOST = range(3)

FORM = np.dtype(
    [
        ("fields", "i8", (16, 7)),  # a row a field, in the contract's order
        ("bounds", "f8", (16, 3)),  # of numbers, and of texts' lengths
        ("words", "i8", (32, 2)),  # start and end of each word in `texts`
        ("texts", "u1", (512,)),  # the names, and the words of closed lists
        ("count", "i8"),  # fields
        ("required", "i8"),  # bit i: field i
    ]
)
"""What is ordinary in an input: one record, because records go from kernel to kernel for nothing.

Its bounds are far above what the contracts need; numpy refuses what does not fit.
"""


@cache
def form(source: Input) -> NDArray[np.void]:
    """What is ordinary in this input: FORM[1]."""
    struct: Any = inspect.type_info(list(EVENTS.values())[source])
    found = np.zeros(1, FORM)
    texts = ""
    words: list[tuple[int, int]] = []
    for i, described in enumerate(struct.fields):
        field = _Field(source, described)
        name = len(texts), len(texts) + len(field.name)
        texts += field.name
        first = len(words)
        for word in field.words:
            words.append((len(texts), len(texts) + len(word)))
            texts += word
        span = first, len(words)
        found["fields"][0, i] = [*name, field.type, field.place, field.optional, *span]
        found["bounds"][0, i] = field.least, field.above, field.most
    found["words"][0, : len(words)] = words
    found["texts"][0, : len(texts)] = np.frombuffer(texts.encode(), np.uint8)
    found["count"] = len(struct.fields)
    found["required"] = sum(1 << i for i, field in enumerate(struct.fields) if field.required)
    return found


class _Field:
    """A field of a Struct, as its type says."""

    def __init__(self, source: Input, field: inspect.Field) -> None:
        self.name = field.encode_name
        self.place = _PLACES.index(COLUMNS[source].get(self.name, ""))
        kinds = _kinds(field.type)
        self.optional = any(isinstance(kind, inspect.NoneType) for kind in kinds)
        plain = [kind for kind in kinds if not isinstance(kind, inspect.NoneType)]
        kind: Any = plain[0]
        self.words: tuple[str, ...] = ()
        self.least, self.above, self.most = 0.0, -inf, inf
        if len(plain) > 1:  # text or milliseconds
            self.type = TIME
        elif isinstance(kind, inspect.LiteralType):
            self.type = WORD
            self.words = WORDS[source, self.name]
        elif isinstance(kind, inspect.BoolType):
            self.type = FLAG
        elif isinstance(kind, inspect.StrType):
            self.type = {"event_id": ID, "customer_id": KEY, "currency": CURRENCY}.get(
                self.name, TEXT
            )
            self.least, self.most = kind.min_length or 0, kind.max_length or inf
        else:
            self.type = WHOLE if isinstance(kind, inspect.IntType) else NUMBER
            self.least = 0.0 if kind.ge is None else kind.ge
            self.above = -inf if kind.gt is None else kind.gt
            self.most = inf if kind.le is None else kind.le


def _kinds(kind: inspect.Type) -> list[inspect.Type]:
    """The parts of a union, at any depth, without what only describes them."""
    if isinstance(kind, inspect.Metadata):
        return _kinds(kind.type)
    if isinstance(kind, inspect.UnionType):
        return [part for one in kind.types for part in _kinds(one)]
    return [kind]
