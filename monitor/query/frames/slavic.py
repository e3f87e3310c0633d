"""Russian and Ukrainian: the case decides, whatever the order.

Who acts is in the nominative with an active verb, in the instrumental with a passive or a noun of
action; who receives is in the dative or after в/на with the accusative; what is acted on is in
the accusative, with a noun of action in the genitive (Русская грамматика 1980, §§ 1964–2000;
Українська граматика, Вихованець 1993, ch. 3). Endings are read off the word itself: they name the
cases that it *can* be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.query.frames.scene import NO_ROLE, Labels, Scene, roles, words

_cyrillic = re.compile(r"[а-яёіїєґ]")

NOMINATIVE, GENITIVE, DATIVE, ACCUSATIVE, INSTRUMENTAL, LOCATIVE = (
    "nom",
    "gen",
    "dat",
    "acc",
    "ins",
    "loc",
)
ANY_CASE = frozenset((NOMINATIVE, GENITIVE, DATIVE, ACCUSATIVE, INSTRUMENTAL, LOCATIVE))


def _cases(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True, slots=True)
class Slavic:
    """Readings: ``active``, ``passive``, ``noun``."""

    letters: re.Pattern[str]
    prepositions: Mapping[str, str]  # preposition → roles; "*" = by the case
    clause: frozenset[str]
    say: re.Pattern[str]
    light: re.Pattern[str]
    receive: re.Pattern[str]
    passive: re.Pattern[str]
    nominal: re.Pattern[str]
    adjective: re.Pattern[str]
    adjective_endings: tuple[tuple[str, frozenset[str]], ...]
    noun_endings: tuple[tuple[str, frozenset[str]], ...]
    feminine: frozenset[str]
    indeclinable: frozenset[str]
    blame: re.Pattern[str]

    def writes(self, word: str) -> bool:
        return bool(_cyrillic.match(word)) and (self.letters.search(word) is None)

    def readings(self, scene: Scene) -> Sequence[str]:
        word = scene.word(scene.at[0])
        if self.passive.search(word):
            return ("passive",)
        if scene.action.noun or self.nominal.search(word):
            return (
                ("noun", "active")
                if scene.action.verb and not self.nominal.search(word)
                else ("noun",)
            )
        return ("active",)

    def cases(self, scene: Scene, start: int, end: int) -> frozenset[str]:
        """The cases that a place can be in, by the ending of its head (its last word, or its first)."""
        words = [word for word in scene.words[start:end] if _cyrillic.match(word)]
        if not words:
            return ANY_CASE  # Latin letters and digits do not decline
        found = ANY_CASE
        for word in words:
            found = found & self.case(word) or found
        return found

    def case(self, word: str) -> frozenset[str]:
        if word in self.indeclinable or len(word) <= 2:
            return ANY_CASE
        if self.adjective.search(word):
            for ending, cases in self.adjective_endings:
                if word.endswith(ending):
                    return cases
        if word in self.feminine:
            return _cases("nom")
        for ending, cases in self.noun_endings:
            if word.endswith(ending):
                return cases
        return _cases("nom acc")  # a consonant or ь: masculine, or feminine in -ь

    def labels(self, scene: Scene, reading: str, start: int, end: int) -> Labels:
        start, end = start - scene.begin, end - scene.begin
        at, after = scene.at
        before = end <= at
        between = (end, at) if before else (after, start)
        if not self._connected(scene, *between, before=before):
            return NO_ROLE
        cases = self.cases(scene, start, end)
        governor, governed = self._governor(scene, start, after if not before else 0)
        if governor:
            return self._governed(governor, governed, cases, before)
        if self.adjective.search(scene.word(end - 1)) and end - start == 1:
            return self._adjective(scene, reading, start, end, cases)
        blocked = scene.actor_between(*between, but=(start, end))
        return self._bare(scene, reading, cases, before=before, between=between, blocked=blocked)

    def _bare(
        self,
        scene: Scene,
        reading: str,
        cases: frozenset[str],
        *,
        before: bool,
        between: tuple[int, int],
        blocked: tuple[int, int] | None,
    ) -> Labels:
        found: set[str] = set()
        words = scene.words[between[0] : between[1]]
        if reading == "active":
            if NOMINATIVE in cases and (before or cases == {NOMINATIVE} or not blocked):
                found |= {"by"}
            if DATIVE in cases:
                found |= {"to"}
            if ACCUSATIVE in cases:
                found |= {"of", "on", "to"} if not before else {"of", "on"}
            if GENITIVE in cases:
                found |= {"of", "on"}
            if INSTRUMENTAL in cases:
                found |= {"of"}
        elif reading == "passive":
            if NOMINATIVE in cases:
                found |= {"of", "on"}
            if INSTRUMENTAL in cases:
                found |= {"by"}
            if DATIVE in cases:
                found |= {"to"}
            if GENITIVE in cases and before:
                found |= {"of", "on", "by"}
        else:
            if DATIVE in cases:
                found |= {"to", "on"}
            if INSTRUMENTAL in cases:
                found |= {"by", "of"}
            if GENITIVE in cases and not before:
                found |= {"of", "on", "by", "with"} if not blocked else {"of"}
            if NOMINATIVE in cases and before and not blocked:
                if any(self.receive.match(word) for word in words):
                    found |= {"to"}
                elif any(self.light.match(word) for word in words):
                    found |= {"by", "with"}
            if (
                NOMINATIVE in cases
                and not before
                and not blocked
                and any(map(self.light.match, words))
            ):
                found |= {"by", "with"}
            if before and any(self.blame.match(word) for word in words) and not blocked:
                found |= {"by"}
        return frozenset(found)

    def _adjective(
        self, scene: Scene, reading: str, start: int, end: int, cases: frozenset[str]
    ) -> Labels:
        """ "израильский удар" is struck by Israel; "иранские дроны переданы" were Iran's to give."""
        at, after = scene.at
        if reading == "noun" and 0 <= at - end <= 2:
            return roles("by with from")
        found: set[str] = set()
        if reading == "active":
            found |= {"by"} if NOMINATIVE in cases and end <= at else set()
            found |= {"to"} if DATIVE in cases else set()
            found |= {"of", "on"} if ACCUSATIVE in cases and start >= after else set()
        else:
            found |= {"by", "from"} if NOMINATIVE in cases or GENITIVE in cases else set()
            found |= {"by"} if INSTRUMENTAL in cases else set()
            found |= {"to"} if DATIVE in cases else set()
            found |= {"on"} if GENITIVE in cases and start >= after else set()
        return frozenset(found)

    def _governor(self, scene: Scene, start: int, lowest: int) -> tuple[str, int]:
        """The preposition before a place, over adjectives and nouns of its phrase."""
        for index in range(start - 1, max(lowest, start - 4) - 1, -1):
            word = scene.word(index)
            two = f"{word} {scene.word(index + 1)}"
            if two in self.prepositions and index + 1 < start:
                return two, index
            if word in self.prepositions:
                if index == start - 1:
                    return word, index
                # Further off it governs the place only through adjectives and "and".
                inside = scene.words[index + 1 : start]
                if all(
                    self.adjective.search(each)
                    or each in ("и", "й", "та", "і")
                    or _adjectival(each)
                    for each in inside
                ):
                    return word, index
                return "", -1
            if scene.breaks[index + 1] not in ("", ",") or word in self.clause:
                return "", -1
        return "", -1

    def _governed(self, governor: str, index: int, cases: frozenset[str], before: bool) -> Labels:
        found = self.prepositions[governor]
        if found != "*":
            return roles(found)
        if governor in ("в", "во", "у", "ув", "на"):
            into = ACCUSATIVE in cases
            inside = LOCATIVE in cases
            return roles(("to on " if into else "") + ("in" if inside else ""))
        if governor in ("с", "со", "із", "зі", "з"):
            with_ = INSTRUMENTAL in cases
            from_ = GENITIVE in cases
            return roles(("with of " if with_ else "") + ("from by" if from_ else ""))
        return NO_ROLE

    def _connected(self, scene: Scene, start: int, end: int, *, before: bool) -> bool:
        """Whether place and action are of one clause."""
        words = scene.words[start:end]
        # "Иран, который поставил": the relative pronoun stands for what is before it.
        relative = before and words and words[-1].startswith(("котор", "яки", "яка", "яке", "які"))
        if not relative and any(word in self.clause or self.say.match(word) for word in words):
            return False
        if scene.has_break(start, end, ";:(–"):
            return False
        commas = [i for i in range(start, min(end + 1, len(scene.words))) if scene.breaks[i] == ","]
        if not commas:
            return True
        last = commas[-1]
        return (
            len(commas) % 2 == 0
            or end - last <= 2
            or (before and words[-1:] != [] and words[-1].startswith(("котор", "як")))
        )


