"""Full text over all items in every language: the same words found on SQLite and PostgreSQL.

Neither database's own word breaking is used, as they differ and fold neither yeh nor niqqud. An item's
words, cut and folded by ``monitor.text`` as the query's are, go into ``item_search``; SQLite indexes
them with FTS5 (its ``ascii`` tokeniser takes them as they are), PostgreSQL with GIN over an array. On
SQLite the words of evidence have an index of their own beside, which triggers keep (migration 0004).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    TableClause,
    bindparam,
    column,
    delete,
    func,
    select,
    table,
    text,
)

from monitor.desk import Found, FoundPage
from monitor.model import Item
from monitor.store.bulk import insert_tuples
from monitor.store.codec import item_from
from monitor.store.part import Part, chunks
from monitor.store.tables import EVENT_ITEM, HIT, ITEM, ITEM_SEARCH
from monitor.text import cut, fold

_WORD = re.compile(r"[^\W_]+")
_ASCII_WORDS = {
    code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)
}  # what folding and cutting at ``_WORD`` come to
LOOKED_AT = 20_000  # items with the words, of which those of a language or feed are picked
LIMIT_BYTES = 16 * 1024  # of an item's text is searchable; a feed item is a tenth of that


def words_of(*texts: str) -> list[str]:
    """The folded words of texts, each once, in order."""
    text = cut("\n".join(texts), LIMIT_BYTES)
    if text.isascii():  # the same words, found a good deal faster
        return list(dict.fromkeys(text.translate(_ASCII_WORDS).split()))
    return list(dict.fromkeys(_WORD.findall(fold(text).text.casefold())))


class Search(Part):
    """Searching a store."""

    def search(
        self,
        text: str,
        *,
        lang: str | None = None,
        feed: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> FoundPage:
        """Items in which all words occur, stored last first; ``after`` is the key of a page before.

        Under a further filter a page ends, however full it is, after ``LOOKED_AT`` items with the
        words: there may be none of that language in a million.
        """
        words = words_of(text)
        if not words:
            return FoundPage(found=())
        wanted = [
            *([ITEM.c.lang == lang] if lang is not None else ()),
            *([ITEM.c.feed == feed] if feed is not None else ()),
            *([ITEM.c.first_seen_at >= since] if since is not None else ()),
            *([ITEM.c.first_seen_at < until] if until is not None else ()),
        ]
        key = int(after) if after is not None and after.isdigit() else None
        inner = self._newest_with(words, key)
        with self.db.read() as connection:
            if not wanted:
                inner = inner.limit(limit + 1)
                end = None
            else:
                end = connection.execute(inner.offset(LOOKED_AT).limit(1)).scalar()
                inner = inner.limit(LOOKED_AT)
            with_words = inner.subquery()
            query = select(ITEM).join(with_words, with_words.c.item == ITEM.c.number)
            query = query.where(*wanted).order_by(with_words.c.item.desc()).limit(limit + 1)
            rows = connection.execute(query).all()
            more = len(rows) > limit
            rows = rows[:limit]
            found = _with_events(connection, {row.number: item_from(row._mapping) for row in rows})
        go_on = rows[-1].number if more else end + 1 if end is not None else None
        return FoundPage(found=tuple(found), after=None if go_on is None else str(go_on))

    def _newest_with(self, words: Sequence[str], before: int | None) -> Select[Any]:
        """Numbers of items in which all words occur, the newest first.

        SQLite's index gives them in that order: no more are read than are taken.
        """
        if self.db.is_sqlite:
            number = _ITEMS.c.rowid
            query = select(number.label("item")).where(_match(_ITEMS, words))
        else:
            number = ITEM_SEARCH.c.item
            query = matching(words)
        if before is not None:
            query = query.where(number < before)
        return query.order_by(number.desc())

    def newest_items(self, *, limit: int) -> Sequence[Item]:
        """The items stored last, newest first."""
        query = select(ITEM).order_by(ITEM.c.number.desc()).limit(limit)
        with self.db.read() as connection:
            return [item_from(row._mapping) for row in connection.execute(query)]


_ITEMS = table("item_fts", column("rowid"))
_EVIDENCE = table("evidence_fts", column("rowid"))


def _match(index: TableClause, words: Sequence[str]) -> Any:
    phrase = " AND ".join(f'"{word}"' for word in words)
    return text(f"{index.name} MATCH :fts_words").bindparams(bindparam("fts_words", phrase))


def evidence_matching(is_sqlite: bool, words: Sequence[str]) -> Select[Any]:
    """A subquery of the numbers of the items in which all words occur, of those that are in events."""
    if is_sqlite:
        return select(_EVIDENCE.c.rowid).where(_match(_EVIDENCE, words))
    return matching(words)


def matching(words: Sequence[str]) -> Select[Any]:
    """The same over all items, on PostgreSQL."""
    wanted = " & ".join("'" + word.replace("'", "''").replace("\\", "\\\\") + "'" for word in words)
    match = text(
        "array_to_tsvector(string_to_array(item_search.body, ' ')) @@ CAST(:ts_words AS tsquery)"
    ).bindparams(bindparam("ts_words", wanted))
    return select(ITEM_SEARCH.c.item).where(match)


def index_items(connection: Connection, items: Sequence[tuple[int, str, str]]) -> None:
    """Makes items (number, title, summary) searchable; they were not before."""
    rows = [(number, " ".join(words_of(title, summary))) for number, title, summary in items]
    if not rows:
        return
    insert_tuples(connection, ITEM_SEARCH, ("item", "body"), rows)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("INSERT INTO item_fts (rowid, body) VALUES (?, ?)", rows)


def unindex_items(connection: Connection, numbers: Collection[int]) -> None:
    """Takes items out of the index."""
    for some in chunks(numbers):
        rows = connection.execute(select(ITEM_SEARCH).where(ITEM_SEARCH.c.item.in_(some))).all()
        if rows and connection.dialect.name == "sqlite":
            connection.execute(
                text(
                    "INSERT INTO item_fts (item_fts, rowid, body) VALUES ('delete', :item, :body)"
                ),
                [{"item": row.item, "body": row.body} for row in rows],
            )
        connection.execute(delete(ITEM_SEARCH).where(ITEM_SEARCH.c.item.in_(some)))


def _with_events(connection: Connection, items: dict[int, Item]) -> list[Found]:
    events: dict[int, list[int]] = {}
    indicators: dict[int, list[str]] = {}
    for some in chunks(items):
        query = select(EVENT_ITEM.c.item, EVENT_ITEM.c.event).where(
            EVENT_ITEM.c.item.in_(some), EVENT_ITEM.c.removed_at.is_(None)
        )
        for row in connection.execute(query):
            events.setdefault(row.item, []).append(row.event)
        hits = (
            select(HIT.c.item, HIT.c.indicator, func.min(HIT.c.number).label("first"))
            .where(HIT.c.item.in_(some), HIT.c.withdrawn_at.is_(None))
            .group_by(HIT.c.item, HIT.c.indicator)
            .order_by(text("first"))
        )
        for hit in connection.execute(hits):
            indicators.setdefault(hit.item, []).append(hit.indicator)
    return [
        Found(
            item=item,
            events=tuple(events.get(number, ())),
            indicators=tuple(indicators.get(number, ())),
        )
        for number, item in items.items()
    ]
