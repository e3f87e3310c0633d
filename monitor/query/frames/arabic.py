"""Arabic: verb – doer – object, in headlines also doer – verb; prepositions and proclitics mark
the rest.

The doer follows the verb at once or stands before it as the topic; a masdar takes its doer (or
its object, if no doer is named) in the genitive right after it; إلى and ل mark who receives, على
and ضد who is struck, ب what is supplied, من قبل, من جانب and على يد the doer of a passive (Ryding
2005, §§ 4.1–4.3, 16.2–16.3, 38.2; Badawi et al. 2004, §§ 2.11, 3.11). Adjectives follow their
noun: "غارة إسرائيلية".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from monitor.query.frames.scene import NO_ROLE, Labels, Scene, roles, words

_arabic = re.compile(r"[\u0620-\u06ff]")

_prepositions = {
    "الي": "to on",
    "علي": "on",
    "ضد": "on",
    "من": "from by",
    "قبل": "by",
    "جانب": "by",
    "يد": "by",
    "بواسطه": "by",
    "في": "in on",
    "داخل": "in",
    "قرب": "in on",
    "مع": "with",
    "بين": "with",
    "لدي": "in",
    "نحو": "to",
    "لصالح": "to",
    "عن": "",
    "بشان": "",
    "بسبب": "",
    "خلال": "",
    "عبر": "",
    "بعد": "",
    "منذ": "",
    "حول": "",
    "استهدفت": "on",
    "تستهدف": "on",
}
# Words that begin with ل or ب of their own.
OWN = re.compile(
    r"^(?:لبنان|ليبيا|لافروف|لندن|لجنه|لوكسمبورغ|بوتين|بريطانيا|بغداد|بكين|باكستان|بروكسل|برلين|بيروت|بزشكيان|بايدن|بلينكن|بلغاريا|بولندا|بيونغ|باريس|بوشهر|بنك|بحر|باليستي|باتريوت|لقاء|بيع|بيلاروسيا|باقري)"
)
CLAUSE = words(
    "ان انها انه انهم الذي التي الذين اذا عندما بينما لكن حيث كما لان حين فيما وقال وقالت"
)
SAY = re.compile(
    r"^و?(?:قال|قالت|تقول|يقول|اعلن|اعلنت|يعلن|تعلن|اكد|اكدت|تؤكد|افاد|افادت|ذكرت|تتهم|اتهم|اتهمت|يتهم|تدين|ادانت|تحذر|حذر|حذرت|تنفي|نفت|كشف|كشفت)$"
)
PASSIVE = words("تم يتم جري تمت سيتم")
LIGHT = re.compile(
    r"^(?:و|س)?(?:ت|ي|ا)?(?:شن|شنت|نفذ|نفذت|بدا|بدات|بدء|فرض|فرضت|وقع|وقعت|علق|علقت|اوقف|اوقفت|استانف|استانفت|وافق|وافقت|عرض|واصل|واصلت|جري|اجري|اجرت|عقد|قرر|قررت|ارجا|تؤجل|اجلت|توقف|كثف|كثفت|يواصل|تواصل|تبدا|يبدا|تفرض|تشن|تنفذ|توقع|تجري|تعقد|تعلق|ترجي|وسعت|توسع|شدد|تشدد)"
)
RECEIVE = re.compile(
    r"^(?:ت|ي|س)?(?:تسلم|تسلمت|تتسلم|تلقت|تتلقي|تلقي|استلمت|حصلت|تحصل|تنتظر|طلبت|تطلب)"
)


class Arabic:
    """Readings: ``active``, ``passive``, ``noun``."""

    def writes(self, word: str) -> bool:
        return bool(_arabic.match(word))

    def readings(self, scene: Scene) -> Sequence[str]:
        start, end = scene.at
        before = scene.word(start - 1)
        if scene.action.noun and not scene.action.verb:
            return ("noun",)
        if before in PASSIVE or any(
            scene.word(i) in ("قبل", "يد", "جانب") and scene.word(i - 1) in ("من", "علي")
            for i in range(end, min(end + 8, len(scene.words)))
        ):
            return ("passive", "noun", "active")
        if scene.action.noun:
            return ("noun", "active")
        return ("active", "noun")

    def labels(self, scene: Scene, reading: str, start: int, end: int) -> Labels:
        start, end = start - scene.begin, end - scene.begin
        at, after = scene.at
        before = end <= at
        between = (end, at) if before else (after, start)
        if not _connected(scene, *between):
            return NO_ROLE
        attached = _proclitic(scene.word(start))
        if attached == "ل":
            return roles("to on")
        if attached == "ب":
            return roles("of in with")
        governor = _governor(scene, start, 0 if before else after)
        if governor == "من" and not scene.is_actor(start, end):
            return roles("of on")  # "دفعة من الطائرات": a part of a thing
        if governor:
            return roles(_prepositions[governor])
        if before:
            return self._before(scene, reading, start, end, at)
        return self._after(scene, reading, start, end, after)

    def _before(self, scene: Scene, reading: str, start: int, end: int, at: int) -> Labels:
        if scene.has_break(end, at, ","):
            return NO_ROLE
        nearer = scene.actor_between(end, at, but=(start, end))
        if nearer is not None and not (nearer[0] - end <= 2 and nearer[1] < at):
            return NO_ROLE
        if reading == "passive":
            return roles("of on to by from") if _nisba(scene, start, end) else roles("of on to")
        if reading == "active":
            return roles("by") if not _nisba(scene, start, end) else roles("by of")
        between = scene.words[end:at]
        if any(RECEIVE.match(word) for word in between):
            return roles("to")
        if between and not any(LIGHT.match(word) for word in between) and len(between) > 2:
            return NO_ROLE
        return roles("by with")

    def _after(self, scene: Scene, reading: str, start: int, end: int, after: int) -> Labels:
        blocked = scene.actor_between(after, start, but=(start, end))
        distance = start - after
        if reading == "noun":
            # The genitive right after a masdar; an adjective after the noun: "الغارات الإسرائيلية".
            if _nisba(scene, start, end) and distance <= 2 and blocked is None:
                return roles("by with from of")
            if blocked is None and distance <= 3:
                return roles("by of on with to")
            return roles("of to on")
        if reading == "passive":
            if blocked is None:
                return roles("of on by from") if _nisba(scene, start, end) else roles("of on to")
            return roles("of on to")
        if blocked is None and distance <= 5:
            return roles("by of on to")
        return roles("of on to")


GRAMMAR = Arabic()


def _proclitic(word: str) -> str:
    """ل or ب written together with the word it governs."""
    if word.startswith("و") and len(word) > 5 and word[1:2] in "لب":
        word = word[1:]
    if OWN.match(word) or len(word) < 4:
        return ""
    if word.startswith("ل"):
        return "ل"
    return "ب" if word.startswith("ب") else ""


def _governor(scene: Scene, start: int, lowest: int) -> str:
    for index in range(start - 1, max(lowest, start - 4) - 1, -1):
        word = scene.word(index)
        if word in _prepositions:
            return word
        if scene.breaks[index + 1] or word in CLAUSE or _proclitic(word):
            return ""
    return ""


def _nisba(scene: Scene, start: int, end: int) -> bool:
    """An adjective of relation in ي, يه or يون (Ryding § 10.1)."""
    return end - start == 1 and scene.word(start).endswith(("ي", "يه", "يون", "يين", "يتان", "يات"))


def _connected(scene: Scene, start: int, end: int) -> bool:
    if scene.has_break(start, end, ";:(–"):
        return False
    return not any(word in CLAUSE or SAY.match(word) for word in scene.words[start:end])