def _adjectival(word: str) -> bool:
    return word.endswith(
        (
            "ый",
            "ий",
            "ая",
            "ое",
            "ые",
            "ие",
            "ых",
            "их",
            "ого",
            "ому",
            "ую",
            "ой",
            "ей",
            "им",
            "ым",
            "их",
            "і",
            "ої",
            "ій",
        )
    )


RUSSIAN = Slavic(
    letters=re.compile(r"[іїєґ]"),
    prepositions={
        "в": "*",
        "во": "*",
        "на": "*",
        "с": "*",
        "со": "*",
        "к": "to",
        "ко": "to",
        "для": "to",
        "от": "from by",
        "из": "from by",
        "со стороны": "by",
        "по": "on",
        "против": "on",
        "над": "on",
        "у": "from",
        "между": "with",
        "силами": "by",
        "при": "",
        "о": "",
        "об": "",
        "без": "",
        "через": "",
        "за": "on",
        "под": "in",
        "после": "",
        "из-за": "",
        "вместе с": "with",
        "про": "",
        "до": "to",
        "около": "in",
        "возле": "in",
        "близ": "in",
    },
    clause=words(
        "что чтобы если когда пока хотя потому поскольку как где куда который которая которые которое "
        "которых которую а но после"
    ),
    say=re.compile(
        r"(?:заяв|сообщ|сказа|рассказа|утвержда|увер[яе]|счита|подтверд|подтвержд|обвин|осуд|предупред|опроверг|отмет|говор|призва|узна|пиш[еу]т|назва)"
    ),
    light=re.compile(
        r"(?:нан[её]с|нанос|провел|провод|начал|начин|начн|осуществ|соверш|подпис|введ|вв[её]л|ввод|приостан|прекра|возобнов|продолж|готов|планир|обеща|соглас|предлож|объяв|одобр|отлож|заморо|отказ|расшир|отмен|заверш|ускор|отправ|выполн|расширя|наращ|организ|обсуд|обсужд|заключ)"
    ),
    receive=re.compile(r"(?:получ|принял|принима|ждет|ждёт|ожида|закуп|купил|прос|запрос)"),
    passive=re.compile(
        r"(?:[аеяи]н|[аеяи]н[аоы]|нн(?:ый|ая|ое|ые|ых|ого|ому|ым|ыми|ую|ой)|т[аоы]|[иы]т|ся|сь)$"
    ),
    nominal=re.compile(
        r"(?:ни[еяюи]|нием|ниях|ниями|ниям|ка|ки|ку|ок|кам|ками|ках|кой|ции|ция|цию|цией|ар|ара|арам|ары|аров|ару|аром|рт|рта|рте|ажа|аж|ажи|ажу|ача|ачу|ачи|ачей|аче|ия|ием|ий)$"
    ),
    adjective=re.compile(r"(?:ск|цк)(?:ий|ая|ое|ие|их|ого|ому|им|ими|ую|ой|ом)$"),
    adjective_endings=(
        ("ского", _cases("gen acc")),
        ("ому", _cases("dat")),
        ("ими", _cases("ins")),
        ("ого", _cases("gen acc")),
        ("ий", _cases("nom acc")),
        ("ая", _cases("nom")),
        ("ое", _cases("nom acc")),
        ("ие", _cases("nom acc")),
        ("их", _cases("gen acc loc")),
        ("им", _cases("ins dat")),
        ("ую", _cases("acc")),
        ("ой", _cases("gen dat ins loc")),
        ("ом", _cases("loc")),
    ),
    noun_endings=(
        ("ями", _cases("ins")),
        ("ами", _cases("ins")),
        ("ях", _cases("loc")),
        ("ах", _cases("loc")),
        ("иям", _cases("dat")),
        ("ям", _cases("dat")),
        ("ам", _cases("dat")),
        ("ией", _cases("ins")),
        ("ей", _cases("ins gen")),
        ("ой", _cases("ins")),
        ("ом", _cases("ins")),
        ("ем", _cases("ins")),
        ("ов", _cases("gen acc")),
        ("ев", _cases("gen acc")),
        ("ью", _cases("ins")),
        ("ия", _cases("nom gen")),
        ("ии", _cases("gen dat loc nom")),
        ("ию", _cases("acc dat")),
        ("ий", _cases("nom acc gen")),
        ("ие", _cases("nom acc")),
        ("а", _cases("gen acc nom")),
        ("я", _cases("gen acc nom")),
        ("у", _cases("dat acc")),
        ("ю", _cases("dat acc")),
        ("ы", _cases("gen nom acc")),
        ("и", _cases("gen dat loc nom acc")),
        ("е", _cases("loc dat")),
        ("о", _cases("nom acc")),
    ),
    feminine=words(
        "москва анкара россия сирия турция украина америка европа хезболла дума армия компания страна "
        "франция британия германия саудия армения грузия япония"
    ),
    indeclinable=words(
        "сша оон мид кндр рф ирна нато еврокомиссия баку тбилиси осло иноуи шоигу зеленского хаменеи "
        "раиси"
    )
    - {"еврокомиссия"},
    blame=re.compile(r"(?:обвин|заподозр|причаст|ответствен|стоит|винов)"),
)

