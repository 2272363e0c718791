"""What is decided: when silence counts, what is held back, and what the model waits for."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from streams import calendar
from streams.settings_groups.forms import Amount, Group, written_as


class Policy(Group):
    """What is held back rather than announced; all off by default. See docs/policy.md."""

    win_back_price: Amount = Field(
        default=0.0, description="who is worth less is not won back; 0: everybody is"
    )
    win_back_currency: Annotated[
        str, written_as(r"([A-Z]{3})?", "three capital letters, as in EUR")
    ] = Field(
        default="", description="of that price; customers who pay in another are not held back"
    )
    win_back_medians: Amount = Field(
        default=0.0,
        description="the same in multiples of the median customer's value, any currency",
    )
    cooldown_days: Amount = Field(
        default=0.0, description="after an episode, nothing that is not more severe is announced"
    )
    alerts_per_day: Amount = Field(
        default=0.0,
        description="opened a segment, all partitions together; 0: as many as there are",
    )

    @model_validator(mode="after")
    def _priced(self) -> Self:
        if self.win_back_price > 0 and not self.win_back_currency:
            raise ValueError("win_back_price needs win_back_currency, as in EUR")
        return self


Weights = tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...]


class Calendar(Group):
    """When customers may be expected: silence is not counted in closed time."""

    time_zone: Annotated[str, AfterValidator(calendar.checked_zone)] = Field(
        default="UTC", description="IANA name of the zone that all of this is meant in"
    )
    opening: tuple[str, ...] = Field(
        default=(), description=f"opening hours: {calendar.OPENING}; none: always open"
    )
    day_weights: Weights = Field(
        default=(), description="how much is bought on each day, 7 from Monday on; none: the same"
    )
    hour_weights: Weights = Field(
        default=(), description="how much is bought in each hour of a day, 24; none: the same"
    )
    country: str | None = Field(
        default=None, description="ISO 3166 code; its public holidays are closed"
    )
    region: str | None = Field(default=None, description="part of that country, such as BY")
    closed: tuple[str, ...] = Field(
        default=(), description=f"more closed periods, the last day included: {calendar.CLOSED}"
    )
    # Off: then no decision depends on other customers, nor on how they are spread over partitions.
    learn: bool = Field(
        default=False,
        description="learn the hours of the week from what is bought when, in each partition",
    )

    @field_validator("opening")
    @classmethod
    def _says_when(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        for line in lines:
            calendar.openings(line)
        return lines

    @field_validator("closed")
    @classmethod
    def _says_from_when_to_when(cls, periods: tuple[str, ...]) -> tuple[str, ...]:
        for period in periods:
            calendar.closed_between(period)
        return periods

    @field_validator("day_weights", "hour_weights")
    @classmethod
    def _one_each(cls, weights: Weights, info: ValidationInfo) -> Weights:
        wanted = 7 if info.field_name == "day_weights" else 24
        if weights and len(weights) != wanted:
            raise ValueError(f"{len(weights)} weights are given; accepted: {wanted}, or none")
        return weights

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.region is not None and self.country is None:
            raise ValueError("region is given without country; accepted: both, or country alone")
        if self.country is not None:
            calendar.public_holidays(self.country, self.region)
        calendar.hour_weights(self)
        return self


class Guard(Group):
    """An input that is out says nothing of its customers. See docs/outages.md."""

    enabled: bool = Field(
        default=True, description="look for inputs whose rate collapses, in each partition"
    )
    # 46 expected events in a row that do not come are an outage: found out within a day.
    least_daily: float = Field(
        default=50.0,
        gt=0,
        allow_inf_nan=False,
        description="events a day, of an input and partition, below which it is not watched",
    )
    longest_days: float = Field(
        default=14.0,
        gt=0,
        allow_inf_nan=False,
        description="after which an input that is out is taken for one that has ended",
    )
    maintenance: tuple[str, ...] = Field(
        default=(),
        description=f"when all inputs are out, as planned: {calendar.MAINTENANCE}",
    )

    @field_validator("maintenance")
    @classmethod
    def _says_from_when_to_when(cls, windows: tuple[str, ...]) -> tuple[str, ...]:
        for window in windows:
            calendar.maintenance_between(window)
        return windows


class Model(Group):
    """The online model."""

    # It begins as the cadence and has to foretell better before it speaks (docs/detection.md).
    min_labels: int = Field(
        default=1000, ge=1, description="labels before its output may replace the static"
    )
    publish_labels: int = Field(
        default=500, ge=1, description="labels between two published versions"
    )
    # A week is the shortest rhythm of a shop; its parameters move with the seasons.
    refit_days: float = Field(
        default=7.0,
        ge=0,
        allow_inf_nan=False,
        description="of event time between two refits of the population's parameters; 0: none",
    )
