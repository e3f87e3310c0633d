"""A process that forks one short-lived mailer after another and kills each; driven by test_killed.py.

Usage: python mailer.py CONFIG
Reads lines ``TIME SECONDS`` (SECONDS may be "never"), forks a process that sends what is due at TIME,
kills it after SECONDS and answers with a line: ``done``, ``killed`` or ``failed``, and how long it ran.
Forking a process that has imported and read everything makes two hundred of them a matter of minutes.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from datetime import datetime
from pathlib import Path

from monitor import config as settings
from monitor import log
from monitor.app import App
from monitor.app.rules import Rules, load_rules
from monitor.config import Config


def mail(config: Config, rules: Rules, now: datetime) -> None:
    app = App(config, now=now)
    app.rules = rules
    try:
        app.send_digests(now=now)
    finally:
        app.close()


def run(config: Config, rules: Rules, now: datetime, seconds: float | None) -> str:
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            mail(config, rules, now)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    deadline = None if seconds is None else time.monotonic() + seconds
    while True:
        done, status = os.waitpid(pid, 0 if deadline is None else os.WNOHANG)
        if done:
            return f"{'done' if status == 0 else 'failed'} {time.monotonic() - began}"
        if deadline is not None and time.monotonic() >= deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return f"killed {seconds}"
        time.sleep(0.0005)


def main() -> None:
    file = Path(sys.argv[1])
    log.configure(level="error", file=file.with_name("mailer.log"), colour=False)
    config = settings.load(file)
    rules = load_rules(config)
    print("ready", flush=True)
    for line in sys.stdin:
        at, seconds = line.split()
        limit = None if seconds == "never" else float(seconds)
        print(run(config, rules, datetime.fromisoformat(at), limit), flush=True)


if __name__ == "__main__":
    main()
