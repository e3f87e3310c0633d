"""A process of the soak: the real service, by a clock that the soak moves.

    python -m benchmarks.soak.process CONFIG ROLE CLOCK

``CLOCK`` is a file with a time in it. Ticks are seconds of the wall; what is due, digests and levels
go by the moved clock, so the service's slow jobs look every few seconds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

from monitor import config as settings
from monitor import log
from monitor.app import App
from monitor.service import Job, Role

LOOKS = timedelta(seconds=3)


class Moved(App):
    """The application, but for its clock."""

    clock_file: Path

    def clock(self) -> datetime:
        return datetime.fromisoformat(self.clock_file.read_text(encoding="utf-8"))

    def jobs(self) -> Iterator[Job]:
        for job in super().jobs():
            yield replace(job, every=min(job.every, LOOKS))


def main() -> None:
    config, role, clock = sys.argv[1:]
    app = Moved(settings.load(Path(config)))
    app.clock_file = Path(clock)
    log.configure(level="info", file=None, colour=False)
    app.serve(cast(Role, role))


if __name__ == "__main__":
    main()
