"""What settings are made of: the forms of values, and what all groups have in common."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def written_as(pattern: str, accepted: str) -> AfterValidator:
    """A check of the form of a string, whose message says the form in words."""

    def check(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise ValueError(f"accepted: {accepted}")
        return text

    return AfterValidator(check)


Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Port = Annotated[int, Field(ge=0, le=65535)]
Bytes = Annotated[int, Field(ge=1 << 10)]
# Kafka's own rule for the names of topics.
Topic = Annotated[
    str, written_as(r"[A-Za-z0-9._-]{1,249}", "1 to 249 letters, digits, dots, dashes or _")
]
# Goes into the names of topics, into transactional ids and alert ids.
Word = Annotated[
    str, written_as(r"[A-Za-z0-9._-]{1,64}", "1 to 64 letters, digits, dots, dashes or _")
]
# What Java and librdkafka call bootstrap.servers; IPv6 in brackets.
_ADDRESS = r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):\d{1,5}"
Bootstrap = Annotated[
    str, written_as(rf"{_ADDRESS}(,{_ADDRESS})*", "host:port, or several with commas between")
]


class Group(BaseModel):
    """What all groups have in common: unknown names are refused, and nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True)
