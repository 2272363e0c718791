"""The agents: plain functions, bound to topics in `streams.app`.

Each message is a whole fetch. Nothing may be raised out of the loop: Faust would acknowledge the
message and go on without it. So what they call ends the process instead.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from faust.types import StreamT

from detectors.observations import Input
from streams.kafka.columns import Fetched
from streams.partition.owner import PartitionOwner

Agent = Callable[[StreamT[list[Fetched]]], Awaitable[None]]


class Learner(Protocol):
    """What takes fetches of the examples."""

    async def take(self, fetches: Sequence[Fetched]) -> None:
        """Learn the examples of one message."""


def take_input(source: Input, owner: PartitionOwner, generation: Callable[[], int]) -> Agent:
    """The agent of one input."""

    async def agent(stream: StreamT[list[Fetched]]) -> None:
        async for event in stream.events():
            message = event.message
            if message.generation_id == generation():  # else: from before a rebalance, comes again
                owner.take(source, message.tp.partition, message.value)

    return agent


def take_customers(owner: PartitionOwner, generation: Callable[[], int]) -> Agent:
    """The agent of the customers' topic."""

    async def agent(stream: StreamT[list[Fetched]]) -> None:
        async for event in stream.events():
            message = event.message
            if message.generation_id == generation():
                owner.take_customers(message.tp.partition, message.value)

    return agent


def take_examples(learner: Learner, generation: Callable[[], int]) -> Agent:
    """The agent of the learning examples: one partition, so one worker of the group trains."""

    async def agent(stream: StreamT[list[Fetched]]) -> None:
        async for event in stream.events():
            if event.message.generation_id == generation():
                await learner.take(event.message.value)

    return agent
