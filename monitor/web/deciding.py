"""Verdicts: one or many at once, with what each was seen as, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer

from monitor.desk import ConflictError
from monitor.errors import ConfigError
from monitor.model import STATUSES, Review, Status
from monitor.report.wording import STATUS_WORDS, plural
from monitor.web.access import Viewer
from monitor.web.installation import known_pairs
from monitor.web.site import Site, TheForm, TheReviewer, TheSite, back_to, wants_json

router = APIRouter(include_in_schema=False)

REASONS = (
    "not this indicator",
    "opinion or speculation",
    "old news",
    "duplicate of another event",
    "unreliable source",
    "mistranslated or misread",
    "other",
)
ASK_ABOVE = 20  # verdicts at once that are confirmed first
MOST = 200
UNDO_SECONDS = 86400
SECOND = "second opinion"  # how a review given unseen is marked in its note


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What a verdict is about, and what it was seen as."""

    event: int
    watch: str
    indicator: str
    seen: Status

    def __str__(self) -> str:
        return f"{self.event}:{self.watch}:{self.indicator}:{self.seen}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of verdicts."""

    done: tuple[Pair, ...]
    conflicts: tuple[tuple[Pair, ConflictError], ...]
    undo: str  # token; "" where nothing was done


def parse_pair(text: str, site: Site) -> Pair:
    """From ``event:watch:indicator:status``. Raises ConfigError."""
    parts = text.split(":")
    known = known_pairs(site.watches)
    if len(parts) == 4 and parts[0].isdigit() and len(parts[0]) < 16 and parts[3] in STATUSES:
        event, watch, indicator, seen = parts
        if (watch, indicator) in known:
            return Pair(event=int(event), watch=watch, indicator=indicator, seen=seen)  # type: ignore[arg-type]
    raise ConfigError("this is no event and indicator of ours", subject=text[:80])


def decide(
    site: Site,
    pairs: Sequence[Pair],
    status: Status,
    *,
    by: str,
    now: datetime,
    reason: str = "",
    note: str = "",
) -> Outcome:
    """Appends the verdicts; what somebody else has decided meanwhile is left, and told."""
    reviews = [
        Review(
            event=pair.event,
            watch=pair.watch,
            indicator=pair.indicator,
            status=status,
            by=by,
            at=now,
            reason=reason,
            note=note,
        )
        for pair in pairs
    ]
    found = site.store.add_reviews(reviews, expected=[pair.seen for pair in pairs])
    done = tuple(p for p, error in zip(pairs, found, strict=True) if error is None)
    conflicts = tuple((p, e) for p, e in zip(pairs, found, strict=True) if e is not None)
    if done:
        site.changed()
    return Outcome(
        done=done, conflicts=conflicts, undo=undo_token(site, done, status, by) if done else ""
    )


# ── Undo ─────────────────────────────────────────────────────────────────────────────────────────


def _signer(site: Site) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(site.store.secret(), salt="undo")


