"""Declared things as values: the feeds, subscriptions and folders that the configuration names."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from monitor import resources
from monitor.config import Config, feed_headers, from_environment, problem_at
from monitor.config_tables import AlertConfig, DigestConfig, FeedConfig
from monitor.errors import ConfigError, MonitorError, Problem
from monitor.fetch.opml import feed_id, read_opml
from monitor.model import Feed, Subscription, Watch
from monitor.watch import load_feeds


def folder(config: Config, name: str) -> Path:
    """``name`` beside the configuration, else as shipped. Raises ConfigError if neither is there."""
    own = config.root / name
    if own.exists():
        return own
    try:
        return resources.path(name)
    except MonitorError:
        raise ConfigError(
            "no such file or folder",
            subject=str(own),
            remedy="Mend the path in monitor.toml, or copy the shipped files with: monitor init",
        ) from None


def declared_feeds(config: Config) -> tuple[Feed, ...]:
    """Every feed that the configuration and its feed files declare; ids and URLs are distinct."""
    name = config.file.name if config.file else "defaults"
    found = [feed_of(each, declared_in=name) for each in config.feeds]
    for path in config.feed_files.paths:
        found += _from_file(folder(config, path))
    return distinct(found)


def distinct(feeds: Sequence[Feed]) -> tuple[Feed, ...]:
    """The first of each URL; a second feed with a taken id is an error."""
    by_url: dict[str, Feed] = {}
    ids: dict[str, Feed] = {}
    for feed in feeds:
        if feed.url in by_url:
            continue
        if feed.id in ids:
            raise ConfigError(
                f"the feed id {feed.id!r} is given twice: {ids[feed.id].url} and {feed.url}",
                subject=feed.declared_in,
                remedy="Give one of them another id.",
            )
        by_url[feed.url] = ids[feed.id] = feed
    return tuple(by_url.values())


def _from_file(path: Path) -> tuple[Feed, ...]:
    if path.suffix in (".opml", ".xml"):
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ConfigError(
                f"cannot be read: {(error.strerror or str(error)).lower()}", subject=str(path)
            ) from None
        try:
            found = read_opml(data)
        except MonitorError as error:
            raise ConfigError(error.problem, subject=str(path), remedy=error.remedy) from None
        return tuple(replace(feed, declared_in=path.name) for feed in found)
    return load_feeds(path, secret=from_environment)


def feed_of(each: FeedConfig, *, declared_in: str) -> Feed:
    """A ``[[feeds]]`` table as a value."""
    return Feed(
        id=each.id or feed_id(each.url),
        url=each.url,
        name=each.name,
        homepage=each.homepage,
        lang=each.lang,
        kind=each.kind,
        state=each.state,
        origin=each.origin,
        reliability=each.reliability,
        topics=each.topics,
        interval=each.interval,
        headers=feed_headers(each),
        full_text=each.full_text,
        enabled=each.enabled,
        declared_in=declared_in,
    )


def subscriptions(config: Config) -> tuple[Subscription, ...]:
    """The ``[[digests]]`` tables as values."""
    return tuple(
        Subscription(
            name=each.name,
            to=each.to,
            schedule=each.schedule,
            timezone=each.timezone,
            indicators=each.indicators,
            min_level=each.min_level,
            languages=each.languages,
            when_empty=each.when_empty,
            max_events=each.max_events,
        )
        for each in config.digests
    )


def subscribed(config: Config, watches: Sequence[Watch]) -> Iterator[Problem]:
    """Indicators that a digest or an alert names must exist."""
    known = {"*"}
    for watch in watches:
        known |= {each.id for each in watch.indicators} | {each.group for each in watch.indicators}
        known |= set(watch.groups)
        known |= {f"{watch.id}/{name}" for name in known if name != "*" and "/" not in name}
        known |= {watch.id}
    tables: dict[str, Sequence[DigestConfig | AlertConfig]] = {
        "digests": config.digests,
        "alerts": config.alerts,
    }
    for table, rows in tables.items():
        for place, each in enumerate(rows):
            for id in each.indicators:
                if id not in known:
                    close = difflib.get_close_matches(id, known, n=1)
                    message = f"[[{table}]] {each.name}: no indicator or group {id!r}" + (
                        f"; did you mean {close[0]!r}?" if close else ""
                    )
                    yield problem_at(config, (table, place, "indicators"), message)


def mail_folder(config: Config) -> Iterator[Problem]:
    """A ``file:`` URL of mail must name a folder, or nothing yet."""
    url = config.mail.url
    if not url.startswith("file:"):
        return
    place = config.root / url.removeprefix("file:").removeprefix("//")
    below = next((each for each in (place, *place.parents) if each.exists()), None)
    if below is not None and not below.is_dir():
        yield problem_at(config, ("mail", "url"), f"{below} is a file; mail goes into a folder")
