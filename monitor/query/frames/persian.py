"""Persian: the verb comes last, prepositions mark the rest, را the definite object.

Word order is doer – (to whom) – thing – verb; به marks who receives or is struck, از whence, توسط
and از سوی the doer of a passive; a noun of action takes its doer or thing by ezafe, right after
it (Windfuhr & Perry 2009, §§ 5.2–5.4, 6.1; Lazard 1992, §§ 86–97, 183). Compound verbs are a noun
and a light verb, so the form that is listed is most often the noun: the light verb after it tells
the voice (کرد active, شد passive).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from monitor.query.frames.scene import NO_ROLE, Labels, Scene, roles, words

_arabic = re.compile(r"[\u0620-\u06ff]")

# Folded as the items are: ی = ي, ک = ك. ZWNJ has become a space: می‌کند is two words.
ACTIVE = re.compile(
    r"(?:كرد|كرده|كردند|كند|كنند|كردن|داد|داده|دادند|دهد|دهند|زد|زده|زدند|زند|گذاشت|ساخت|فرستاد|برد|بست|گرفت|گرفته|خواند|آورد|اورد|ميكند|ميدهد)$"
)
PASSIVE = re.compile(r"(?:شد|شده|شدند|شود|شوند|شدن|ميشود|گرديد|خورد|یافت|يافت|گشت)$")
MODAL = words("مي نمي خواهد خواهند نخواهد را است اند بود هم رسما")

_prepositions = {
    "به": "to on",
    "از": "from by",
    "با": "with of",
    "بر": "on",
    "عليه": "on",
    "ضد": "on",
    "روي": "on",
    "در": "in on",
    "برای": "to",
    "براي": "to",
    "توسط": "by",
    "سوي": "by",
    "جانب": "by",
    "طرف": "by",
    "دست": "by",
    "بين": "with",
    "ميان": "with",
    "درباره": "",
    "بدون": "",
    "تا": "to",
    "نزديك": "in",
    "داخل": "in",
    "خاك": "in on",
    "مقابل": "",
    "بابت": "",
}
CLAUSE = words("كه اگر چون زيرا اما ولي وقتي هنگامي تا")
SAY = re.compile(r"(?:گفت|گفتند|اعلام|هشدار|مدعي|خبر|تاكيد|افزود|گزارش)$")


class Persian:
    """Readings: ``active``, ``passive``, ``noun``."""

    def writes(self, word: str) -> bool:
        return bool(_arabic.match(word))

    def readings(self, scene: Scene) -> Sequence[str]:
        start, end = scene.at
        if PASSIVE.match(scene.word(end - 1)) or PASSIVE.match(scene.word(start)):
            return ("passive",)
        for index in range(end, min(end + 4, len(scene.words))):
            word = scene.word(index)
            if scene.breaks[index]:
                break
            if PASSIVE.match(word):
                return ("passive", "noun")
            if ACTIVE.match(word):
                following = scene.word(index + 1)
                # "تحویل داده شد": the participle of the light verb and شد.
                if word.endswith("ه") and PASSIVE.match(following):
                    return ("passive",)
                return ("active", "noun") if index <= end + 1 else ("noun", "active")
            if word not in MODAL and index > end:
                break
        if scene.action.noun or not scene.action.verb:
            return ("noun", "active")
        return ("active", "noun")

    def labels(self, scene: Scene, reading: str, start: int, end: int) -> Labels:
        start, end = start - scene.begin, end - scene.begin
        at, after = scene.at
        before = end <= at
        between = (end, at) if before else (after, start)
        if not _connected(scene, *between):
            return NO_ROLE
        governor = _governor(scene, start, 0 if before else after)
        if governor and _used_up(scene, start, end, governor):
            governor = ""
        if governor:
            found = roles(_prepositions[governor])
            if governor == "از" and not scene.is_actor(start, end):
                return roles("of on")  # "محموله‌ای از پهپادها": a part of a thing
            if governor == "از" and reading == "active":
                return found - {"by"}
            return found
        if before:
            return self._bare_before(scene, reading, start, end, at)
        # Ezafe: what follows a noun of action is its doer or what it is done to.
        if reading != "active" or start - after <= 1:
            blocked = scene.actor_between(after, start, but=(start, end))
            if start - after <= 3 and blocked is None:
                return roles("by of on with")
            return roles("of") if start - after <= 3 else NO_ROLE
        return NO_ROLE

    def _bare_before(self, scene: Scene, reading: str, start: int, end: int, at: int) -> Labels:
        if scene.word(end) == "را" or "را" in scene.words[end : min(end + 4, at)]:
            return roles("of on") if scene.word(end) == "را" else roles("of on by")
        nearer = scene.actor_between(end, at, but=(start, end))
        free = (
            nearer is None
            or _governor(scene, nearer[0], end) != ""
            or _ezafe(scene, end, nearer[0])
        )
        if reading == "passive":
            found = roles("of on")
            # "پهپادهای ایرانی … تحویل داده شد": an adjective after the thing names its maker.
            return found | roles("by from") if _modifier(scene, start, end) else found
        if reading == "active":
            if _modifier(scene, start, end) and not free:
                return roles("of on")
            return roles("by of on") if free else roles("of on")
        # A noun of action with the doer in front: "ایران تحویل … را آغاز کرد", "اسرائیل در حمله به".
        return roles("by with of") if free else roles("of")


GRAMMAR = Persian()


def _governor(scene: Scene, start: int, lowest: int) -> str:
    for index in range(start - 1, max(lowest, start - 4) - 1, -1):
        word = scene.word(index)
        if word in _prepositions and not (word == "دست" and scene.word(index - 1) != "به"):
            return word
        if (
            scene.breaks[index + 1]
            or word in CLAUSE
            or word == "را"
            or ACTIVE.match(word)
            or PASSIVE.match(word)
        ):
            return ""
    return ""


def _used_up(scene: Scene, start: int, end: int, governor: str) -> bool:
    """Whether the preposition has a name of its own before a thing: "به روسیه پهپاد داد"."""
    at = max(i for i in range(start) if scene.word(i) == governor)
    return not scene.is_actor(start, end) and scene.is_actor(at + 1, at + 2)


def _ezafe(scene: Scene, end: int, nearer: int) -> bool:
    """A nearer doer two words on at most is part of the same phrase: سپاه ایران, وزیر خارجه روسیه."""
    return nearer - end <= 2 and not scene.has_break(end, nearer, ",;:(–")


def _modifier(scene: Scene, start: int, end: int) -> bool:
    return (
        end - start == 1
        and scene.word(start).endswith("ي")
        and start > 0
        and not scene.breaks[start]
    )


def _connected(scene: Scene, start: int, end: int) -> bool:
    if scene.has_break(start, end, ";:(–"):
        return False
    words = scene.words[start:end]
    return not any(word in CLAUSE or SAY.match(word) for word in words)
