"""Act on alerts: read what is committed, keep the newest of each alert, forget who was erased.

    python examples/read_alerts.py [--idle SECONDS]

Kafka delivers again what a reader had not committed yet, so a reader keeps for each `alert_id` the
highest `sequence` that it has acted on. Here that is a dictionary; yours is a row in a database.
"""

import asyncio
import json
import os
import sys
from typing import Any

from aiokafka import AIOKafkaConsumer


class Desk:
    """Who has to be called: one row for each alert."""

    def __init__(self) -> None:
        self.alerts: dict[str, dict[str, Any]] = {}

    def act(self, alert: dict[str, Any]) -> bool:
        """Take an alert in; False when this, or a later one of the same episode, is known."""
        known = self.alerts.get(alert["alert_id"])
        if known is not None and known["sequence"] >= alert["sequence"]:
            return False
        self.alerts[alert["alert_id"]] = alert
        return True

    def forget(self, customer_id: str) -> None:
        """The customer was erased."""
        self.alerts = {
            key: alert for key, alert in self.alerts.items() if alert["customer_id"] != customer_id
        }


async def main(idle: float | None) -> None:
    """Read until nothing has come for `idle` seconds; without it, for ever."""
    desk = Desk()
    prefix = os.environ.get("OFFBEAT_TOPICS_PREFIX", "offbeat")
    consumer = AIOKafkaConsumer(
        f"{prefix}.alerts",
        bootstrap_servers=os.environ.get("OFFBEAT_BROKER", "127.0.0.1:9092"),
        group_id=f"{prefix}-alerts",
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    async with consumer:
        while True:
            found = await consumer.getmany(timeout_ms=int((idle or 60) * 1000))
            for record in (one for batch in found.values() for one in batch):
                if record.value is None:
                    desk.forget(record.key.decode())
                    continue
                alert = json.loads(record.value)
                if desk.act(alert):
                    why = "; ".join(reason["text"] for reason in alert["reasons"])
                    print(alert["status"], alert["customer_id"], alert["severity"], why)
                for name, value in record.headers:
                    print(f"  {name}: {value.decode()}")
            if found:
                await consumer.commit()  # what was acted on, and no sooner
            elif idle is not None:
                break
    print(f"{len(desk.alerts)} alerts known")


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[2]) if sys.argv[1:2] == ["--idle"] else None))
