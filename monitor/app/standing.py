"""How the installation is doing: ``status``, ``/healthz`` and ``doctor``."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

from monitor.app.cycles import Cycles
from monitor.app.declared import subscriptions
from monitor.app.outcomes import Finding, InstallationStatus, in_words
from monitor.app.setup import check
from monitor.errors import ConfigError, MonitorError, WatchError
from monitor.model import FeedStatus, LevelName
from monitor.polling import adopts
from monitor.store import Beat

_LATE = timedelta(minutes=15)  # a feed due for so long that nobody polls: polling stands still
_JUMP_SHOWN = timedelta(hours=1)  # how long a jump of the clock is told
CLOCK_BEAT = "clock-jump"  # the heartbeat that notes one
_LITTLE_DISK = 500_000_000  # bytes
_CLOCK_SLACK = timedelta(minutes=10)


def standing_since(
    feeds: Iterable[FeedStatus], last: datetime | None, *, now: datetime, late: timedelta
) -> datetime | None:
    """Since when polling stands still; None while it does not, or where nothing was ever polled.

    It does where a feed has been due for ``late`` and no feed at all was polled for as long: feeds that
    are asked every six hours, or that back off, are no standstill.
    """
    due = [
        each.state.next_due_at
        for each in feeds
        if each.feed.enabled and each.state.next_due_at is not None
    ]
    if last is None or not due or now - last <= late or now - min(due) <= late:
        return None
    return max(last, min(due))


class Standing(Cycles):
    """Looks, and changes nothing."""

    def status(self, *, now: datetime) -> InstallationStatus:
        """Health of the running installation. Raises StoreError if the database cannot be read."""
        feeds, running, last, reasons = self._stands(now)
        states = Counter(each.state.health if each.feed.enabled else "paused" for each in feeds)
        return InstallationStatus(
            at=now,
            ok=not reasons,
            reasons=reasons,
            running=running,
            last_cycle_at=last,
            feeds=dict(sorted(states.items())),
            outbox=self.store.outbox_counts(),
            counts=self.store.counts(),
            blind=tuple(id for (_, id), name in self.levels(now).items() if name == "no-coverage"),
            beats={name: asdict(beat) for name, beat in self.store.beats().items()},
        )

    def reasons(self, *, now: datetime) -> tuple[str, ...]:
        """What is wrong with the running installation: of ``status`` what is quick to say."""
        return self._stands(now)[3]

    def levels(self, now: datetime) -> Mapping[tuple[str, str], LevelName]:
        """(watch, indicator) → level; nothing where a file of the rules has a mistake."""
        try:
            return {
                (watch.id, each.indicator): each.level
                for watch in self.watches
                for each in self.lately(watch, now).levels
            }
        except (ConfigError, WatchError):
            return {}

    def _stands(
        self, now: datetime
    ) -> tuple[Sequence[FeedStatus], str, datetime | None, tuple[str, ...]]:
        """Feeds, who runs, the last poll, and what is wrong."""
        feeds = self.store.feeds()
        running = self.store.run_lock_holder() or ""
        polled = [each.state.last_polled_at for each in feeds if each.state.last_polled_at]
        last = max(polled, default=None)
        outbox, beats = self.store.outbox_counts(), self.store.beats()
        reasons = (
            *self._polling_stands_still(now, feeds, running, last, beats.get("poll")),
            *self._clock_is_off(now, last, beats.get(CLOCK_BEAT)),
            *self._reasons(feeds, outbox, running, bool(beats)),
        )
        return feeds, running, last, (*reasons, *self._unusable())

    def _unusable(self) -> Iterator[str]:
        """Mistakes in the files of feeds and rules."""
        found = [error for error in (self.feeds_problem,) if error is not None]
        try:
            _ = self.rules
        except (ConfigError, WatchError) as error:
            found.append(error)
        yield from (f"{str(error).splitlines()[0]} (monitor check shows all)" for error in found)

    def _polling_stands_still(
        self,
        now: datetime,
        feeds: Sequence[FeedStatus],
        running: str,
        last: datetime | None,
        beat: Beat | None,
    ) -> Iterator[str]:
        """Somebody runs, and either a feed has long been due or nobody looks any more what is.

        Of several machines each has its own rounds: there only what is due tells.
        """
        if not running:
            return
        since = standing_since(feeds, last, now=now, late=_LATE)
        if since is not None:
            yield f"no feed was polled since {since:%Y-%m-%d %H:%M} UTC, though some are due"
        elif beat is not None and self.store.db.path is not None and now - beat.at > _LATE:
            yield f"polling has not come round since {beat.at:%Y-%m-%d %H:%M} UTC"

    def _clock_is_off(
        self, now: datetime, last: datetime | None, jump: Beat | None
    ) -> Iterator[str]:
        if last is not None and last - now > _CLOCK_SLACK:
            yield f"the clock is behind: a feed was polled at {last:%Y-%m-%d %H:%M} UTC by its account"
        if jump is not None and timedelta(0) <= now - jump.at < _JUMP_SHOWN:
            seconds = (jump.detail or {}).get("seconds", 0)
            yield f"the clock was moved by {seconds} s at {jump.at:%Y-%m-%d %H:%M} UTC"

    def _reasons(
        self,
        feeds: Sequence[FeedStatus],
        outbox: Mapping[str, int],
        running: str,
        has_run: bool,
    ) -> Iterator[str]:
        if has_run and not running:
            yield "the service is not running: monitor run"
        disk = self._disk()
        if not disk.ok:
            yield disk.words
        polled = [each for each in feeds if each.feed.enabled and each.state.polls]
        failing = [each for each in polled if each.state.health == "failing"]
        if polled and len(failing) * 2 > len(polled):
            yield f"{len(failing)} of {len(polled)} feeds fail: see monitor feeds list"
        if failed := outbox.get("failed", 0):
            yield f"{failed} messages could not be delivered: see monitor outbox list"
        if self.rules_problem:
            yield f"the edited watch is not in force: {self.rules_problem.splitlines()[0]}"

    # ── doctor ───────────────────────────────────────────────────────────────────────────────────

    def doctor(self, *, now: datetime) -> tuple[Finding, ...]:
        """Looks at configuration, database, disk, feeds, mail and clock; says what to mend."""
        return tuple(self._findings(now))

    def _findings(self, now: datetime) -> Iterator[Finding]:
        yield self._configuration()
        try:
            problems = self.store.check()
        except MonitorError as error:
            yield Finding(what="database", ok=False, words=str(error))
            return
        counts = self.store.counts()
        sound = f"sound: {counts['items']} items, {counts['hits']} hits, {counts['events']} events"
        yield Finding(what="database", ok=not problems, words="; ".join(problems) or sound)
        yield self._disk()
        yield from self._feeds_found(self.store.feeds())
        yield self._mail()
        yield self._clock_found(now)
        yield self._service(now)

    def _configuration(self) -> Finding:
        problems = check(self.config.file)
        errors = [each for each in problems if each.severity == "error"]
        if errors:
            words = f"{len(errors)} errors, see: monitor check — {errors[0].message}"
            return Finding(what="configuration", ok=False, words=words)
        file = self.config.file or "no monitor.toml: the defaults"
        watches = ", ".join(watch.id for watch in self.watches)
        warned = f", {len(problems)} warnings (monitor check)" if problems else ""
        return Finding(what="configuration", ok=True, words=f"{file}; watches: {watches}{warned}")

    def _disk(self) -> Finding:
        database = self.store.db.path
        place = database.parent if database is not None else self.config.root
        free = shutil.disk_usage(place).free
        words = f"{free / 1e9:.1f} GB free at {place}"
        if free < _LITTLE_DISK:
            words += "; make room: a full disk stops polling"
        return Finding(what="disk", ok=free >= _LITTLE_DISK, words=words)

    def _feeds_found(self, feeds: Sequence[FeedStatus]) -> Iterator[Finding]:
        if not feeds:
            words = "none; add [[feeds]] or [feed_files] to monitor.toml, or: monitor feeds add URL"
            yield Finding(what="feeds", ok=False, words=words)
            return
        bad = [each for each in feeds if each.state.health == "failing"]
        words = f"{len(feeds)} feeds, {len(bad)} failing"
        if bad:
            named = [f"{each.feed.name or each.feed.id} ({each.state.cause})" for each in bad]
            words += ": " + in_words(named, most=4)
        moved = [each for each in feeds if each.feed.declared_in and adopts(each.state)]
        if moved:
            named = [f"{each.feed.id} to {each.state.moved_to}" for each in moved]
            words += f"; moved, change it in its file: {in_words(named, most=4)}"
        yield Finding(what="feeds", ok=len(bad) * 2 <= len(feeds), words=words)

    def _mail(self) -> Finding:
        url = self.config.mail.url
        to = sorted({address for each in subscriptions(self.config) for address in each.to})
        waiting = self.store.outbox_counts()
        failed = waiting.get("failed", 0)
        words = f"{_place(url)}; digests to {in_words(to) or 'nobody'}"
        if stopped := len(self.store.stopped_subscriptions()):
            words += f"; {stopped} unsubscribed, see: monitor subscriptions list"
        if failed:
            words += f"; {failed} failed, see: monitor outbox list"
        if url.startswith("file:"):
            folder = self.config.root / url.removeprefix("file:")
            nearest = next(each for each in (folder, *folder.parents) if each.exists())
            if not _writable(nearest):
                return Finding(what="mail", ok=False, words=f"{folder} cannot be written to")
        return Finding(what="mail", ok=not failed, words=words + "; try: monitor mail test ADDRESS")

    def _clock_found(self, now: datetime) -> Finding:
        polled = [s.state.last_polled_at for s in self.store.feeds() if s.state.last_polled_at]
        last = max(polled, default=now)
        if last > now + _CLOCK_SLACK:
            words = (
                f"it is {now:%Y-%m-%d %H:%M} UTC, but feeds were polled at {last:%Y-%m-%d %H:%M}"
            )
            return Finding(what="clock", ok=False, words=f"{words}; set the clock right")
        return Finding(what="clock", ok=True, words=f"{now:%Y-%m-%d %H:%M:%S} UTC")

    def _service(self, now: datetime) -> Finding:
        found = self.status(now=now)
        words = found.running or "not running: monitor run"
        return Finding(what="service", ok=found.ok, words="; ".join((words, *found.reasons)))


def _place(url: str) -> str:
    return url.rpartition("@")[2] if "@" in url else url


def _writable(folder: Path) -> bool:
    probe = folder / ".monitor-doctor"
    try:
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True