def undo_token(site: Site, pairs: Sequence[Pair], status: Status, by: str) -> str:
    """Everything that undoing needs, signed: grouped, so that it stays short enough for a cookie."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    for pair in pairs:
        groups.setdefault((pair.watch, pair.indicator, pair.seen), []).append(pair.event)
    value = {"by": by, "is": status, "was": [[*key, *ids] for key, ids in groups.items()]}
    return str(_signer(site).dumps(value))


def undo(site: Site, token: str, *, by: str, now: datetime) -> Outcome:
    """Gives each pair the status it had, where it still has the one that is undone."""
    try:
        found = _signer(site).loads(token, max_age=UNDO_SECONDS)
    except BadSignature:
        raise ConfigError("this can no longer be undone", remedy="Decide again.") from None
    if found["by"] != by:
        raise ConfigError("somebody else decided this", remedy="Open the event and decide there.")
    pairs: list[tuple[Pair, Status]] = [
        (Pair(event=id, watch=watch, indicator=indicator, seen=found["is"]), before)
        for watch, indicator, before, *ids in found["was"]
        for id in ids
    ]
    reviews = [
        Review(
            event=pair.event,
            watch=pair.watch,
            indicator=pair.indicator,
            status=before,
            by=by,
            at=now,
            note="undone",
        )
        for pair, before in pairs
    ]
    errors = site.store.add_reviews(reviews, expected=[pair.seen for pair, _ in pairs])
    site.changed()
    return Outcome(
        done=tuple(p for (p, _), e in zip(pairs, errors, strict=True) if e is None),
        conflicts=tuple((p, e) for (p, _), e in zip(pairs, errors, strict=True) if e is not None),
        undo="",
    )


# ── Routes ───────────────────────────────────────────────────────────────────────────────────────


@router.post("/reviews")
def reviews(request: Request, site: TheSite, viewer: TheReviewer, form: TheForm) -> Response:
    """A verdict on each ``pair``; ``back`` is where to go on."""
    status = str(form.get("status", ""))
    if status not in STATUSES:
        raise ConfigError("there is no such verdict", subject=status[:40])
    pairs = [parse_pair(str(each), site) for each in form.getlist("pair")[: MOST + 1]]
    if len(pairs) > MOST:
        raise ConfigError(f"at most {MOST} verdicts at once")
    reason = str(form.get("reason", "")).strip()[:200]
    note = str(form.get("note", "")).strip()[:4000]
    back = back_to(site, str(form.get("back", "")))
    if status == "dismissed" and not reason:
        raise ConfigError("a dismissal needs a reason", remedy="Choose one beside the button.")
    if len(pairs) > ASK_ABOVE and not form.get("sure"):
        return _ask(request, site, viewer, form, pairs, status)
    if form.get("mode") == "second":
        return _second(request, site, viewer, pairs, status, reason, note, back)
    found = decide(
        site,
        pairs,
        status,
        by=viewer.name,
        now=site.now(),
        reason=reason if status == "dismissed" else "",
        note=note,
    )
    return _told(request, site, found, status, back)


@router.post("/reviews/undo")
def undo_reviews(request: Request, site: TheSite, viewer: TheReviewer, form: TheForm) -> Response:
    found = undo(site, str(form.get("token", "")), by=viewer.name, now=site.now())
    back = back_to(site, str(form.get("back", "")))
    if wants_json(request):
        return JSONResponse(_shape(site, found), status_code=200 if found.done else 409)
    words = f"{plural(len(found.done), 'verdict')} undone." + _conflict_words(found)
    return site.redirect(back, words=words)


def _ask(
    request: Request, site: Site, viewer: Viewer, form: Any, pairs: Sequence[Pair], status: str
) -> Response:
    """More than a screen at once: is it meant?"""
    if wants_json(request):
        return JSONResponse({"ask": f"{len(pairs)} events at once: say sure=1"}, status_code=428)
    fields = [(k, str(v)) for k, v in form.multi_items() if k not in ("csrf", "sure")]
    values = {"fields": fields, "count": len(pairs), "verdict": STATUS_WORDS[status]}
    return site.page("sure", viewer, values, title="Are you sure?", tab="inbox")


def _second(
    request: Request,
    site: Site,
    viewer: Viewer,
    pairs: Sequence[Pair],
    status: str,
    reason: str,
    note: str,
    back: str,
) -> Response:
    """A verdict given unseen; where it differs from what stands, the pair needs a second look.

    What stands is not shown to who gives it, so that there is no conflict to tell either.
    """
    marked = f"{SECOND}: {note}" if note else SECOND
    done: list[Pair] = []
    for pair in pairs:
        standing = site.standing(pair.event, pair.watch, pair.indicator)
        seen = Pair(event=pair.event, watch=pair.watch, indicator=pair.indicator, seen=standing)
        now = site.now()
        found = decide(
            site,
            [seen],
            status,  # type: ignore[arg-type]
            by=viewer.name,
            now=now,
            reason=reason,
            note=marked,
        )
        done += found.done
        if found.done and standing in ("confirmed", "dismissed") and standing != status:
            mine = Pair(event=pair.event, watch=pair.watch, indicator=pair.indicator, seen=status)  # type: ignore[arg-type]
            words = f"two opinions: {standing} and {status}"
            decide(site, [mine], "second-look", by=viewer.name, now=now, note=words)
    outcome = Outcome(done=tuple(done), conflicts=(), undo="")
    return _told(request, site, outcome, status, back)


def _told(request: Request, site: Site, outcome: Outcome, status: str, back: str) -> Response:
    if wants_json(request):
        code = 409 if outcome.conflicts and not outcome.done else 200
        return JSONResponse(_shape(site, outcome) | {"status": status}, status_code=code)
    word = {"new": "Put back", "second-look": "Marked for a second look"}.get(
        status, STATUS_WORDS[status]
    )
    words = f"{word}: {plural(len(outcome.done), 'event')}." + _conflict_words(outcome)
    return site.redirect(back, words=words, undo=outcome.undo)


def _conflict_words(outcome: Outcome) -> str:
    if not outcome.conflicts:
        return ""
    told = "; ".join(f"event {pair.event}: {e.problem}" for pair, e in outcome.conflicts[:3])
    return f" {len(outcome.conflicts)} left as they are ({told})."


def _shape(site: Site, outcome: Outcome) -> dict[str, Any]:
    return {
        "done": [str(pair) for pair in outcome.done],
        "conflicts": [
            {"pair": str(pair), "current": error.current, "by": error.by, "words": error.problem}
            for pair, error in outcome.conflicts
        ],
        "undo": outcome.undo,
        "to_review": site.to_review(),
    }
