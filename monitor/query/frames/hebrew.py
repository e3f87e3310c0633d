"""Hebrew: doer – verb – object, with את before a definite object and prepositions written
together.

ל marks who receives, מ whence, ב where, על and נגד who is struck, על ידי, ע"י and בידי the doer
of a passive; a noun of action in the construct state takes its doer or object right after it;
adjectives follow their noun: "תקיפה ישראלית" (Glinert 1989, §§ 8.2, 16.1–16.9, 17.2; Coffin &
Bolozky 2005, §§ 6.3, 10.2).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from monitor.query.frames.scene import NO_ROLE, Labels, Scene, roles, words

_hebrew = re.compile(r"[א-ת]")

_prepositions = {
    "על": "on",
    "נגד": "on",
    "אל": "to",
    "לעבר": "on to",
    "עבור": "to",
    "מן": "from by",
    "מצד": "by",
    "ידי": "by",
    "בידי": "by",
    "מידי": "by from",
    "עם": "with",
    "בין": "with",
    "את": "of on",
    "של": "by of on",
    "ליד": "in on",
    "בתוך": "in",
    "באזור": "in on",
    "בשטח": "in on",
    "לידי": "to",
    "בלי": "",
    "בגלל": "",
    "אחרי": "",
    "לפני": "",
    "דרך": "",
}
# Words that begin with ל, מ or ב of their own.
OWN = re.compile(
    r"^(?:לבנון|לבנוני|לוב|לוקשנקו|לברוב|לונדון|מוסקבה|מצרים|מדינ|ממשל|משרד|משמרות|מערכ|מערב|מטוס|מסוק|מפעל|מנוע|מל|בריטניה|ברית|ברלין|בגדד|בייג|בלארוס|באקו|בלינקן|ביידן|בליסטי|בכיר|מתקפ|מתקן|מכיר|מבצע|מליצי|מפלג|מרכז|מזכיר)"
)
CLAUSE = words("כי אם כאשר בעוד אבל לאחר אשר מפני")
SAY = re.compile(
    r"^(?:אמר|אמרה|אמרו|הודיע|הודיעה|הודיעו|דיווח|דיווחו|טען|טענה|הזהיר|הזהירה|האשים|האשימה|גינה|גינתה|הכחיש|הכחישה)$"
)
PASSIVE = re.compile(
    r"^(?:נ(?:מכר|שלח|מסר|תקף|חתם)\w*|הו(?:עבר|טל|תקפ|חרמ|שת)\w*|ס(?:ופק)\w*|הופצצ\w*|הותקפ\w*|הותק\w*)"
)
LIGHT = re.compile(
    r"^(?:ביצע|ביצעה|החל|החלה|פתח|פתחה|חתמ|הטיל|הטילה|אישר|אישרה|ערכ|ערך|קיימ|קיים|השהת|הקפיא|עיכב|דחתה|הסכימ|מתכנ|ביטל|הרחיב|סיכמ|ניהל|מקיימ|עורכ|הציע|תטיל|תבצע|תחל|השלימ|חידש)"
)
RECEIVE = re.compile(r"^(?:קיבל|קלט|ביקש|מבקש|רכש|קנת|תקבל)")


class Hebrew:
    """Readings: ``active``, ``passive``, ``noun``."""

    def writes(self, word: str) -> bool:
        return bool(_hebrew.match(word))

    def readings(self, scene: Scene) -> Sequence[str]:
        start, end = scene.at
        by = any(
            (scene.word(i) == "ידי" and scene.word(i - 1) == "על")
            or (scene.word(i) == "י" and scene.word(i - 1) == "ע")
            or scene.word(i) == "בידי"
            for i in range(end, min(end + 8, len(scene.words)))
        )
        if PASSIVE.match(scene.word(start)):
            return ("passive",)
        if scene.action.noun and not scene.action.verb:
            return ("noun",)
        if by:
            return ("passive", "noun")
        return ("noun", "active") if scene.action.noun else ("active", "noun")

    def labels(self, scene: Scene, reading: str, start: int, end: int) -> Labels:
        start, end = start - scene.begin, end - scene.begin
        at, after = scene.at
        before = end <= at
        between = (end, at) if before else (after, start)
        if not _connected(scene, *between):
            return NO_ROLE
        attached = _prefix(scene.word(start))
        if attached == "ל" and "בין" in scene.words[max(0, start - 4) : start]:
            return roles("with to on")  # "בין איראן לרוסיה": between one and the other
        if attached:
            return roles({"ל": "to on", "מ": "from by", "ב": "in on with"}[attached])
        governor = _governor(scene, start, 0 if before else after)
        if governor:
            return roles(_prepositions[governor])
        if before:
            return self._before(scene, reading, start, end, at)
        blocked = scene.actor_between(after, start, but=(start, end))
        if reading == "noun":
            if start - after <= 2 and blocked is None:
                return roles("by of on with from")
            return roles("of") if start - after <= 4 else NO_ROLE
        return roles("of on by") if blocked is None and start == after else roles("of on")

    def _before(self, scene: Scene, reading: str, start: int, end: int, at: int) -> Labels:
        nearer = scene.actor_between(end, at, but=(start, end))
        if nearer is not None and not (nearer[0] - end <= 2 and not _prefix(scene.word(nearer[0]))):
            return NO_ROLE
        if scene.has_break(end, at, ",") and at - end > 2:
            return NO_ROLE
        if reading == "passive":
            return roles("of on by from") if _gentilic(scene.word(end - 1)) else roles("of on to")
        if reading == "active":
            return roles("by")
        between = scene.words[end:at]
        if any(RECEIVE.match(word) for word in between):
            return roles("to")
        if not between or any(LIGHT.match(word) for word in between):
            return roles("by with")
        return NO_ROLE


GRAMMAR = Hebrew()


def _prefix(word: str) -> str:
    """ל, מ or ב written together with the word it governs, also behind ו and ש."""
    if word[:1] in ("ו", "ש") and len(word) > 5:
        word = word[1:]
    if len(word) < 4 or OWN.match(word):
        return ""
    return word[0] if word[0] in "למב" else ""


def _governor(scene: Scene, start: int, lowest: int) -> str:
    for index in range(start - 1, max(lowest, start - 3) - 1, -1):
        word = scene.word(index)
        if word == "י" and scene.word(index - 1) == "ע":
            return "ידי"
        if word in _prepositions:
            return word
        if scene.breaks[index + 1] or word in CLAUSE or _prefix(word):
            return ""
    return ""


def _gentilic(word: str) -> bool:
    """Adjectives of origin in י, ית, ים, יות (Glinert § 39)."""
    return word.endswith(("י", "ית", "ים", "יות", "יים"))


def _connected(scene: Scene, start: int, end: int) -> bool:
    if scene.has_break(start, end, ";:(–"):
        return False
    return not any(word in CLAUSE or SAY.match(word) for word in scene.words[start:end])
