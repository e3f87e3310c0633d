"""Events as a STIX 2.1 bundle, made and checked by the OASIS library.

An event is a Report about the outlets that told it (Identity), with its items as external references
and the analyst's verdict as a label; an indicator of the watch is a Grouping of its reports. A STIX
Indicator would be a detection pattern, which ours is not. Ids follow from the installation, so that a
second export updates the first.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from monitor.model import Event, Watch
from monitor.render import plain, safe_link

MOST = 5000  # events in one bundle

# Admiralty credibility → STIX confidence (STIX 2.1, appendix A)
_CONFIDENCE = {"1": 90, "2": 70, "3": 50, "4": 30, "5": 10}


def bundle(
    events: Sequence[Event], watches: Sequence[Watch], *, installation: str, now: datetime
) -> str:
    """The bundle as JSON text."""
    import stix2.v21 as stix  # 0.8 s: only who asks for it pays

    made = _Maker(stix, installation, now)
    reports = [made.report(event) for event in events if event.members]
    groupings = [
        grouping
        for watch in watches
        for indicator in watch.indicators
        if (grouping := made.grouping(watch.id, indicator.id, indicator.title, events)) is not None
    ]
    objects = [made.own, *made.outlets.values(), *reports, *groupings]
    text: str = stix.Bundle(objects=objects, allow_custom=False).serialize(indent=1)
    return text


class _Maker:
    """Objects of one installation."""

    def __init__(self, stix: Any, installation: str, now: datetime) -> None:
        self._stix = stix
        self._space = uuid.uuid5(uuid.NAMESPACE_URL, f"urn:indicator-monitor:{installation}")
        self._now = now
        self.outlets: dict[str, Any] = {}
        self.own = stix.Identity(
            id=self._id("identity", "monitor"),
            created=_EPOCH,
            modified=_EPOCH,
            name="Indicator monitor",
            identity_class="system",
        )

    def report(self, event: Event) -> Any:
        labels = [f"status:{event.status}", *(f"indicator:{id}" for id in event.indicators)]
        if event.grade:
            labels.append(f"grade:{event.grade}")
        confidence = _CONFIDENCE.get(event.grade[1:] if event.grade else "")
        more = {"confidence": confidence} if confidence is not None else {}
        return self._stix.Report(
            id=self._id("report", f"event:{event.id}"),
            created_by_ref=self.own.id,
            created=event.first_seen_at,
            modified=max(event.updated_at or event.last_seen_at, event.first_seen_at),
            name=plain(event.title) or f"Event {event.id}",
            published=event.first_seen_at,
            report_types=["observed-data"],
            labels=labels,
            object_refs=list(dict.fromkeys(self._outlet(name).id for name in event.sources)),
            external_references=[_reference(member.item) for member in event.members],
            **more,
        )

    def grouping(self, watch: str, id: str, title: str, events: Sequence[Event]) -> Any | None:
        found = [
            event
            for event in events
            if event.members
            and (watch, id) in event.reviews
            and event.reviews[watch, id] != "dismissed"
        ]
        if not found:
            return None
        return self._stix.Grouping(
            id=self._id("grouping", f"indicator:{watch}:{id}"),
            created_by_ref=self.own.id,
            created=_EPOCH,
            modified=self._now,
            name=plain(title),
            context="unspecified",
            object_refs=[self._id("report", f"event:{event.id}") for event in found],
        )

    def _outlet(self, name: str) -> Any:
        if name not in self.outlets:
            self.outlets[name] = self._stix.Identity(
                id=self._id("identity", f"outlet:{name}"),
                created=_EPOCH,
                modified=_EPOCH,
                name=plain(name) or "unknown",
                identity_class="organization",
            )
        return self.outlets[name]

    def _id(self, kind: str, name: str) -> str:
        return f"{kind}--{uuid.uuid5(self._space, f'{kind}:{name}')}"


def _reference(item: Any) -> dict[str, str]:
    found = {
        "source_name": plain(item.source or item.feed) or "unknown",
        "description": plain(item.title),
        "external_id": plain(item.id),
    }
    link = safe_link(item.link)
    return found | ({"url": link} if link else {})


_EPOCH = "2020-01-01T00:00:00.000Z"
