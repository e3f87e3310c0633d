"""Dates as feeds write them: ISO 8601, RFC 5322, and in words of six languages. Pure.

Persian dates may be of the Solar Hijri calendar; its years are told from ours by their size.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]|$)")
_RFC = re.compile(
    r"(?:[A-Z][a-z]{2}, )?([0-3]?\d) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) ((?:19|20)\d\d) "
    r"([0-2]\d):([0-5]\d)(?::([0-5]\d))? (?:GMT|UTC|([+-])([01]\d)([0-5]\d))"
)  # RFC 5322 as nearly every feed writes it
_RFC_MONTHS = {
    name: number
    for number, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
        start=1,
    )
}
_DIGITS = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")

_ZONES = {
    "msk": 180, "мск": 180, "irst": 210, "irdt": 270, "cet": 60, "cest": 120, "eet": 120,
    "eest": 180, "wet": 0, "west": 60, "bst": 60, "ist": 330, "idt": 180, "ast": 180, "gst": 240,
    "trt": 180, "azt": 240, "amt": 240, "utc": 0, "gmt": 0, "z": 0,
    "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360, "pst": -480,
    "pdt": -420, "тегеран": 210, "гринвич": 0, "москва": 180,
}  # fmt: skip
_GREGORIAN = {
    1: "янв січ ژانویه يناير كانون_الثاني ינואר jan",
    2: "фев лют فوریه فبراير شباط פברואר feb",
    3: "мар бер مارس آذار מרץ מרס mar",
    4: "апр квіт آوریل أبريل ابريل نيسان אפריל apr",
    5: "май мая трав مه مايو أيار ايار מאי may",
    6: "июн черв ژوئن يونيو يونيه حزيران יוני jun",
    7: "июл лип ژوئیه جولای يوليو يوليه تموز יולי jul",
    8: "авг серп اوت آگوست أغسطس اغسطس آب אוגוסט aug",
    9: "сен вер سپتامبر سبتمبر أيلول ايلول ספטמבר sep",
    10: "окт жовт اکتبر أكتوبر اكتوبر تشرين_الأول تشرين_الاول אוקטובר oct",
    11: "ноя лист نوامبر نوفمبر تشرين_الثاني נובמבר nov",
    12: "дек груд دسامبر ديسمبر كانون_الأول كانون_الاول דצמבר dec",
}
_HIJRI = (
    "فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور",
    "مهر", "آبان", "آذر", "دی", "بهمن", "اسفند",
)  # fmt: skip


def _folded(text: str) -> str:
    """Yeh and kaf of both alphabets alike, no diacritics of alef kept apart by chance."""
    return text.translate(str.maketrans("يىك", "ییک")).lower()


_MONTHS = {
    _folded(name.replace("_", " ")): number
    for number, names in _GREGORIAN.items()
    for name in names.split()
}
_HIJRI_MONTHS = {_folded(name): number for number, name in enumerate(_HIJRI, start=1)}
_NAME = "|".join(
    re.escape(name) for name in sorted({*_MONTHS, *_HIJRI_MONTHS}, key=len, reverse=True)
)
_WORDS = re.compile(
    rf"(?<!\d)(?P<day>\d{{1,2}})(?:-?(?:го|е|st|nd|rd|th))?[\s,./-]+(?:ב|de\s+)?(?P<month>{_NAME})[^\W\d]*\.?"
    r"(?:\s*/\s*[^\W\d]+(?:\s[^\W\d]+)?)?[\s,./-]+(?P<year>\d{4})"
)
_MONTH_FIRST = re.compile(
    rf"\b(?P<month>{_NAME})[^\W\d]*\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})"
)
_NUMBERS = re.compile(r"(?<!\d)(?P<a>\d{1,4})[./-](?P<month>\d{1,2})[./-](?P<b>\d{1,4})(?!\d)")
_CLOCK = re.compile(r"(?<![\d+-])(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?")
_OFFSET = re.compile(
    r"(?:gmt|utc|(?<=\d)|\s)\s*(?P<sign>[+−-])(?P<hours>\d{1,2}):?(?P<minutes>\d{2})?\s*$"
)


def read_date(text: str) -> datetime | None:
    """The moment, in UTC; None where it cannot be read. Without a zone it is taken for UTC."""
    text = text.strip()
    if not text:
        return None
    try:
        if found := _RFC.fullmatch(text):
            return _read_rfc(found)
        if text.isascii():
            return _utc(_read_ascii(text))
        return _utc(_in_words(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _read_rfc(found: re.Match[str]) -> datetime:
    day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
    at = datetime(
        int(year),
        _RFC_MONTHS[month],
        int(day),
        int(hour),
        int(minute),
        int(second or 0),
        tzinfo=UTC,
    )
    if sign is None:
        return at
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return at - offset if sign == "+" else at + offset


def _utc(at: datetime | None) -> datetime | None:
    if at is None:
        return None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _read_ascii(text: str) -> datetime | None:
    from email.utils import parsedate_to_datetime  # when needed: every parser would pay for it

    if _ISO.match(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            return _in_words(text)
    if re.search(r"\b[ap]\.?m\b", text, re.I):
        return _in_words(text)
    text = re.sub(r"\b(?:GMT|UTC)\s?([+-])(\d{1,2})(?::?(\d{2}))?$", _plain_offset, text)
    zone = text.rpartition(" ")[2].lower()
    if zone in _ZONES and zone not in (
        "gmt",
        "utc",
        "z",
    ):  # the library knows only those of the USA
        at = parsedate_to_datetime(text.rpartition(" ")[0] + " +0000")
        return at.replace(tzinfo=timezone(timedelta(minutes=_ZONES[zone])))
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return _in_words(text)


def _plain_offset(found: re.Match[str]) -> str:
    return f"{found[1]}{int(found[2]):02d}{found[3] or '00'}"


def _in_words(text: str) -> datetime | None:
    """Day, month and year wherever they stand, a time if there is one, a zone if it is named."""
    text = _folded(_INVISIBLE.sub(" ", text).translate(_DIGITS)).replace("،", ",")
    text = re.sub(r"(?<=\d)t(?=\d)", " ", text)
    if found := _WORDS.search(text) or _MONTH_FIRST.search(text):
        name, year = found["month"], int(found["year"])
        day = int(found["day"])
        month = _HIJRI_MONTHS.get(name) if year < 1700 else _MONTHS.get(name)
    elif found := _NUMBERS.search(text):
        first, month, last = int(found["a"]), int(found["month"]), int(found["b"])
        day, year = (last, first) if len(found["a"]) == 4 else (first, last)
        if year < 100:
            year += 2000
    else:
        return None
    if month is None:
        return None
    if year < 1700:
        year, month, day = from_solar_hijri(year, month, day)
    clock = _CLOCK.search(text[: found.start()] + " " + text[found.end() :])
    hour, minute, second = (int(each or 0) for each in clock.groups()) if clock else (0, 0, 0)
    if clock and hour == 12 and re.search(r"\ba\.?m\b", text):
        hour = 0
    elif clock and hour < 12 and re.search(r"\bp\.?m\b|ب\.ظ|بعد از ظهر|مساء", text):
        hour += 12
    return datetime(year, month, day, hour, minute, second, tzinfo=_zone(text[found.end() :]))


def _zone(text: str) -> timezone:
    if offset := _OFFSET.search(text):
        minutes = int(offset["hours"]) * 60 + int(offset["minutes"] or 0)
        if minutes < 24 * 60:
            return timezone(timedelta(minutes=minutes if offset["sign"] == "+" else -minutes))
    for word in re.findall(r"[^\W\d_]+", text):
        if word in _ZONES:
            return timezone(timedelta(minutes=_ZONES[word]))
    return UTC


def from_solar_hijri(year: int, month: int, day: int) -> tuple[int, int, int]:
    """The Gregorian date of a Solar Hijri one, by the 33-year rule (exact for 1343–1502 = 1964–2124).

    Raises ValueError for a date that is none.
    """
    if not (1 <= month <= 12 and 1 <= day <= (31 if month <= 6 else 30)):
        raise ValueError("no such day")
    years = year + 1595
    days = -355_668 + 365 * years + years // 33 * 8 + (years % 33 + 3) // 4 + day
    days += (month - 1) * 31 if month < 7 else (month - 7) * 30 + 186
    at = datetime(1, 1, 1) + timedelta(days=days - 366)  # noqa: DTZ001 - a date, no moment
    return at.year, at.month, at.day
