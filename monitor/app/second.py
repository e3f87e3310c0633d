"""The second reader, where one is configured."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from monitor.config_tables import ReaderConfig
from monitor.model import Watch
from monitor.pipeline import Pairs, Read
from monitor.reader import ReaderSettings, Readings, SecondReader


def second_reader(config: ReaderConfig, watches: Iterable[Watch], kept: Readings) -> Read | None:
    """A reader with the questions and the time of one cycle; None where no URL is configured."""
    if not config.url:
        return None
    settings = ReaderSettings(
        url=config.url,
        model=config.model,
        key=config.key.get_secret_value(),
        timeout=config.timeout,
        max_per_cycle=config.max_per_cycle,
        cycle_timeout=config.cycle_timeout,
    )
    reader = SecondReader(settings, watches, kept)

    def read(pairs: Pairs, now: datetime, ask: bool) -> Pairs:
        return reader.read(pairs, now=now, ask=ask)

    return read
