"""Whom a text names as its source: "Reuters reported", "по данным ТАСС", "به گزارش ایرنا"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitor.text import fold

# id → forms in Latin; Cyrillic; Arabic script; Hebrew. An agency's owner is in ``OWNERS``.
_AGENCIES: dict[str, str] = {
    "reuters": "reuters|рейтер|рейтерс|رويترز|رویترز|רויטרס",
    "afp": "afp|agence france-presse|афп|фرانس برس|فرانس برس|فرانس‌پرس|خبرگزاری فرانسه",
    "ap": "ap|associated press|ассошиэйтед пресс|أسوشيتد برس|آسوشیتدپرس|אי-פי",
    "bloomberg": "bloomberg|блумберг|بلومبرغ|بلومبرگ|בלומברג",
    "tass": "tass|тасс|تاس|טאס",
    "ria": "ria novosti|ria|риа новости|ріа новини|ريا نوفوستي|ریا نووستی",
    "interfax": "interfax|интерфакс|інтерфакс|إنترفاكس|اینترفاکس",
    "sputnik": "sputnik|спутник|سبوتنيك|اسپوتنیک|ספוטניק",
    "rt": "russia today|rt|روسيا اليوم",
    "irna": "irna|ирна|إيرنا|إرنا|ارنا|ایرنا|אירנא",
    "fars": "fars|фарс|фарсньюс|وكالة فارس|خبرگزاری فارس",
    "mehr": "mehr|мехр|وكالة مهر|خبرگزاری مهر",
    "tasnim": "tasnim|тасним|تسنيم|تسنیم|תסנים",
    "isna": "isna|исна|إسنا|ایسنا",
    "press-tv": "press tv|presstv|пресс-тв|برس تي في|پرس تی وی",
    "sana": "sana|сана|سانا|סאנא",
    "spa": "spa|saudi press agency|واس|эс-пи-эй",
    "wam": "wam|وام",
    "qna": "qna|قنا",
    "anadolu": "anadolu|aa|анадолу|الأناضول|آناتولی|אנדולו",
    "xinhua": "xinhua|синьхуа|شينخوا|شین‌هوا",
    "unn": "unn|унн",
    "ukrinform": "ukrinform|укринформ|укрінформ",
    "unian": "unian|униан|уніан",
    "al-jazeera": "al jazeera|аль-джазира|الجزيرة|الجزیره",
    "bbc": "bbc|би-би-си|بي بي سي|بی‌بی‌سی",
    "wsj": "wall street journal|wsj|وول ستريت جورنال|وال استریت ژورنال",
    "nyt": "new york times|nyt|نيويورك تايمز|نیویورک تایمز",
    "washington-post": "washington post|واشنطن بوست|واشنگتن پست",
    "ft": "financial times|فايننشال تايمز|فایننشال تایمز",
    "cnn": "cnn|سي إن إن|سی‌ان‌ان",
    "axios": "axios|аксиос|أكسيوس|آکسیوس|אקסיוס",
    "kan": "kan|כאן",
    "izvestia": "izvestia|известия|известиям",
    "kommersant": "kommersant|коммерсант|коммерсантъ",
}
_BEFORE = (
    "according to|as reported by|reported by|reports from|citing|cites|told|via|per|source:|"
    "сообщает|сообщают|сообщило|сообщил|передает|передала|пишет|утверждает|по данным|по информации|"
    "со ссылкой на|как сообщает|по сообщению|повідомляє|передає|за даними|з посиланням на|"
    "агентство|агентству|"
    "به گزارش|گزارش|به نقل از|خبرگزاری|"
    "وفق|وفقا ل|بحسب|حسب|نقلا عن|كما افادت|افادت|ذكرت|وكالة|"
    "לפי|על פי|מדווחת|דיווחה|דיווח"
)
_AFTER = (
    "reports?|reported|says|said|learns|exclusive|has learned|news agency|"
    "сообщает|передает|пишет|گزارش داد|نوشت|ذكرت|افادت|מדווחת|דיווחה"
)


_WORD = re.compile(r"\w+")
_GAPS = "".join(c if c.isalnum() or c == "_" else " " for c in map(chr, range(128)))


def _compile() -> Iterator[tuple[str, list[str], re.Pattern[str], re.Pattern[str]]]:
    before, after = fold(_BEFORE).text.casefold(), fold(_AFTER).text.casefold()
    for id, forms in _AGENCIES.items():
        folded = [fold(form).text.casefold() for form in forms.split("|")]
        names = "|".join(sorted(map(re.escape, folded), key=len)[::-1])
        cue = re.compile(
            rf"(?:(?:{before})\s+(?:агентство |agency |news agency |وكاله |خبرگزاري |ال)?(?:{names})\b)"
            rf"|(?:\b(?:{names})\s+(?:{after})\b)"
        )
        end = re.compile(rf"[:،,;؛—–\-|(]\s*(?:خبرگزاري |وكاله |агентство )?(?:{names})\)?\s*$")
        yield id, folded, cue, end


_COMPILED = [*_compile()]
_PATTERNS = {id: (cue, end) for id, _, cue, end in _COMPILED}
_BEGINNING: dict[str, list[tuple[str, str]]] = {}
"""First word of a name → the names that begin so, and whose they are."""
for _id, _names, _, _ in _COMPILED:
    for _name in _names:
        _BEGINNING.setdefault(_WORD.findall(_name)[0], []).append((_name, _id))
_FIRSTS = frozenset(_BEGINNING)

OWNERS: dict[str, str] = {
    "tass": "state:ru", "ria": "state:ru", "sputnik": "state:ru", "rt": "state:ru",
    "irna": "state:ir", "fars": "state:ir", "mehr": "state:ir", "tasnim": "state:ir",
    "isna": "state:ir", "press-tv": "state:ir", "sana": "state:sy", "spa": "state:sa",
    "wam": "state:ae", "qna": "state:qa", "al-jazeera": "state:qa", "anadolu": "state:tr",
    "xinhua": "state:cn", "ukrinform": "state:ua",
}  # fmt: skip
"""Agencies that a state owns: whoever repeats two of one state has one origin."""


def attributed(title: str, summary: str = "") -> frozenset[str]:
    """The agencies that folded texts name as their source."""
    found: set[str] = set()
    for text in (title, summary):
        text = text.casefold()
        for first in _FIRSTS.intersection(_words(text)):
            for name, id in _BEGINNING[first]:
                if id not in found and name in text:
                    cue, end = _PATTERNS[id]
                    if cue.search(text) or end.search(text):
                        found.add(id)
    return frozenset(found)


def may_attribute(word: str) -> bool:
    """Whether a folded word can begin the name of an agency; texts without one attribute nothing."""
    return not _FIRSTS.isdisjoint(_words(word.casefold()))


def _words(text: str) -> list[str]:
    return text.translate(_GAPS).split() if text.isascii() else _WORD.findall(text)


def origin_of(agency: str) -> str:
    """Who stands behind an agency: its state, or itself."""
    return OWNERS.get(agency, f"agency:{agency}")
