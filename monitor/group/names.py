"""Names made comparable across scripts by how they sound: Исфахан, اصفهان, Isfahan → SPN.

Vowels and h-like sounds go, since Arabic and Hebrew script do not write the ones and transliterations
disagree about the others; consonants that transliterations confuse share a class. It is the idea of
Soundex (Russell 1918) for the six scripts at hand. Three classes are the least that count; what
they are worth grows with their number.
"""

from __future__ import annotations

import re

_PAIRS = [
    ("shch", "S"), ("sch", "S"), ("tch", "S"), ("kh", ""), ("gh", "K"), ("sh", "S"), ("ch", "S"),
    ("zh", "S"), ("ts", "S"), ("tz", "S"), ("ph", "P"), ("th", "T"), ("ck", "K"), ("dj", "S"),
    ("ge", "S"), ("gi", "S"), ("ce", "S"), ("ci", "S"), ("qu", "K"), ("x", "KS"),
]  # fmt: skip
_LATIN = dict(_PAIRS)
_LATIN_PAIRS = re.compile("|".join(pair for pair, _ in _PAIRS))
_LETTERS = {
    "P": "bpfv" + "бпфв" + "بپف" + "בפ",
    "T": "dt" + "дт" + "دتطضذث" + "דתט",
    "K": "gkqc" + "гкґ" + "كکگقغ" + "גקכך",
    "S": "szj" + "сзжшчцщ" + "سشصزژجچظ" + "סשצזץ",
    "L": "l" + "л" + "ل" + "ל",
    "M": "m" + "м" + "م" + "מם",
    "N": "n" + "н" + "ن" + "נן",
    "R": "r" + "р" + "ر" + "ר",
}
_CLASS = {letter: sound for sound, letters in _LETTERS.items() for letter in letters}
LEAST = 3
"""Consonant classes below which a skeleton says nothing."""


def skeleton(word: str) -> str:
    """The consonant classes of a casefolded word, doubled ones once."""
    if word.isascii():
        word = _LATIN_PAIRS.sub(lambda match: _LATIN[match[0]], word)
    elif "\u0600" <= word[0] <= "\u06ff":
        if word.startswith("ال") and len(word) > 5:
            word = word[2:]
        word = word.replace("تش", "ش")
    found: list[str] = []
    for letter in word:
        for sound in letter if letter.isupper() else _CLASS.get(letter, ""):
            if not found or found[-1] != sound:
                found.append(sound)
    return "".join(found)


def may_be_name(word: str) -> bool:
    """A capitalised word, or any longer word of a script without capitals."""
    first = word[0]
    if first.isupper():
        return len(word) > 3 and not word.isupper()
    return "\u0590" <= first <= "\u06ff" and len(word) > 3