UKRAINIAN = Slavic(
    letters=re.compile(r"[ыэъё]"),
    prepositions={
        "в": "*",
        "у": "*",
        "ув": "*",
        "на": "*",
        "з": "*",
        "із": "*",
        "зі": "*",
        "до": "to",
        "для": "to",
        "від": "from by",
        "од": "from by",
        "з боку": "by",
        "силами": "by",
        "по": "on",
        "проти": "on",
        "над": "on",
        "між": "with",
        "разом з": "with",
        "разом із": "with",
        "при": "",
        "про": "",
        "без": "",
        "через": "",
        "за": "on",
        "під": "in",
        "після": "",
        "біля": "in",
        "поблизу": "in",
        "к": "to",
    },
    clause=words(
        "що щоб якщо коли поки хоча бо оскільки як де куди який яка які яке яких яку а але після"
    ),
    say=re.compile(
        r"(?:заяв|повідом|сказа|розпов|стверд|підтверд|звинувач|засуд|попередж|попереди|спросту|зазнач|говор|закли|дізна|пиш[еу]|назва)"
    ),
    light=re.compile(
        r"(?:завда|нан[іо]с|пров[іео]|почал|розпоч|здійсн|підпис|запровад|вв[іе]л|вв[оі]д|призупин|припин|віднов|продовж|готу|план|обіця|погод|запропон|оголос|схвал|відкла|заморо|відмов|розшир|скасу|заверш|прискор|відправ|виконa|організ|обговор|уклал)"
    ),
    receive=re.compile(r"(?:отрима|прийня|чека|очіку|закуп|купи|прос|запит|одержа)"),
    passive=re.compile(r"(?:[аеяи]но|[аеяи]ний|[аеяи]на|[аеяи]ні|ених|аних|то|тий|ться|ся|сь)$"),
    nominal=re.compile(
        r"(?:нн[яюі]|нням|ка|ки|ку|ок|кам|ками|ках|кою|ції|ція|цію|цією|ар|ару|ари|арів|ром|ача|ачу|ачі|ачею|ття|аж|ажу)$"
    ),
    adjective=re.compile(r"(?:ськ|зьк|цьк)(?:ий|а|е|і|их|ого|ому|им|ими|у|ої|ій|ою)$"),
    adjective_endings=(
        ("ого", _cases("gen acc")),
        ("ому", _cases("dat loc")),
        ("ими", _cases("ins")),
        ("ий", _cases("nom acc")),
        ("их", _cases("gen acc loc")),
        ("им", _cases("ins dat")),
        ("ої", _cases("gen")),
        ("ій", _cases("dat loc")),
        ("ою", _cases("ins")),
        ("а", _cases("nom")),
        ("е", _cases("nom acc")),
        ("і", _cases("nom acc")),
        ("у", _cases("acc")),
    ),
    noun_endings=(
        ("ями", _cases("ins")),
        ("ами", _cases("ins")),
        ("ях", _cases("loc")),
        ("ах", _cases("loc")),
        ("ям", _cases("dat")),
        ("ам", _cases("dat")),
        ("ією", _cases("ins")),
        ("єю", _cases("ins")),
        ("ею", _cases("ins")),
        ("ою", _cases("ins")),
        ("ом", _cases("ins")),
        ("ем", _cases("ins")),
        ("єм", _cases("ins")),
        ("ові", _cases("dat loc")),
        ("еві", _cases("dat loc")),
        ("ів", _cases("gen acc")),
        ("їв", _cases("gen acc")),
        ("ія", _cases("nom")),
        ("ії", _cases("gen dat loc nom")),
        ("ію", _cases("acc dat")),
        ("а", _cases("nom gen acc")),
        ("я", _cases("nom gen acc")),
        ("у", _cases("dat acc gen loc")),
        ("ю", _cases("dat acc gen")),
        ("и", _cases("gen nom acc")),
        ("і", _cases("dat loc nom acc")),
        ("ї", _cases("gen dat loc")),
        ("о", _cases("nom acc")),
    ),
    feminine=words("москва анкара україна росія сирія америка європа армія"),
    indeclinable=words("сша оон мзс рф нато єс баку осло"),
    blame=re.compile(r"(?:звинува|підозр|причет|відповідал|винн)"),
)
