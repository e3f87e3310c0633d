"""The operator's mail: what is wrong with the installation, told once, and again when it is mended."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from monitor.digest import wording
from monitor.digest.forms import templates, wrapped
from monitor.digest.letters import Letter
from monitor.digest.values import House
from monitor.render import BrokenTemplateError, plain, render


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that is wrong; ``key`` stays the same as long as it is the same thing."""

    key: str
    words: str
    since: str  # "2026-11-25 06:00 UTC"
    remedy: str = ""
    covers: str = ""  # beginning of the keys that it stands for when they are too many to be told


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeContent:
    """What one notice says."""

    sentence: str
    subject: str
    new: tuple[Trouble, ...]
    mended: tuple[Trouble, ...]
    open: tuple[Trouble, ...]  # told before, still so


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the operator has been told of and is not mended yet; kept as JSON."""

    told: tuple[Trouble, ...] = ()

    @classmethod
    def read(cls, text: str | None) -> Standing:
        try:
            rows = json.loads(text or "[]")
            return cls(told=tuple(Trouble(**row) for row in rows))
        except (ValueError, TypeError):
            return cls()

    def text(self) -> str:
        return json.dumps([asdict(each) for each in self.told], ensure_ascii=False)

    def next(self, troubles: Sequence[Trouble]) -> Standing:
        """After a notice of ``troubles``: what was known keeps the words and time it was told with."""
        known = {each.key: each for each in self.told}
        now = {each.key for each in troubles}
        covered = [
            each for each in self.told if each.key not in now and _is_covered(each, troubles)
        ]
        return Standing(told=(*(known.get(each.key, each) for each in troubles), *covered))


def _is_covered(trouble: Trouble, troubles: Sequence[Trouble]) -> bool:
    """Whether one of ``troubles`` stands for it: then nobody knows that it was mended."""
    return trouble.key.startswith(tuple(each.covers for each in troubles if each.covers))


def notice(before: Standing, troubles: Sequence[Trouble], house: House) -> NoticeContent | None:
    """What to tell now; None where nothing is new and nothing was mended."""
    known = {each.key for each in before.told}
    now = {each.key for each in troubles}
    new = tuple(each for each in troubles if each.key not in known)
    mended = tuple(
        each for each in before.told if each.key not in now and not _is_covered(each, troubles)
    )
    still = tuple(each for each in before.told if each.key in now)
    if not new and not mended:
        return None
    parts = []
    if new:
        parts.append(wording.count(len(new), "new problem"))
    if mended:
        parts.append(f"{len(mended)} mended")
    if still:
        parts.append(f"{len(still)} still open")
    first = (new or mended)[0]
    head = first.words if new else f"mended: {first.words}"
    return NoticeContent(
        sentence=f"{house.name}: {', '.join(parts)}.",
        subject=wording.cut(f"{house.name[:24]} operator: {plain(head)}", 70),
        new=new,
        mended=mended,
        open=still,
    )


def notice_letter(
    said: NoticeContent, before: Standing, recipient: str, house: House
) -> tuple[Letter, BrokenTemplateError | None]:
    """The message. Its slot follows from what was told before and what is told now, so that a notice
    that was frozen and not noted is not frozen twice."""
    text, broken = _text(said, house)
    keys = [each.key for each in (*said.new, *said.mended)]
    told = hashlib.sha256(json.dumps([before.text(), sorted(keys)]).encode()).hexdigest()[:20]
    letter = Letter(
        kind="operator",
        subscription="operator",
        recipient=recipient,
        slot=told,
        subject=said.subject,
        text=text,
    )
    return letter, broken


def _text(said: NoticeContent, house: House) -> tuple[str, BrokenTemplateError | None]:
    values: Mapping[str, Any] = {"c": said}
    own, shipped = house.templates
    broken = None
    for folders in ((own, shipped), (shipped,)):
        try:
            return render(templates(*folders), "email/notice.txt", values).strip(
                "\n"
            ) + "\n", broken
        except BrokenTemplateError as error:
            broken = error
    rows = [said.sentence, *(each.words for each in (*said.new, *said.mended))]
    return "\n".join(wrapped(row) for row in rows) + "\n", broken


def utc(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at is not None else "an unknown time"
