"""The groups of settings, one model a group; see `streams.settings` for how they are filled.

A default carries its arithmetic; a check says what would be accepted.
"""

from streams.settings_groups.detection import Calendar, Guard, Model, Policy
from streams.settings_groups.forms import Bootstrap, Seconds, Word
from streams.settings_groups.intake import Alignment, Dlq
from streams.settings_groups.kafka import Kafka, Topics
from streams.settings_groups.operation import Console, Log, Web

__all__ = [
    "Alignment",
    "Bootstrap",
    "Calendar",
    "Console",
    "Dlq",
    "Guard",
    "Kafka",
    "Log",
    "Model",
    "Policy",
    "Seconds",
    "Topics",
    "Web",
    "Word",
]
