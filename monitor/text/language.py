"""Which of the six languages a text is in, by its letters; used only where the item does not say."""

from __future__ import annotations

import re

_hebrew = re.compile(r"[א-ת]")
_arabic = re.compile(r"[\u0620-\u06ff]")
_cyrillic = re.compile(r"[\u0400-\u04ff]")
_latin = re.compile(r"[A-Za-zÀ-ɏ]")
_persian_only = re.compile(r"[پچژگیک\u200c]")
_arabic_only = re.compile(r"[ةيكأإىؤ]|\bال")
_ukrainian_only = re.compile(r"[іїєґІЇЄҐ]")
_russian_only = re.compile(r"[ыэъёЫЭЪЁ]")
_word = re.compile(r"[^\W\d_]+")
_LATIN_OTHER = frozenset(
    _word.findall(
        "der die das und nicht ist les des une est dans pour el los las del una por il gli della ve "
        "bir için ile o os não het een van"
    )
)
_ENGLISH = frozenset(
    _word.findall(
        "the of and to in on for is are was with by as at after over say says said from its has new "
        "us will amid"
    )
)
_READ = 2_000  # characters are enough to tell


def detect_language(text: str) -> str:
    """An ISO 639-1 code, or "" where the letters do not tell.

    Arabic and Persian share a script and part by letters that the other lacks (پ چ ژ گ and the
    Persian ی ک against ة ي ك أ إ ى and the article); Russian and Ukrainian likewise.
    """
    text = text[:_READ]
    if text.isascii():
        return _latin_language(text)
    counts = {
        "he": len(_hebrew.findall(text)),
        "arabic": len(_arabic.findall(text)),
        "cyrillic": len(_cyrillic.findall(text)),
        "latin": len(_latin.findall(text)),
    }
    script = max(counts, key=lambda each: counts[each])
    if not counts[script]:
        return ""
    if script == "arabic":
        return "fa" if len(_persian_only.findall(text)) > len(_arabic_only.findall(text)) else "ar"
    if script == "cyrillic":
        return (
            "uk" if len(_ukrainian_only.findall(text)) > len(_russian_only.findall(text)) else "ru"
        )
    return _latin_language(text) if script == "latin" else script


def _latin_language(text: str) -> str:
    if not _latin.search(text):
        return ""
    words = _word.findall(text.lower())
    other = sum(1 for each in words if each in _LATIN_OTHER)
    return "" if other > sum(1 for each in words if each in _ENGLISH) else "en"
