"""English: order and prepositions decide; the passive and the reduced participle turn them round.

Sources: Quirk et al., A Comprehensive Grammar of the English Language (CGEL below, with its section).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from monitor.query.frames.scene import NO_ROLE, Labels, Scene, lookup, roles, words

_latin = re.compile(r"[a-z]")

BE = words("is are was were be been being am gets got get getting s")
HAVE = words("has have had having ve")
MODAL = words("will would could should may might must can shall ll d to not n t")
ADVERB = words(
    "also now already still never not reportedly allegedly again soon first just jointly secretly "
    "covertly directly quietly since then ever twice once even yet being been both all"
)
# Past participles that do not end in -ed (CGEL 3.14–3.20).
PARTICIPLES = words(
    "sent sold given built made struck hit shot bought brought led held kept lost cut met put set "
    "fed dealt laid paid shut taken seen shown flown driven drawn thrown withdrawn begun frozen "
    "broken chosen stolen hidden spoken written lent spent sought found left bound won handed "
    "rebuilt overseen"
)
# Past tenses that are not also participles: always active.
PAST_ONLY = words(
    "gave took flew drove drew threw withdrew began froze broke chose stole spoke wrote saw"
)

PRONOUN = words("it he she they we")
RELATIVE = words("which who that")
CLAUSE = words(
    "that who whom whose which while after before as because when if although though whether "
    "where amid since until but despite how why what so than once unless"
)
SAY = words(
    "say says said saying tell tells told warn warns warned claim claims claimed report reports "
    "reported confirm confirms confirmed allege alleges alleged announce announces announced "
    "believe believes believed show shows showed reveal reveals revealed suggest suggests "
    "suggested insist insists insisted acknowledge acknowledges acknowledged admit admits "
    "admitted add adds added think thinks thought fear fears feared know knows knew hope hopes "
    "hoped expect expects expected see sees saw find finds condemn condemns condemned criticise "
    "criticises criticized criticizes slam slams slammed blast blasts praise praises praised "
    "welcome welcomes welcomed mull mulls react reacts probe probes investigate investigates "
    "protest protests fume fumes"
)
# Verbs that carry a noun of action: "carries out strikes", "began deliveries" (CGEL 10.30, 17.51).
LIGHT = re.compile(
    r"(?:carr(?:y|ies|ied|ying)|launch\w*|conduct\w*|ma(?:ke|kes|de|king)|stag(?:e|es|ed|ing)|impos\w*|announc\w*|"
    r"beg(?:in|ins|an|inning|un)|start\w*|order\w*|approv\w*|plan\w*|resum\w*|agree\w*|offer\w*|promis\w*|"
    r"threaten\w*|accept\w*|complet\w*|continu\w*|step\w*|expand\w*|increas\w*|ramp\w*|halt\w*|stop\w*|suspend\w*|"
    r"delay\w*|postpon\w*|cancel\w*|pledg\w*|prepar\w*|unveil\w*|slap\w*|hit|hits|mount\w*|sign\w*|seal\w*|"
    r"clinch\w*|reach\w*|hold|holds|held|holding|seek\w*|sought|discuss\w*|consider\w*|weigh\w*|us(?:e|es|ed|ing)|"
    r"widen\w*|tighten\w*|add|adds|added|extend\w*|adopt\w*|fir(?:e|es|ed|ing)|den(?:y|ies|ied|ying)|"
    r"reject\w*|speed\w*|accelerat\w*|facilitat\w*|boost\w*|finali[sz]\w*|do|does|did|push\w*|arrang\w*|"
    r"lift\w*|eas(?:e|es|ed|ing)|waiv\w*|renew\w*|toughen\w*|level\w*|ratchet\w*|escalat\w*|deliver\w*|continues)"
)
RECEIVE = re.compile(
    r"(?:receiv\w*|get|gets|got|getting|take|takes|took|taking|await\w*|expect\w*|want\w*|buy|buys|bought|"
    r"import\w*|request\w*|demand\w*|welcom\w*|accept\w*)"
)
BLAME = re.compile(r"(?:accus\w*|blam\w*|behind|responsib\w*|suspect\w*|charg\w*|indict\w*)")
SUFFER = re.compile(
    r"(?:hit|struck|rocked|targeted|fac(?:e|es|ed|ing)|suffer\w*|evad\w*|circumvent\w*|dodg\w*|under|skirt\w*|"
    r"violat\w*|bust\w*|defy|defies|defied|damaged|killed|destroyed)"
)
# "Iran-backed", "Iranian-made": the one who is named is not the one who acts.
OTHER_DOER = words(
    "backed made built designed supplied linked aligned born owned allied supported funded "
    "trained produced sponsored manufactured occupied held controlled style related origin"
)
DETERMINER = words(
    "the a an its his her their new more first second third several two three four five six ten "
    "dozens hundreds thousands scores of some many all another other latest fresh major large big "
    "further additional any this these those that alleged suspected deadly up"
)

_prepositions = {
    "to": "to",
    "toward": "to",
    "towards": "to",
    "into": "to in",
    "from": "from",
    "with": "of with",
    "by": "by",
    "on": "on",
    "upon": "on",
    "onto": "on",
    "against": "on",
    "at": "on in",
    "over": "on in",
    "targeting": "on",
    "for": "to",
    "between": "with",
    "among": "with",
    "in": "in",
    "near": "in on",
    "around": "in",
    "inside": "in",
    "outside": "in",
    "across": "in",
    "within": "in",
    "off": "in",
    "via": "",
    "through": "",
    "without": "",
    "about": "",
    "during": "",
    "under": "",
    "like": "",
    "as": "",
    "including": "",
}
PREPOSITIONS = frozenset(_prepositions)
role_of = lookup(_prepositions)


class English:
    """Readings: ``active``, ``passive``, ``noun``."""

    def writes(self, word: str) -> bool:
        return bool(_latin.match(word)) or word.isdigit()

    def readings(self, scene: Scene) -> Sequence[str]:
        action = scene.action
        found = self._voices(scene) if action.verb else []
        if action.noun or _nominal(scene.word(scene.at[0])):
            found = ["noun", *found] if _after_determiner(scene) else [*found, "noun"]
        return found

    def _voices(self, scene: Scene) -> list[str]:
        start, end = scene.at
        verb = scene.word(start)
        if verb in PAST_ONLY or verb.endswith("ing"):
            return ["active"]
        participle = verb.endswith("ed") or verb in PARTICIPLES
        if not participle:
            return ["active"]
        helper = _helper(scene, start)
        if helper in BE:
            return ["passive"]
        if helper in HAVE:
            return ["active"]
        following = scene.word(end)
        if following == "by":
            return ["passive"]
        if verb in ("hit", "cut", "put", "set", "shut") or _bare(scene, end):
            return ["active", "passive"] if not _bare(scene, end) else ["active"]
        return ["passive", "active"]

    def labels(self, scene: Scene, reading: str, start: int, end: int) -> Labels:
        start, end = start - scene.begin, end - scene.begin
        at, after = scene.at
        if end <= at:
            return self._before(scene, reading, start, end, at)
        if start >= after:
            return self._after(scene, reading, start, end, after)
        return NO_ROLE

    # ── Before the action ────────────────────────────────────────────────────────────────────────

    def _before(self, scene: Scene, reading: str, start: int, end: int, at: int) -> Labels:
        if scene.word(end) in OTHER_DOER and (end < at or scene.hyphened(end)):
            return roles("of on to") if reading == "passive" else NO_ROLE
        governor = _governor(scene, start, 0)
        if reading == "noun":
            return self._before_noun(scene, start, end, at, governor)
        if reading == "passive":
            if not _reaches(scene, start, end, at):
                return NO_ROLE
            if governor and governor != "of":
                return role_of(governor) | (roles("by") if governor == "from" else NO_ROLE)
            found = roles("of on to")
            # "Iranian drones delivered to Russia": the one before the head is its maker or giver.
            return found | roles("by from") if _modifies(scene, end, at) else found
        if not _reaches(scene, start, end, at):
            return NO_ROLE
        verb = scene.word(at)
        loose = verb.endswith("ing") or scene.word(at - 1) == "to"
        if governor and governor != "of" and not loose:
            return NO_ROLE
        return roles("by")

    def _before_noun(self, scene: Scene, start: int, end: int, at: int, governor: str) -> Labels:
        between = scene.words[end:at]
        own = [word for word in between if word != "s" and word not in DETERMINER]
        if (
            len(own) <= 2
            and not (PREPOSITIONS | CLAUSE | SAY).intersection(between)
            and not scene.has_break(end, at, ",;:(–")
            and not any(map(LIGHT.fullmatch, own))
            and not any(map(SUFFER.fullmatch, own))
        ):
            if scene.word(end) == "s" or _adjective(scene.word(end - 1)):
                return roles("by from with")
            if not own or not any(BLAME.fullmatch(word) for word in own):
                return roles("by of on with from")
        if not _reaches(scene, start, end, at):
            return NO_ROLE
        if governor and governor != "of":
            return role_of(governor) if governor in ("to", "from", "against") else NO_ROLE
        if any(BLAME.fullmatch(word) for word in between):
            return roles("by with")
        if any(RECEIVE.fullmatch(word) for word in between):
            return roles("to")
        if any(SUFFER.fullmatch(word) for word in between):
            return roles("on by") if scene.word(at - 1) == "hit" else roles("on")
        if any(LIGHT.fullmatch(word) for word in between):
            return roles("by with")
        return NO_ROLE

    # ── After the action ─────────────────────────────────────────────────────────────────────────

    def _after(self, scene: Scene, reading: str, start: int, end: int, after: int) -> Labels:
        if not _follows(scene, after, start):
            return NO_ROLE
        governor = _governor(scene, start, after)
        if governor == "of":
            return roles("of on")
        if governor:
            found = role_of(governor)
            if governor == "by" and reading == "active":
                return NO_ROLE
            if governor == "from":
                return found | roles("by") if reading != "active" else found
            if reading == "noun" and governor == "to":
                return found | roles("on")
            return found
        if reading == "noun":
            return NO_ROLE
        if scene.actor_between(after, start, but=(start, end)) is None:
            return roles("of on to")
        return roles("of")


GRAMMAR = English()


def _nominal(word: str) -> bool:
    """Endings of nouns of action (CGEL App. I.32): supply needs its own entry, delivery does not."""
    return word.endswith(
        ("tion", "tions", "ment", "ments", "ery", "eries", "sale", "sales", "sion", "sions")
    )


def _adjective(word: str) -> bool:
    """Adjectives of nationality (CGEL 5.56)."""
    return word.endswith(
        ("ian", "ish", "ese", "can", "eli", "aqi", "udi", "bian", "ean", "ench", "mani", "stani")
    )


def _after_determiner(scene: Scene) -> bool:
    start, end = scene.at
    before = scene.word(start - 1)
    return (
        before in DETERMINER
        or before in PREPOSITIONS
        or before == "s"
        or _adjective(before)
        or scene.word(end) == "of"
    )


def _helper(scene: Scene, at: int) -> str:
    """The auxiliary that governs a participle, over adverbs and negation (CGEL 3.21)."""
    for index in range(at - 1, max(-1, at - 5), -1):
        word = scene.word(index)
        if scene.breaks[index + 1]:
            return ""
        if (
            word == "s"
            and scene.word(index - 1) not in PRONOUN
            and scene.word(index + 1) not in ADVERB
        ):
            return ""
        if word in BE or word in HAVE:
            return word
        if not (word in ADVERB or word in MODAL or word.endswith("ly")):
            return ""
    return ""


def _bare(scene: Scene, at: int) -> bool:
    """Whether a noun phrase begins right here: an object, so the verb before it is active."""
    word = scene.word(at)
    return (
        bool(word)
        and not scene.breaks[at]
        and word not in PREPOSITIONS
        and word not in CLAUSE
        and word
        not in (
            "and",
            "or",
            "in",
            "again",
            "overnight",
            "today",
        )
    )


def _governor(scene: Scene, start: int, lowest: int) -> str:
    """The preposition whose phrase a place is in, looking back over the phrase and over "and"."""
    for index in range(start - 1, max(lowest, start - 7) - 1, -1):
        word = scene.word(index)
        if word == "of" and index - 1 >= lowest and scene.word(index - 1) in DETERMINER:
            continue  # "hundreds of drones"
        if word == "of":
            return "of"
        if word in PREPOSITIONS:
            return word
        if (
            word in CLAUSE
            or word in SAY
            or (index + 1 <= start and scene.breaks[index + 1] not in ("", ","))
        ):
            return ""
    return ""


def _modifies(scene: Scene, end: int, at: int) -> bool:
    """Whether more of the noun phrase follows before the verb: the place is not its head."""
    for index in range(end, at):
        word = scene.word(index)
        if word in BE or word in HAVE or word in MODAL or word.endswith("ly"):
            return False
        if word in PREPOSITIONS or word in CLAUSE or scene.breaks[index]:
            return False
        if word != "s":
            return True
    return False


def _reaches(scene: Scene, start: int, end: int, at: int) -> bool:
    """Whether a place can be the subject of the verb: nothing between them takes its role.

    A relative or personal pronoun right before the verb stands for what is named before it (CGEL 6.17,
    17.10); reported speech, a subordinate clause and a nearer doer end the reach otherwise.
    """
    left = at
    while left > end and (
        scene.word(left - 1) in BE | HAVE | MODAL | ADVERB or scene.word(left - 1).endswith("ly")
    ):
        left -= 1
    before = scene.word(left - 1) if left > end else ""
    between = scene.words[end:left]
    if scene.has_break(end, at, ";:(–"):
        return False
    if before in PRONOUN:
        nearer = scene.actor_between(end, left, but=(start, end))
        return nearer is None or _joined(scene, (start, end), nearer)
    if before in RELATIVE:
        left -= 1
        between = scene.words[end:left]
    if any(word in CLAUSE or word in SAY for word in between):
        return False
    commas = sum(scene.breaks[i] == "," for i in range(end, min(at + 1, len(scene.words))))
    if commas % 2 and before not in RELATIVE and not _listed(scene, end, at):
        return False
    nearer = scene.actor_between(end, left, but=(start, end))
    return nearer is None or _joined(scene, (start, end), nearer)


def _listed(scene: Scene, end: int, at: int) -> bool:
    """ "US, UK sanction …", "Iran, in a first, ships …": a short item follows the comma."""
    last = max(i for i in range(end, at + 1) if scene.breaks[i] == ",")
    return at - last <= 3


TITLES = words(
    "foreign prime deputy defence defense minister president leader supreme army navy air force "
    "forces revolutionary guard guards guard's state military security top official officials "
    "envoy spokesman chief s and ally allied government regime general commander parliament "
    "lawmakers firm company based born intelligence national treasury department administration "
    "house secretary led or new former senior"
)


def _joined(scene: Scene, place: tuple[int, int], nearer: tuple[int, int]) -> bool:
    """Whether a nearer doer is of the same phrase: "Iranian minister Araghchi", "Iran and Russia"."""
    between = scene.words[place[1] : nearer[0]]
    if len(between) > 5:
        return False
    if all(word in TITLES for word in between):
        last = scene.word(place[1] - 1)
        return bool(between) or scene.breaks[nearer[0]] == "," or _adjective(last)
    return False


def _follows(scene: Scene, after: int, start: int) -> bool:
    """Whether a place still belongs to the verb's own clause."""
    for index in range(after, start):
        if scene.word(index) in CLAUSE or scene.word(index) in SAY:
            return False
    for index in range(after, start + 1):
        mark = scene.breaks[index]
        if mark and mark != ",":
            return False
        if mark == "," and not _enumeration(scene, index, start):
            return False
    return True


def _enumeration(scene: Scene, comma: int, start: int) -> bool:
    """A comma of a list ("to Iran, Russia and Syria") has few words after it before the place."""
    return start - comma <= 2
