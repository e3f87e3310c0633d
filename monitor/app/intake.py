"""Items from files: JSON Lines in the Item shape, or a saved feed document."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.errors import ConfigError, MonitorError, ParseError
from monitor.model import Document, Entry, Feed, Item
from monitor.normalise import normalise
from monitor.parse import parse

IMPORT_FEED = "import"  # the feed of items that name none


def _nobody(_problem: str) -> None:
    """Where problems are only counted."""


@dataclass(slots=True)
class Intake:
    """Reads items and counts what is none: one bad line or file never ends the rest."""

    now: datetime
    seen_at: str = "now"  # "now" | "published"
    feed_ids: Mapping[str, str] = field(default_factory=dict)  # URL of a known feed → its id
    dropped: int = 0
    tell: Callable[[str], None] = _nobody  # gets each problem in words

    def from_files(self, files: Sequence[Path]) -> Iterator[Item]:
        """Raises ConfigError, before anything is read, if one of the files cannot be."""
        for file in files:
            _require_readable(file)
        for file in files:
            try:
                yield from self.from_file(file)
            except MonitorError as error:
                self._drop(str(error))

    def from_file(self, file: Path) -> Iterator[Item]:
        """Items of one file; what it is shows in its first character."""
        try:
            with file.open("rb") as opened:
                start = opened.read(512).lstrip(b"\xef\xbb\xbf \t\r\n")
            if start.startswith(b"<") or _is_json_feed(start):
                yield from self._from_feed(file)
            else:
                with file.open(encoding="utf-8", errors="replace") as lines:
                    yield from self.from_lines(lines, name=str(file))
        except OSError as error:
            raise _unreadable(file, error) from None

    def from_lines(self, lines: Iterable[str], *, name: str, first: int = 1) -> Iterator[Item]:
        """Items of JSON Lines, the first of which has that number. A line that is none is counted
        and named, not fatal."""
        for number, line in enumerate(lines, start=first):
            if not line.strip():
                continue
            try:
                raw = json.loads(line)
                if not isinstance(raw, dict):
                    raise ValueError("it is no object")
                yield self.item(raw)
            except RecursionError:
                self._drop(f"{name}:{number}: not an item: it is nested too deeply")
            except (ValueError, TypeError, MonitorError) as error:
                self._drop(f"{name}:{number}: not an item: {error}")

    def _drop(self, problem: str) -> None:
        self.dropped += 1
        self.tell(problem)

    def item(self, raw: Mapping[str, Any]) -> Item:
        """One item of the public shape, normalised as if it had come in a feed."""
        title, summary = _text(raw, "title"), _text(raw, "summary")
        if not title and not summary:
            raise ValueError("it has neither title nor summary")
        link, id = _text(raw, "link"), _text(raw, "id")
        feed = Feed(
            id=self.feed_ids.get(_text(raw, "feed"), _text(raw, "feed")) or IMPORT_FEED,
            url=link,
            name=_text(raw, "source"),
            lang=_text(raw, "lang") or None,
        )
        entry = Entry(
            guid="" if link else id,
            link=link,
            title=title,
            summary=summary,
            published=_text(raw, "published_at"),
            published_at=_time(raw.get("published_at")),
            lang=_text(raw, "lang"),
        )
        found = normalise(Document(entries=(entry,)), feed, now=self.now)
        if not found:
            raise ValueError("nothing of it is left after cleaning")
        return self._dated(replace(found[0], id=id or found[0].id))

    def _from_feed(self, file: Path) -> Iterator[Item]:
        body = file.read_bytes()
        url = file.absolute().as_uri()
        try:
            document = parse(body, url=url, content_type="", now=self.now)
        except ParseError as error:
            raise ParseError(
                error.problem, kind=error.kind, subject=str(file), remedy=error.remedy
            ) from None
        self.dropped += document.dropped
        feed = Feed(id=IMPORT_FEED, url=document.link or url, name=document.title)
        for item in normalise(document, feed, now=self.now):
            yield self._dated(item)

    def _dated(self, item: Item) -> Item:
        if self.seen_at == "published" and item.published_at is not None:
            return replace(item, first_seen_at=min(item.published_at, self.now))
        return replace(item, first_seen_at=None)


def is_lines(file: Path) -> bool:
    """Whether a file is JSON Lines, not a feed document. Raises ConfigError if it cannot be read."""
    try:
        with file.open("rb") as opened:
            start = opened.read(512).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {(error.strerror or str(error)).lower()}", subject=str(file)
        ) from None
    return not (start.startswith(b"<") or _is_json_feed(start))


def _require_readable(file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise _unreadable(file, error) from None


def _unreadable(file: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"cannot be read: {(error.strerror or str(error)).lower()}",
        subject=str(file),
        remedy="Name readable files of JSON Lines, or saved feeds.",
    )


def _is_json_feed(start: bytes) -> bool:
    return start.startswith(b"{") and b"jsonfeed.org" in start


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        if key == "id" and isinstance(value, int):
            return str(value)
        raise ValueError(f"{key} must be text")
    return value


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return at if at.tzinfo else None


def in_pieces(lines: Iterable[str], size: int) -> Iterator[tuple[int, list[str]]]:
    """Lists of at most ``size`` lines, each with the number of its first line."""
    some: list[str] = []
    first = 1
    for line in lines:
        some.append(line)
        if len(some) == size:
            yield first, some
            first += len(some)
            some = []
    if some:
        yield first, some
