"""One event: its timeline, why it matched, grade, split and merge, notes, history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from monitor.desk import AuditEntry
from monitor.errors import ConfigError
from monitor.group import suggested_grade
from monitor.model import Event
from monitor.report.events import EventView, event_view, line_of_row
from monitor.report.wording import GRADES, ROLE_WORDS, STATUS_WORDS, grade_words, plural
from monitor.web.deciding import REASONS, Pair
from monitor.web.rows import rules_of
from monitor.web.site import Site, TheForm, TheReviewer, TheSite, TheViewer

router = APIRouter(include_in_schema=False)

_ACTIONS = {
    "created": "Created",
    "reviewed": "Decided",
    "note": "Noted",
    "graded": "Graded",
    "split": "Split",
    "merged": "Merged",
    "pinned": "Pinned",
    "unpinned": "Unpinned",
    "item-added": "Item added",
    "missed": "Marked as missed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """One line of the audit in words."""

    entry: AuditEntry
    action: str
    detail: str


@router.get("/events/{id:int}")
def event(id: int, request: Request, site: TheSite, viewer: TheViewer) -> Response:
    """Everything known of one event. Looking changes nothing."""
    found = site.event(id)
    if found.id != id:  # merged into another
        return site.redirect(
            site.at(f"/events/{found.id}"), words=f"Event {id} was merged into this."
        )
    view = site.views.get(
        id,
        (found, rules_of(site.watches), site.feeds.get()),
        lambda: event_view(found, watches=site.watches, grades=site.grades(), now=site.now()),
    )
    suggested = suggestion(site, found)
    audit = site.store.audit(id)
    first = view.why[0] if view.why else None
    return site.page(
        "event",
        viewer,
        {
            "event": view,
            "pairs": {
                (w.watch, w.indicator): str(
                    Pair(event=id, watch=w.watch, indicator=w.indicator, seen=w.status)
                )
                for w in view.why
            },
            "grade": found.grade or suggested,
            "graded": bool(found.grade),
            "suggested": suggested,
            "grades": [(each, grade_words(each)) for each in GRADES],
            "pinned": bool(found.members) and all(m.pinned for m in found.members),
            "decided": decided(view, audit),
            "history": history(audit, site),
            "related": [line_of_row(row, site.names) for row in site.store.related(id)],
            "reasons": REASONS,
            "first": first,
            "keyed": next((why for why in view.why if why.status == "new"), first),
        },
        title=view.title,
        tab="events",
        request=request,
    )


def decided(
    view: EventView, audit: Sequence[AuditEntry]
) -> Mapping[tuple[str, str], AuditEntry | None]:
    """(watch, indicator) → who gave the verdict that stands, and when; None where none stands."""
    newest: dict[tuple[str, str], AuditEntry] = {}
    for entry in audit:  # the newest first
        if entry.action == "reviewed":
            newest.setdefault((entry.watch, entry.indicator), entry)
    pairs = {(why.watch, why.indicator): why.status for why in view.why}
    return {pair: newest.get(pair) if status != "new" else None for pair, status in pairs.items()}


def suggestion(site: Site, event: Event) -> str | None:
    """The grade that the machine would give."""
    feeds = {status.feed.id: status.feed for status in site.feeds.get()}
    return suggested_grade(event, feeds)


def history(entries: Any, site: Site) -> list[HistoryLine]:
    """The audit as the page shows it, newest first."""
    found = []
    for entry in entries:
        before = STATUS_WORDS.get(entry.before, entry.before)
        after = STATUS_WORDS.get(entry.after, entry.after)
        detail = entry.detail
        if entry.action == "reviewed":
            code = site.names.code(entry.watch, entry.indicator)
            detail = f"{code}: {before} → {after}" + (f", {detail}" if detail else "")
        elif entry.action == "graded":
            detail = f"{before or 'as suggested'} → {after or 'as suggested'} {detail}".strip()
        elif entry.action == "split":
            detail = moved(entry.detail)
        elif entry.action == "item-added":
            detail = f"{ROLE_WORDS.get(entry.after, entry.after)}: {detail}"
        elif not detail:
            detail = after
        action = _ACTIONS.get(entry.action, entry.action)
        if entry.action == "reviewed":
            action = "Put back" if entry.after == "new" else after
        found.append(HistoryLine(entry=entry, action=action, detail=detail))
    return found


def moved(detail: str) -> str:
    """Which items went is on the timelines of both events; their ids are for machines."""
    items, to, event = detail.rpartition(" to event ")
    return f"{plural(items.count(', ') + 1, 'item')}{to}{event}" if to else detail


# ── What an analyst does ─────────────────────────────────────────────────────────────────────────


@router.post("/events/{id:int}/note")
def note(id: int, site: TheSite, viewer: TheReviewer, form: TheForm) -> Response:
    text = str(form.get("text", "")).strip()[:4000]
    if not text:
        raise ConfigError("the note is empty", subject=f"event {id}")
    site.store.add_note(site.event(id).id, text, by=viewer.name, at=site.now())
    return site.redirect(site.at(f"/events/{id}"), words="Noted.")


@router.post("/events/{id:int}/grade")
def grade(id: int, site: TheSite, viewer: TheReviewer, form: TheForm) -> Response:
    """Sets the grade, or takes it back to the suggested one."""
    given = str(form.get("grade", ""))
    if given and given not in GRADES:
        raise ConfigError("there is no such grade", subject=given[:10], remedy="A1 to F6.")
    site.store.set_grade(
        id,
        given or None,
        expected=str(form.get("expected", "")) or None,
        by=viewer.name,
        at=site.now(),
    )
    site.changed()
    words = f"Graded {given}: {grade_words(given)}." if given else "Graded as suggested."
    return site.redirect(site.at(f"/events/{id}"), words=words)


@router.post("/events/{id:int}/split")
def split(id: int, site: TheSite, viewer: TheReviewer, form: TheForm) -> Response:
    """Takes the chosen items out into an event of their own."""
    items = [str(each) for each in form.getlist("item")]
    if not items:
        raise ConfigError(
            "no item was chosen", subject=f"event {id}", remedy="Tick some on the timeline."
        )
    new = site.store.split_event(id, items, by=viewer.name, at=site.now())
    site.changed()
    words = f"{plural(len(items), 'item')} went into this new event, out of event {id}."
    return site.redirect(site.at(f"/events/{new}"), words=words)


@router.post("/events/{id:int}/merge")
def merge(id: int, site: TheSite, viewer: TheReviewer, form: TheForm) -> Response:
    """Moves all of this event into another."""
    given = str(form.get("into", "")).strip().removeprefix("event ").strip("# ")
    if not given.isdigit() or len(given) > 15:
        raise ConfigError("into which event?", subject=given[:40], remedy="Give its number.")
    into = site.event(int(given)).id
    site.store.merge_events(id, into, by=viewer.name, at=site.now())
    site.changed()
    return site.redirect(site.at(f"/events/{into}"), words=f"Event {id} went into this one.")


@router.post("/events/{id:int}/pin")
def pin(id: int, site: TheSite, viewer: TheReviewer, form: TheForm) -> Response:
    """Pinned items are never regrouped by the machine."""
    pinned = form.get("pinned") == "1"
    site.store.set_pinned(id, pinned, by=viewer.name, at=site.now())
    words = "Pinned: no run moves its items." if pinned else "Unpinned."
    return site.redirect(site.at(f"/events/{id}"), words=words)
