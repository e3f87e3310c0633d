"""The labels and cues that every watch inherits, as ``indicators/base`` has them, in six languages."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.match import IndexedMatcher, compile_matcher
from monitor.model import Concept
from tests.match.conftest import CONCEPTS, item, watch

BASE = Path(__file__).resolve().parents[2] / "indicators" / "base"


@cache
def shipped() -> IndexedMatcher:
    rows: list[dict[str, Any]] = [
        row
        for file in sorted(BASE.glob("*.yaml"))
        for row in yaml.safe_load(file.read_text(encoding="utf-8"))["concepts"]
    ]
    cues = [
        Concept(
            id=row["id"],
            kind="cue",
            forms={lang: tuple(forms) for lang, forms in row["forms"].items()},
        )
        for row in rows
    ]
    return compile_matcher([watch("@iran", concepts=(*CONCEPTS, *cues))])


PLAIN = {
    "en": "Iran sends drones to Russia",
    "ru": "Иран поставил России беспилотники",
    "uk": "Іран передав Росії безпілотники",
    "fa": "ایران به روسیه پهپاد داد",
    "ar": "إيران زودت روسيا بطائرات",
    "he": "איראן סיפקה כלי טיס לרוסיה",
}
LABELS = [
    ("en", "Opinion", "opinion"), ("en", "Explainer", "explainer"), ("en", "Live updates", "live-blog"),
    ("en", "Quiz", "quiz"), ("en", "A year ago", "retrospective"), ("en", "Comment", "opinion"),
    ("ru", "Мнение", "opinion"), ("ru", "Колонка", "opinion"), ("ru", "Онлайн", "live-blog"),
    ("ru", "Тест", "quiz"), ("ru", "Год назад", "retrospective"),
    ("uk", "Блог", "opinion"), ("uk", "Думка", "opinion"), ("uk", "Онлайн", "live-blog"),
    ("uk", "Тест", "quiz"),
    ("fa", "یادداشت", "opinion"), ("fa", "پخش زنده", "live-blog"), ("fa", "تحلیل", "explainer"),
    ("ar", "رأي", "opinion"), ("ar", "مباشر", "live-blog"), ("ar", "تحليل", "explainer"),
    ("he", "דעה", "opinion"), ("he", "פרשנות", "opinion"), ("he", "עדכונים שוטפים", "live-blog"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("lang", "label", "genre"), LABELS, ids=[f"{lang} {label}" for lang, label, _ in LABELS]
)
@pytest.mark.parametrize("mark", [": ", " | ", " — "])
def test_a_label_before_a_title_tells_its_genre(
    lang: str, label: str, genre: str, mark: str
) -> None:
    (hit,) = shipped().candidates(item(f"{label}{mark}{PLAIN[lang]}", lang=lang))
    assert hit.genre == genre


@pytest.mark.parametrize(
    ("lang", "title"),
    [
        *PLAIN.items(),
        ("en", "Iran sells more oil than a year ago"),
        ("ru", "Тест ракеты в Иране прошёл успешно"),
        ("ru", "Переговоры с Ираном прошли онлайн"),
        ("uk", "Тест ракети в Ірані"),
        ("ar", "اتصال مباشر بين إيران وروسيا"),
        ("en", "Live fire drill by Iran"),
    ],
)
def test_the_same_words_in_a_title_are_news(lang: str, title: str) -> None:
    (hit,) = shipped().candidates(item(title, lang=lang))
    assert hit.genre == "news"


def test_a_persian_passive_is_no_arabic_decision() -> None:
    (hit,) = shipped().candidates(item("ایران مورد تحریم قرار گرفت", lang="fa"))
    assert hit.stage == "act"
