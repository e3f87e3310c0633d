"""Inflected forms for ``~lemma``: the dictionaries of simplemma, turned round.

simplemma maps a form to its lemma; a query needs the other direction. The dictionaries are read once
a process and language, when the first ``~lemma`` of that language is compiled; matching needs none.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

_LANGUAGES = {"en": "en", "ru": "ru", "uk": "uk", "fa": "fa", "ar": "ar", "he": "he"}
_MOST = 200  # forms of one lemma


@lru_cache(maxsize=8)
def _forms(lang: str) -> dict[str, tuple[str, ...]]:
    # Here, because most starts need no dictionary and the library takes a tenth of a second.
    from simplemma.strategies.dictionaries import DefaultDictionaryFactory

    found: dict[str, list[str]] = {}
    for form, lemma in DefaultDictionaryFactory().get_dictionary(lang).items():
        found.setdefault(_text(lemma), []).append(_text(form))
    return {lemma: tuple(sorted(forms)[:_MOST]) for lemma, forms in found.items()}


def _text(word: str | bytes) -> str:
    return word.decode() if isinstance(word, bytes) else word


def inflect(lemma: str, lang: str = "") -> Iterable[str]:
    """Every form whose lemma is ``lemma``; with ``lang`` "" the language is told by its script."""
    return _forms(_LANGUAGES.get(lang) or _by_script(lemma)).get(lemma, ())


def _by_script(word: str) -> str:
    first = word[:1]
    if "\u0590" <= first <= "\u05ff":
        return "he"
    if "\u0600" <= first <= "\u06ff":
        return "fa" if any(letter in "پچژگکی" for letter in word) else "ar"
    if "\u0400" <= first <= "\u04ff":
        return "uk" if any(letter in "іїєґ" for letter in word) else "ru"
    return "en"
