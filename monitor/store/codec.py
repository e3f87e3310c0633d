"""Values of ``monitor.model`` to columns and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, TypeAlias

from sqlalchemy import Row, RowMapping

from monitor.model import (
    Feed,
    FeedState,
    Hit,
    Item,
    ScorePart,
    Span,
    Validators,
)

AnyRow: TypeAlias = Row[*tuple[Any, ...]]
Fields: TypeAlias = Mapping[str, Any] | RowMapping

# What of a hit may change with the rules; the rest (item, watch, indicator) is its identity.
HIT_PAYLOAD = (
    "rules",
    "score",
    "stage",
    "branch",
    "query",
    "genre",
    "weight",
    "spans",
    "parts",
    "concepts",
)
ITEM_TEXT = ("title", "summary", "link", "content_hash", "lang", "source", "published_at")


def feed_to_json(feed: Feed) -> dict[str, Any]:
    """What is kept of a feed. Headers may hold secrets: those of declared feeds stay in the files."""
    value = asdict(feed)
    value["interval"] = feed.interval.total_seconds() if feed.interval else None
    value["topics"] = list(feed.topics)
    value["headers"] = {} if feed.declared_in else dict(feed.headers)
    return value


def feed_from_json(value: Mapping[str, Any], *, url: str, enabled: bool) -> Feed:
    known = {name: each for name, each in value.items() if name in Feed.__dataclass_fields__}
    known["topics"] = tuple(value.get("topics", ()))
    seconds = value.get("interval")
    known["interval"] = None if seconds is None else timedelta(seconds=seconds)
    known["url"] = url
    known["enabled"] = enabled
    return Feed(**known)


STATE = tuple(name for name in FeedState.__dataclass_fields__ if name != "validators")


def state_to_columns(state: FeedState) -> dict[str, Any]:
    value = {name: getattr(state, name) for name in STATE}
    value["etag"] = state.validators.etag
    value["last_modified"] = state.validators.last_modified
    value["skip_hours"] = list(state.skip_hours)
    return value


def state_from_row(row: AnyRow) -> FeedState:
    fields = row._mapping
    return FeedState(
        validators=Validators(etag=fields["etag"], last_modified=fields["last_modified"]),
        **{name: fields[name] for name in STATE if name != "skip_hours"},
        skip_hours=tuple(fields["skip_hours"] or ()),
    )


def item_to_columns(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "feed": item.feed,
        "identity": item.identity,
        "title": item.title,
        "summary": item.summary,
        "link": item.link,
        "link_key": item.link_key or None,
        "content_hash": item.content_hash,
        "lang": item.lang,
        "source": item.source,
        "published_at": item.published_at,
    }


ITEM_FIELDS = tuple(Item.__dataclass_fields__)


def item_at(row: AnyRow, start: int) -> Item:
    """From the columns ``ITEM_FIELDS`` of a row, the first of which is at ``start``."""
    (
        id, identity, feed, title, summary, link, link_key, content_hash, lang, source,
        published_at, first_seen_at,
    ) = row[start : start + len(ITEM_FIELDS)]  # fmt: skip
    return Item(
        id=id,
        identity=identity,
        feed=feed,
        title=title,
        summary=summary,
        link=link,
        link_key=link_key or "",
        content_hash=content_hash,
        lang=lang,
        source=source,
        published_at=published_at,
        first_seen_at=first_seen_at,
    )


def item_from(fields: Fields) -> Item:
    return Item(
        id=fields["id"],
        identity=fields["identity"],
        feed=fields["feed"],
        title=fields["title"],
        summary=fields["summary"],
        link=fields["link"],
        link_key=fields["link_key"] or "",
        content_hash=fields["content_hash"],
        lang=fields["lang"],
        source=fields["source"],
        published_at=fields["published_at"],
        first_seen_at=fields["first_seen_at"],
    )


def hit_to_columns(hit: Hit) -> dict[str, Any]:
    return {
        "rules": hit.rules,
        "score": float(hit.score),
        "stage": hit.stage,
        "branch": hit.branch,
        "query": hit.query,
        "genre": hit.genre,
        "weight": float(hit.weight),
        "spans": [[each.field, each.start, each.end, each.term] for each in hit.spans],
        "parts": [[each.name, each.value, each.why] for each in hit.parts],
        "concepts": list(hit.concepts),
    }


def spans_from(rows: Sequence[Sequence[Any]]) -> tuple[Span, ...]:
    """Evidence from how it is kept."""
    return tuple([Span(field=f, start=s, end=e, term=t) for f, s, e, t in rows])


def hit_from(fields: Fields, *, item: str, watch: str, indicator: str) -> Hit:
    payload = [fields[name] for name in HIT_PAYLOAD]
    return hit_of(payload, item=item, watch=watch, indicator=indicator)


def hit_of(payload: Sequence[Any], *, item: str, watch: str, indicator: str) -> Hit:
    """From the values of the columns ``HIT_PAYLOAD``."""
    rules, score, stage, branch, query, genre, weight, spans, parts, concepts = payload
    return Hit(
        watch=watch,
        indicator=indicator,
        item=item,
        rules=rules,
        score=score,
        stage=stage,
        spans=spans_from(spans) if spans else (),
        branch=branch,
        query=query,
        genre=genre,
        parts=tuple([ScorePart(name=n, value=v, why=w) for n, v, w in parts]) if parts else (),
        weight=weight,
        concepts=tuple(concepts),
    )
