"""Numbers as they are written in headlines of six languages: digits and words.

"14", "چهارده", "четырнадцати" and "fourteen" are one number. Small ones say little (everything has two
sides), years and dates nothing; both are left to the weights in ``likeness``.
"""

from __future__ import annotations

import re

# The beginning of a word, and what it stands for. Longer beginnings win; "…илетн" and other second
# halves of compounds ("пятнадцатилетнее") do no harm because only the beginning is looked at.
_BEGINNINGS: dict[str, str] = {
    "2": "двух двумя двоих двойн",
    "3": "троих тремя трехсторон трьома трьох",
    "4": "четыре четырех чотири чотирьох",
    "5": "пяти пятью пятер",
    "6": "шести шестью шестер",
    "7": "семеро семью семи",
    "8": "восемь восьми вісім",
    "9": "девят",
    "10": "десят",
    "11": "одиннадцат одинадцят",
    "12": "двенадцат дванадцят",
    "13": "тринадцат тринадцят",
    "14": "четырнадцат чотирнадцят",
    "15": "пятнадцат",
    "16": "шестнадцат шістнадцят",
    "17": "семнадцат сімнадцят",
    "18": "восемнадцат вісімнадцят",
    "19": "девятнадцат",
    "20": "двадцат двадцят",
    "30": "тридцат тридцят",
    "40": "сорок сорока",
    "50": "пятьдесят пятидесят пятдесят",
    "60": "шестьдесят шестидесят шістдесят",
    "70": "семьдесят семидесят сімдесят",
    "80": "восемьдесят восьмидесят вісімдесят",
    "90": "девяност девяносто",
    "100": "сотн сотня",
    "200": "двести двухсот двісті двохсот",
    "300": "триста трехсот трьохсот",
    "400": "четыреста четырехсот чотириста",
    "500": "пятьсот пятисот",
}
_WORDS: dict[str, str] = {
    "2": "two twin دو اثنان اثنين שני שתי שניים два две двое дві",
    "3": "three سه ثلاثة ثلاث שלושה שלוש שלושת три трех трое",
    "4": "four چهار أربعة أربع اربعة اربع ארבעה ארבע",
    "5": "five پنج خمسة خمس חמישה חמש пять",
    "6": "six شش ستة ست שישה שש шесть шість",
    "7": "seven هفت سبعة سبع שבעה שבע семь сім",
    "8": "eight هشت ثمانية ثماني שמונה",
    "9": "nine نه‌ تسعة تسع תשעה תשע",
    "10": "ten ده عشرة עשרה עשר",
    "11": "eleven یازده",
    "12": "twelve dozen دوازده اثنا اثنتا",
    "13": "thirteen سیزده",
    "14": "fourteen چهارده",
    "15": "fifteen پانزده",
    "16": "sixteen شانزده",
    "17": "seventeen هفده",
    "18": "eighteen هجده",
    "19": "nineteen نوزده",
    "20": "twenty بیست عشرون عشرين עשרים",
    "30": "thirty سی‌ ثلاثون ثلاثين שלושים",
    "40": "forty چهل أربعون أربعين اربعون اربعين ארבעים",
    "50": "fifty پنجاه خمسون خمسين חמישים",
    "60": "sixty شصت ستون ستين שישים",
    "70": "seventy هفتاد سبعون سبعين שבעים",
    "80": "eighty هشتاد ثمانون ثمانين שמונים",
    "90": "ninety نود تسعون تسعين תשעים",
    "100": "hundred صد مئة مائة מאה сто",
    "200": "دویست مئتي مئتا مئتين مائتي مائتين מאתיים",
    "300": "سیصد ثلاثمئة ثلاثمائة",
    "500": "پانصد خمسمئة خمسمائة",
}
_SAME_LETTERS = str.maketrans("أإآٱىیکةؤёئ", "ااااييكهوеي")


def _folded(word: str) -> str:
    return word.translate(_SAME_LETTERS).replace("\u200c", "")


_exact = {_folded(word): value for value, words in _WORDS.items() for word in words.split()}
_beginnings = {
    _folded(word): value for value, words in _BEGINNINGS.items() for word in words.split()
}
_shortest = min(map(len, _beginnings))
_longest = max(map(len, _beginnings))
_DIGITS = re.compile(r"(?<![\w.,])(\d{1,3}(?:[,  ]\d{3})+|\d+(?:[.,٫]\d+)?)")


def spelled(word: str) -> str | None:
    """The number that a folded word is, or begins with; None if it is none."""
    found = _exact.get(word)
    if found is None:
        for length in range(min(_longest, len(word)), _shortest - 1, -1):
            found = _beginnings.get(word[:length])
            if found is not None:
                break
    return found


def written(text: str) -> list[str]:
    """The numbers that are written as digits in folded text; years and clock times are left out."""
    found = []
    for match in _DIGITS.finditer(text):
        value = match[1]
        if re.fullmatch(r"\d{1,3}(?:[,  ]\d{3})+", value):
            value = re.sub(r"\D", "", value)
        value = value.replace(",", ".").replace("٫", ".")
        if "." not in value:
            value = value.lstrip("0")
        if not value or value == "1" or (len(value) == 4 and value[:2] in ("19", "20")):
            continue
        found.append(value)
    return found
