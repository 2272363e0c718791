"""The seam in Faust's tables: its recovery reads our changelog.

It also tells us when to fence and to check. Order matters, and each rule was learnt from a run that
lost or doubled events without it:

1. fence first, recover second: `on_rebalance` of the table is the one place that runs before
   recovery starts;
2. a partition that is new here is read from its changelog's start (Faust would go on where it once
   stopped);
3. when recovery says that it has ended, the owner compares positions: Faust swallows errors on the
   way;
4. it says so too when another rebalance, or a stop, has broken it off: that is no end;
5. while the next rebalance is under way, the recovery before it may end: of its partitions alone.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from faust import App
from faust.tables.manager import TableManager
from faust.tables.table import Table
from faust.types import EventT
from faust.types.tuples import TP

from streams.kafka.columns import Fetched


class Follower(Protocol):
    """Who must know of each rebalance before anything is read.

    May not raise: it ends the process instead.
    """

    async def rebalance(self, gone: set[TP], new: set[TP]) -> None: ...


class Owner(Follower, Protocol):
    """Who owns the state behind the table; the same holds."""

    def restore(self, partition: int, fetches: Sequence[Fetched]) -> None: ...

    def recovered(self, partitions: set[int]) -> None: ...


class Tables(TableManager):
    """Faust's, but without the second for which it waits for tables: ours are there before."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class ChangelogTable(Table[bytes, bytes]):
    """A table without a store: rows live with the owner, Faust only reads the changelog."""

    def __init__(
        self, app: App, *, topic: str, partitions: int, owner: Owner, follower: Follower
    ) -> None:
        super().__init__(
            app,
            name="state",
            default=bytes,
            partitions=partitions,
            key_type=bytes,
            value_type=bytes,
            changelog_topic=app.topic(
                topic,
                key_type=bytes,
                value_type=bytes,
                key_serializer="raw",
                value_serializer="raw",
                partitions=partitions,
                compacting=True,
                internal=True,
            ),
            # an event is a whole fetch: two of them are already megabytes
            # (1 makes Faust resume twice)
            recovery_buffer_size=2,
        )
        self._owner = owner
        self._follower = follower

    async def on_rebalance(
        self,
        assigned: set[TP],
        revoked: set[TP],
        newly_assigned: set[TP],
        generation_id: int = 0,
    ) -> None:
        await asyncio.gather(
            self._owner.rebalance(revoked, newly_assigned),
            self._follower.rebalance(revoked, newly_assigned),
        )
        recovery = self.app.tables.recovery
        for tp in newly_assigned:
            if tp.topic == self.changelog_topic.get_topic_name():
                recovery.active_offsets.pop(tp, None)
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)

    def apply_changelog_batch(self, batch: Sequence[EventT[Any]]) -> None:
        for event in batch:
            self._owner.restore(event.message.tp.partition, event.message.value)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        # Faust comes here too when a rebalance or a stop has broken the recovery off
        recovery = self.app.tables.recovery
        if not (recovery.signal_recovery_start.is_set() or recovery.should_stop):
            self._owner.recovered({tp.partition for tp in active_tps})
        await super().on_recovery_completed(active_tps, standby_tps)
