"""One digest, whole: content, form, bytes. Something always comes of it.

A broken template of the user is replaced by ours; where ours fails too, which would be a bug, the digest
goes out as bare text. It never grows past what mail programs show: events that have no room become
counts, then the lines of its lists do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from monitor.digest.content import ROOMS, content, told
from monitor.digest.forms import Form, form
from monitor.digest.known import Known
from monitor.digest.letters import (
    MAX_BYTES,
    MESSAGE_ERRORS,
    Attachment,
    Letter,
    bare,
    frozen,
    header_text,
)
from monitor.digest.links import unsubscribe_link, unsubscribe_token
from monitor.digest.values import DigestContent, House
from monitor.model import Outgoing, Subscription
from monitor.render import BrokenTemplateError

_log = structlog.get_logger(__name__)

MOST_BYTES = 80_000  # of HTML and text; mail programs clip at about 102 kB
_EVENTS = 5  # are worth more than long lists


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A digest, and what there is to say about its making."""

    message: Outgoing
    content: DigestContent
    size: int  # bytes of HTML and text, decoded
    broken: BrokenTemplateError | None = None  # the user's template, if it could not be used


def digest_message(
    known: Known,
    subscription: Subscription,
    recipient: str,
    house: House,
    *,
    now: datetime,
    report: Callable[[], Attachment | None] | None = None,
) -> Composed:
    """The digest of one slot for one recipient. Raises nothing for any text a feed may hold.

    ``report`` makes the report that is attached where events are left out and no pages can show them.
    """
    address = bare(recipient)
    hits = known.hits
    known = _sound(known, subscription, address, house)
    said = content(known, subscription, address, house)
    attachment = None
    if said.rest and not house.public_url and report is not None:
        attachment = report()
    known = replace(known, attached=attachment.name if attachment else "")
    token = unsubscribe_token(house.secret, subscription.name, address)
    link = unsubscribe_link(house.public_url, token)
    said, made = _fitting(known, subscription, address, house, link)
    letter = Letter(
        kind="digest",
        subscription=subscription.name,
        recipient=recipient,
        slot=known.slot,
        subject=said.subject,
        text=made.text,
        html=made.html,
        attachments=[attachment] if attachment else [],
        unsubscribe=link,
        in_list=True,
        hits=told(known, subscription, house, hits),
    )
    return Composed(
        message=_frozen(letter, said, house, now),
        content=said,
        size=_size(made),
        broken=made.broken,
    )


def _sound(known: Known, subscription: Subscription, recipient: str, house: House) -> Known:
    """``known``, or what of it can be told: nothing that is stored keeps the rest from its reader."""

    def told(some: Known) -> bool:
        try:
            content(some, subscription, recipient, house)
        except Exception as error:
            _log.error("digest", name=subscription.name, exc_info=error, sent="without it")
            return False
        return True

    if told(known):
        return known
    plain = replace(known, events=(), assessments={}, changes=(), feeds=(), floods=())
    hits = [stored for stored in known.hits if told(replace(plain, hits=[stored]))]
    left = len(known.hits) - len(hits)
    what = f"{left} of {len(known.hits)} items" if left else "Levels, coverage and grouping"
    note = f"{known.note} {what} could not be shown in this digest; see the pages."
    return replace(plain, hits=hits, note=note.strip())


def _fitting(
    known: Known, subscription: Subscription, recipient: str, house: House, link: str
) -> tuple[DigestContent, Form]:
    """Content and form with as many events, then as long lists, as there is room for.

    What is left when all of it is counts is as long as a user's own template makes it.
    """
    for room in ROOMS:
        most = subscription.max_events
        least = 0 if room is ROOMS[-1] else _EVENTS
        while True:
            chosen = replace(subscription, max_events=most)
            said = content(known, chosen, recipient, house, room)
            made = _form(said, house, link)
            size = _size(made)
            if size <= MOST_BYTES:
                return said, made
            if len(said.events) <= least:
                break
            fitting = len(said.events) * MOST_BYTES // size
            most = max(least, min(len(said.events) - 1, fitting))
    _log.warning("digest", name=subscription.name, bytes=size, most=MOST_BYTES)
    return said, made


def _size(made: Form) -> int:
    return sum(len(each.encode("utf-8", "replace")) for each in (made.html, made.text))


def _form(said: DigestContent, house: House, link: str) -> Form:
    def values(note: str) -> Mapping[str, Any]:
        return {"c": replace(said, note=f"{said.note} {note}".strip()), "unsubscribe": link}

    try:
        return form(house.templates, "digest", values)
    except BrokenTemplateError as error:
        _log.error("digest", problem=str(error), sent="as bare text")
        return Form(bare_text(said), "", error)


def bare_text(said: DigestContent) -> str:
    """The digest without any template: what matters, in plain lines."""
    rows = [f"{said.house}: {said.heading}", said.period, "", said.sentence]
    rows += ["", said.gap.sentence] if said.gap else []
    for line in said.levels:
        rows += ["", f"{line.name}: {line.before} -> {line.after}"]
    for event in said.events:
        rows += ["", event.title, f"{', '.join(event.labels)} | {event.source} | {event.date}"]
        rows += [link for link in (event.link, event.source_link) if link]
    if said.rest:
        rows += ["", f"And {said.total - len(said.events)} more."]
    rows += ["", f"Data as of {said.as_of_words}."]
    return "\n".join(rows) + "\n"


def _frozen(letter: Letter, said: DigestContent, house: House, now: datetime) -> Outgoing:
    """The letter as bytes; if it cannot be, in neutral words: nothing stops a digest."""
    try:
        message = frozen(letter, house, now=now)
        if len(message.body) > MAX_BYTES and letter.attachments:
            letter = replace(letter, attachments=())
            message = frozen(letter, house, now=now)
        return message
    except MESSAGE_ERRORS as error:
        _log.error("digest", exc_info=error, sent="with a neutral subject")
    subject = header_text(f"{said.name} digest").encode("ascii", "replace").decode()
    return frozen(replace(letter, subject=subject, attachments=()), house, now=now)
