"""How events are taken in: what is too bad to go on, and who waits for whom."""

from pydantic import Field

from streams.settings_groups.forms import Bytes, Group, Seconds


class Dlq(Group):
    """When there are too many dead letters to go on; see docs/dead-letters.md."""

    # A wrong schema refuses everything; a producer of several that has gone wrong, its share.
    limit: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        allow_inf_nan=False,
        description="share of an input's last records above which a worker stops; 0: never",
    )
    # At 500 letters a mistake is plain, and so few are sent again in a moment.
    window: int = Field(
        default=1000,
        ge=10,
        le=1_000_000,
        description="records of an input's partition that the share is taken of",
    )


class Alignment(Group):
    """How far an input may run ahead of the slowest of its partition before it is paused."""

    # A day of event time is much in live traffic and little in a replay of years.
    ahead_seconds: Seconds = Field(default=86400.0, description="of event time")
    # What a partition may hold back in memory, all inputs together.
    ahead_bytes: Bytes = Field(default=32 << 20, description="of waiting events, a partition")
