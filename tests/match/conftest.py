"""Small watches built in code, and items of a few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitor.match import IndexedMatcher, compile_matcher
from monitor.model import Anchor, Branch, Concept, Hypothesis, Indicator, Item, Watch


def concept(
    id: str,
    kind: str,
    forms: Mapping[str, str],
    nouns: Mapping[str, str] | None = None,
) -> Concept:
    """Forms and nouns are written as one line a language, parted by ", "."""
    return Concept(
        id=id,
        kind=kind,
        forms={lang: tuple(text.split(", ")) for lang, text in forms.items()},
        nouns={lang: tuple(text.split(", ")) for lang, text in (nouns or {}).items()},
    )


CONCEPTS = (
    concept("iran", "state", {"en": "Iran, Iranian, Tehran", "ru": "Иран*, иранск*, Тегеран*",
                              "fa": "ایران, ایرانی, تهران", "ar": "إيران, الإيرانية, طهران",
                              "uk": "Іран*, іранськ*", "he": "איראן"}),
    concept("russia", "state", {"en": "Russia, Russian, Moscow", "ru": "Росси*, российск*",
                                "fa": "روسیه, روسی", "ar": "روسيا, الروسية",
                                "uk": "Росі*, російськ*", "he": "רוסיה"}),
    concept("israel", "state", {"en": "Israel, Israeli", "ru": "Израил*, израильск*",
                                "fa": "اسرائیل", "ar": "إسرائيل, الإسرائيلية",
                                "uk": "Ізраїл*, ізраїльськ*", "he": "ישראל, ישראלי*"}),
    concept("us", "state", {"en": "US, United States, Washington"}),
    concept("syria", "place", {"en": "Syria, Syrian", "ru": "Сири*", "ar": "سوريا", "he": "סוריה"}),
    concept("assad", "person", {"en": "Assad, Bashar al-Assad"}),
    concept("drone", "weapon", {"en": "drone*, UAV*", "ru": "беспилотник*, дрон*", "fa": "پهپاد*",
                                "ar": "مسيرات, طائرات مسيرة", "uk": "безпілотник*, дрон*",
                                "he": "מל\"ט*, כטב\"ם"}),
    concept("shahed", "weapon", {"en": "Shahed*, Shaheed*"}),
    concept("araghchi", "person", {"en": "Araghchi, Araqchi", "fa": "عراقچی"}),
    concept("hmeimim", "place", {"en": "Hmeimim, Khmeimim, Hmeymim", "ru": "Хмеймим*"}),
    concept("weapon", "weapon", {"en": "@drone, @shahed, missile*"}),
    concept("supply", "action",
            {"en": "supply, supplies, supplied, send, sends, sent, deliver*, ship, ships, shipped",
             "ru": "постав*", "fa": "داد, تحویل داد", "ar": "زودت, سلمت"},
            {"en": "delivery, deliveries, shipment*", "ru": "поставк*", "fa": "تحویل, ارسال"}),
    concept("strike", "action",
            {"en": "strike, strikes, struck, hit, hits, bomb*", "ru": "удари*, атаков*"},
            {"en": "strike, strikes, airstrike*", "ru": "удар, удары"}),
)  # fmt: skip


def cue(id: str, **forms: str) -> Concept:
    return concept(id, "cue", forms)


CUES = (
    cue("stage-denied", en="den*, false claim*", ru="опроверг*"),
    cue("stage-threat", en="threaten*, vow, vows, would", ru="угрожа*"),
    cue("stage-talks", en="talks, mull*, consider*", ru="переговор*"),
    cue("stage-decision", en="agree*, approve*, decide*", ru="одобри*"),
    cue("stage-claim", en="says, said, claim*", ru="заявил*"),
    cue("genre-opinion", en="opinion, analysis"),
    cue("genre-live-blog", en="live updates"),
    cue("genre-quiz", en="quiz"),
    cue("genre-explainer", en="explained"),
    cue("genre-explainer-opening", en="why, how"),
    cue("genre-retrospective", en="years ago"),
)


def watch(
    *queries: str,
    id: str = "w",
    exclude: str = "",
    concepts: Sequence[Concept] = (*CONCEPTS, *CUES),
    min_score: float = 0.0,
) -> Watch:
    """Each query is an indicator of its own: q0, q1, …"""
    return Watch(
        id=id,
        title="Tests",
        question="",
        source="",
        hypotheses=(Hypothesis(id="H1", title="yes"),),
        indicators=tuple(
            indicator(f"q{number}", Branch(name="only", query=query), watch=id, exclude=exclude)
            for number, query in enumerate(queries)
        ),
        concepts={each.id: each for each in concepts},
        rules="r1",
        min_score=min_score,
    )


def indicator(id: str, *branches: Branch, watch: str = "w", exclude: str = "") -> Indicator:
    return Indicator(
        id=id,
        title=id,
        group="g",
        watch=watch,
        anchor=Anchor(section=""),
        counts="",
        does_not_count="",
        ach={"H1": 1},
        branches=branches,
        exclude=exclude,
    )


def item(title: str, summary: str = "", lang: str = "en", id: str = "i") -> Item:
    return Item(id=id, identity=id, feed="f", title=title, summary=summary, link="", lang=lang)


def matching(*queries: str, exclude: str = "") -> IndexedMatcher:
    return compile_matcher([watch(*queries, exclude=exclude)])


def found(query: str, title: str, summary: str = "", lang: str = "en") -> bool:
    """Whether a query holds on an item."""
    return bool(matching(query).candidates(item(title, summary, lang)))
