"""Level changes, the analyst's own levels, assessments as they were made, and the rules of then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from monitor.desk import LevelOverride
from monitor.model import Assessment, LevelChange, LevelName
from monitor.store import audit
from monitor.store.bulk import among
from monitor.store.engine import LEVELS_LOCK
from monitor.store.part import Part, insert_new
from monitor.store.tables import (
    ANALYST_LEVEL,
    ASSESSMENT,
    LEVEL_CHANGE,
    RULES,
    RULES_USE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesInForce:
    """A version of a watch's rules, and from when it was used."""

    watch: str
    rules: str
    text: str
    at: datetime


class Levels(Part):
    """What was assessed, and under which rules."""

    def add_level_changes(self, changes: Sequence[LevelChange]) -> Sequence[LevelChange]:
        """Stores changes and returns those that were stored, in the order of time.

        Two who assess at one moment see the same change, and one of them stores it: a change counts only
        if its ``before`` is what the newest stored change says and that one is older.
        """
        stored: list[LevelChange] = []
        with self.db.write(lock=LEVELS_LOCK) as connection:
            newest = _newest(connection, changes)
            for each in sorted(changes, key=lambda change: change.at):
                key = (each.watch, each.indicator)
                before, at = newest.get(key, ("none", None))
                if each.before == before != each.after and (at is None or at < each.at):
                    newest[key] = (each.after, each.at)
                    stored.append(each)
            if stored:
                connection.execute(insert(LEVEL_CHANGE), [_row(each) for each in stored])
        return stored

    def level_changes(
        self,
        *,
        since: datetime | None = None,
        as_of: datetime | None = None,
        watch: str | None = None,
    ) -> Sequence[LevelChange]:
        """Changes, oldest first."""
        query = select(LEVEL_CHANGE).order_by(LEVEL_CHANGE.c.at, LEVEL_CHANGE.c.number)
        if since is not None:
            query = query.where(LEVEL_CHANGE.c.at >= since)
        if as_of is not None:
            query = query.where(LEVEL_CHANGE.c.at <= as_of)
        if watch is not None:
            query = query.where(LEVEL_CHANGE.c.watch == watch)
        names = LevelChange.__dataclass_fields__
        with self.db.read() as connection:
            return [
                LevelChange(
                    **{name: row._mapping[name] for name in names if name != "event_ids"},
                    event_ids=tuple(row.event_ids),
                )
                for row in connection.execute(query)
            ]

    def override_level(self, override: LevelOverride) -> None:
        """Appends an analyst's level; None takes it back."""
        row = {name: getattr(override, name) for name in LevelOverride.__dataclass_fields__}
        with self.db.write() as connection:
            connection.execute(insert(ANALYST_LEVEL).values(**row))
            audit.note(
                connection,
                "level",
                f"indicator/{override.watch}/{override.indicator}",
                by=override.by,
                at=override.at,
                after=override.level or "",
                detail=override.reason,
                watch=override.watch,
                indicator=override.indicator,
            )

    def level_overrides(
        self, *, as_of: datetime | None = None, history: bool = False
    ) -> Sequence[LevelOverride]:
        """The levels that analysts hold, one an indicator; with ``history`` all ever set, in order."""
        query = select(ANALYST_LEVEL).order_by(ANALYST_LEVEL.c.number)
        if as_of is not None:
            query = query.where(ANALYST_LEVEL.c.at <= as_of)
        names = LevelOverride.__dataclass_fields__
        with self.db.read() as connection:
            found = [
                LevelOverride(**{name: row._mapping[name] for name in names})
                for row in connection.execute(query)
            ]
        if history:
            return found
        newest = {(each.watch, each.indicator): each for each in found}
        return [each for each in newest.values() if each.level is not None]

    def save_assessment(self, assessment: Assessment, *, now: datetime) -> None:
        """Appends an assessment as it was made."""
        value = asdict(assessment)
        del value["watch"], value["rules"], value["as_of"]
        with self.db.write() as connection:
            connection.execute(
                insert(ASSESSMENT).values(
                    watch=assessment.watch,
                    rules=assessment.rules,
                    as_of=assessment.as_of,
                    stored_at=now,
                    value=_plain(value),
                )
            )

    def assessments(
        self, watch: str, *, since: datetime | None = None, limit: int | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """Assessments as they were made, newest first: plain values with watch, rules and as_of."""
        query = select(ASSESSMENT).where(ASSESSMENT.c.watch == watch)
        if since is not None:
            query = query.where(ASSESSMENT.c.as_of >= since)
        query = query.order_by(ASSESSMENT.c.as_of.desc(), ASSESSMENT.c.number.desc()).limit(limit)
        with self.db.read() as connection:
            return [
                {"watch": row.watch, "rules": row.rules, "as_of": row.as_of, **row.value}
                for row in connection.execute(query)
            ]

    def note_rules(self, watch: str, rules: str, text: str, *, now: datetime) -> None:
        """Notes which rules are in force from now on; nothing if they are already."""
        with self.db.write() as connection:
            insert_new(
                connection, RULES, [{"watch": watch, "rules": rules, "text": text, "at": now}]
            )
            newest = connection.execute(
                select(RULES_USE.c.rules)
                .where(RULES_USE.c.watch == watch)
                .order_by(RULES_USE.c.number.desc())
                .limit(1)
            ).scalar()
            if newest != rules:
                connection.execute(insert(RULES_USE).values(watch=watch, rules=rules, at=now))

    def rules(self, watch: str, *, as_of: datetime | None = None) -> Sequence[RulesInForce]:
        """The versions in the order of their use; the last is in force (as of a time: was then)."""
        query = (
            select(RULES_USE.c.watch, RULES_USE.c.rules, RULES.c.text, RULES_USE.c.at)
            .join(
                RULES, (RULES.c.watch == RULES_USE.c.watch) & (RULES.c.rules == RULES_USE.c.rules)
            )
            .where(RULES_USE.c.watch == watch)
            .order_by(RULES_USE.c.number)
        )
        if as_of is not None:
            query = query.where(RULES_USE.c.at <= as_of)
        with self.db.read() as connection:
            return [RulesInForce(**row._mapping) for row in connection.execute(query)]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _row(change: LevelChange) -> dict[str, Any]:
    row = {name: getattr(change, name) for name in LevelChange.__dataclass_fields__}
    return row | {"event_ids": list(change.event_ids)}


def _newest(
    connection: Connection, changes: Sequence[LevelChange]
) -> dict[tuple[str, str], tuple[LevelName, datetime]]:
    """(watch, indicator) of the changes → the level that the last stored one led to, and when."""
    query = (
        select(LEVEL_CHANGE)
        .where(among(connection, LEVEL_CHANGE.c.indicator, {each.indicator for each in changes}))
        .order_by(LEVEL_CHANGE.c.at, LEVEL_CHANGE.c.number)
    )
    return {(r.watch, r.indicator): (r.after, r.at) for r in connection.execute(query)}
