"""What analysts do that needs rules and grouping: evidence by hand, misses, trying a query."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Self

from monitor.app.feeding import Feeding
from monitor.desk import Miss
from monitor.errors import ConfigError, FetchError, QueryError
from monitor.match import IndexedMatcher, compile_matcher
from monitor.model import Document, Entry, Feed, Hit, Indicator, Item, Review, Watch
from monitor.normalise import normalise
from monitor.pipeline import JOIN_WINDOW
from monitor.watch import inflect
from monitor.web.installation import Evidence, Filed, Trial

BY_HAND = "by-hand"  # the feed of items that an analyst added
_MOST_SECONDS = 8.0  # that a trial may take; then it says on how many items it ran


class Handwork(Feeding):
    """The pages' part of matching and grouping."""

    def read_page(self, link: str, *, now: datetime) -> tuple[str, str]:
        """(title, text) of an article's page, fetched as carefully as a feed.

        Raises FetchError, and ParseError for a page that is too much to read.
        """
        with self.apart() as app:
            page = app.finish(app.articles.page(link, Feed(id=BY_HAND, url=link), now))
        if not page.text:
            raise FetchError("no article was found on the page", subject=link, kind="empty")
        return page.title, page.text

    @contextmanager
    def apart(self) -> Iterator[Self]:
        """This installation with connections of its own, for a thread that is no loop's."""
        app = type(self)(self.config, now=self._fixed_now)
        app._store, app._rules = self.store, self.rules
        try:
            yield app
        finally:
            app.stop_work()

    def add_evidence(self, evidence: Evidence, *, by: str, now: datetime) -> Filed:
        """Stores an item that no feed carried: matched by the rules, or filed as the analyst says.

        Raises ConfigError where nothing of it is left after cleaning.
        """
        item = _item(evidence, now)
        with self.store.batch(now=now) as batch:
            recognised = batch.add_items([item], how="manual")
        known = not recognised.new
        stored = (*recognised.new, *recognised.updated, *recognised.duplicate)[0]
        return self._file(stored, evidence.watch, evidence.indicator, by, now, evidence.note, known)

    def file_missed(
        self, item: str, watch: str, indicator: str, *, by: str, now: datetime, note: str = ""
    ) -> Filed:
        """Labels a stored item as a miss of an indicator, and makes it evidence.

        Raises ConfigError where the item is not stored (any more).
        """
        found = next(iter(self.store.items(ids=[item])), None)
        if found is None:
            raise ConfigError("there is no such item", subject=item[:80])
        miss = Miss(item=item, watch=watch, indicator=indicator, by=by, at=now, note=note)
        self.store.add_miss(miss)
        return self._file(found, watch, indicator, by, now, note, True)

    def _file(
        self,
        item: Item,
        watch: str,
        indicator: str,
        by: str,
        now: datetime,
        note: str,
        known: bool,
    ) -> Filed:
        hits = list(self.rules.matcher.match(item))
        wanted = (watch, indicator)
        if indicator and wanted not in {(hit.watch, hit.indicator) for hit in hits}:
            hits.append(self._by_hand(item, watch, indicator))
        if not hits:
            return Filed(item=item.id, events=(), indicators=(), known=known)
        with self.store.batch(now=now) as batch:
            stored = batch.add_hits(hits, how="manual")
            since = min(now, item.first_seen_at or now) - max(JOIN_WINDOW, timedelta(days=1))
            batch.apply_groups(self.group(stored, batch.recent_events(since=since), now))
        placed = self.store.hits(numbers=[each.number for each in stored])
        events = tuple(dict.fromkeys(each.event for each in placed if each.event is not None))
        if indicator and events:
            review = Review(
                event=events[0],
                watch=watch,
                indicator=indicator,
                status="confirmed",
                by=by,
                at=now,
                note=note or "filed by hand",
            )
            self.store.add_review(review)
        names = tuple(dict.fromkeys(hit.indicator for hit in hits))
        return Filed(item=item.id, events=events, indicators=names, known=known)

    def _by_hand(self, item: Item, watch: str, indicator: str) -> Hit:
        rules = next(each.rules for each in self.watches if each.id == watch)
        return Hit(
            watch=watch,
            indicator=indicator,
            item=item.id,
            rules=rules,
            score=1.0,
            stage=None,
            spans=(),
            branch="",
            query="",
        )

    def subscribe(self, url: str, *, name: str, lang: str | None, by: str, now: datetime) -> Feed:
        """Adds a feed, or the one that a page names, from the pages. Raises what ``add_feed`` does."""
        with self.apart() as app:
            return app.add_feed(url, name=name, lang=lang, now=now, by=by)

    # ── Trying a query ───────────────────────────────────────────────────────────────────────────

    def try_query(
        self, watch: str, indicator: str, branch: str, query: str, *, exclude: str, newest: int
    ) -> Trial:
        """The indicator with one query changed, beside the one in force, on the newest items."""
        began = time.monotonic()
        found = next(each for each in self.watches if each.id == watch)
        old = found.indicator(indicator)
        branches = tuple(
            replace(each, query=query) if each.name == branch else each for each in old.branches
        )
        try:
            after = _matcher(found, replace(old, branches=branches, exclude=exclude))
        except QueryError as error:
            return Trial(error=error)
        before = _matcher(found, old)
        gained: list[tuple[Item, Hit]] = []
        lost: list[tuple[Item, Hit]] = []
        count = [0, 0, 0]
        for item in self.store.newest_items(limit=newest):
            was, would = before.match(item), after.match(item)
            count = [count[0] + 1, count[1] + len(was), count[2] + len(would)]
            if would and not was:
                gained.append((item, would[0]))
            elif was and not would:
                lost.append((item, was[0]))
            if time.monotonic() - began > _MOST_SECONDS:
                break
        return Trial(
            items=count[0],
            before=count[1],
            after=count[2],
            gained=tuple(gained),
            lost=tuple(lost),
            seconds=time.monotonic() - began,
        )


def _matcher(watch: Watch, indicator: Indicator) -> IndexedMatcher:
    """Of this one indicator, without the trained model: a changed query is not what it was fitted to."""
    return compile_matcher([replace(watch, indicators=(indicator,))], inflect=inflect)


def _item(evidence: Evidence, now: datetime) -> Item:
    """Normalised as if it had come in a feed."""
    feed = Feed(
        id=BY_HAND,
        url=evidence.link,
        name=evidence.source or "Added by hand",
        lang=evidence.lang or None,
    )
    entry = Entry(
        link=evidence.link,
        title=evidence.title,
        summary=evidence.text,
        published_at=evidence.published_at,
        lang=evidence.lang,
    )
    found = normalise(Document(entries=(entry,)), feed, now=now)
    if not found or not (found[0].title or found[0].summary):
        raise ConfigError("nothing of it is left after cleaning", remedy="Give a title.")
    return found[0]
