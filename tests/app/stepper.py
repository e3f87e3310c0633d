"""A process that polls and mails hour by hour and goes on where it was killed; run by test_killed.py.

Usage: python stepper.py CONFIG STEPS
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor import config as settings
from monitor.app import App

BEGINS_AT = datetime(2026, 11, 20, tzinfo=UTC)


def main(config: Path, steps: int) -> None:
    step_file = config.parent / "step"  # the server reads it too: what is published by then
    first = int(step_file.read_text()) if step_file.exists() else 0
    for step in range(first, steps):
        fresh = step_file.with_suffix(".new")
        fresh.write_text(str(step))
        fresh.rename(step_file)
        now = BEGINS_AT + timedelta(hours=step)
        app = App(settings.load(config), now=now)
        app.poll(now=now, everything=True)
        app.send_digests(now=now, name=None)
        app.close()
    (config.parent / "done").touch()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
