"""Numbers, names, attributions, independence."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from monitor.group import chain, independent_origins, suggested_grade
from monitor.group.attribution import attributed
from monitor.group.names import skeleton
from monitor.group.numbers import spelled, written
from monitor.model import Event, Feed, Member
from monitor.text import fold


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (["fourteen", "چهارده", "четырнадцати", "чотирнадцять"], "14"),
        (["sixty", "شصت", "шестидесяти", "шістдесят", "ستون", "שישים"], "60"),
        (["двухсот", "مئتي", "מאתיים", "دویست"], "200"),
        (["seven", "هفت", "سبعة", "שבעה", "семь"], "7"),
        (["пятнадцатилетнее", "پانزده", "fifteen"], "15"),
    ],
)
def test_number_words_of_all_languages_are_one_number(words: list[str], number: str) -> None:
    assert {spelled(fold(word).text.casefold()) for word in words} == {number}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1.4 bln euro", ["1.4"]),
        ("1,4 млрд евро", ["1.4"]),
        ("۱٫۴ میلیارد", ["1.4"]),
        ("about 1,200 shells", ["1200"]),
        ("by 2025 at the latest", []),
        ("in 1979 and 2022", []),
    ],
)
def test_digits_are_read_and_years_are_not(text: str, numbers: list[str]) -> None:
    assert written(fold(text).text) == numbers


@pytest.mark.parametrize(
    "names",
    [
        ["Isfahan", "Исфахане", "اصفهان", "أصفهان"],
        ["Hormuz", "Ормуза", "هرمز", "הורמוז"],
        ["Makhachkala", "Махачкала"],
        ["Pezeshkian", "Пезешкиан", "پزشکیان", "بزشكيان"],
        ["Chabahar", "Чабахара", "چابهار", "تشابهار"],
    ],
    ids=lambda names: names[0],
)
def test_a_name_sounds_alike_in_every_script(names: list[str]) -> None:
    assert len({skeleton(fold(name).text.casefold()) for name in names}) == 1


@pytest.mark.parametrize(
    ("title", "agency"),
    [
        ("Storm halts grain loading at Rostov port, Reuters reports", "reuters"),
        ("Учения России и Ирана стартовали, сообщает ТАСС", "tass"),
        ("США заявили о передаче ракет, по данным ТАСС", "tass"),
        ("وام روسیه امضا شد، به گزارش ایرنا", "irna"),
        ("«أوبك+» تمدّد الخفض حتى سبتمبر، وفق رويترز", "reuters"),
        ("وفاة الرئيس في تحطم مروحية، نقلاً عن وكالة إرنا", "irna"),
        ("סוכם טקסט ביניים על פיקוח, לפי רויטרס", "reuters"),
        ("روسیه حمله را تجاوز خواند، خبرگزاری ایرنا", "irna"),
    ],
)
def test_the_agency_that_is_named_is_found(title: str, agency: str) -> None:
    assert attributed(fold(title).text) == {agency}


@pytest.mark.parametrize(
    "title",
    [
        "Reuters photographer killed in Lebanon",
        "Art therapy for veterans expands",
        "IRNA moves to a new building in Tehran",
    ],
)
def test_an_agency_that_is_only_spoken_of_is_no_source(title: str) -> None:
    assert attributed(fold(title).text) == frozenset()


def event_of(lab: SimpleNamespace, *members: tuple[str, str, str, str]) -> Event:
    """(id, feed, role, of) each, an hour apart."""
    made = tuple(
        Member(item=lab.item(id, f"title {id}", hours=number, feed=feed), role=role, of=of)  # type: ignore[arg-type]
        for number, (id, feed, role, of) in enumerate(members)
    )
    return Event(
        id=1, title="", first_seen_at=lab.start, last_seen_at=lab.start, members=made, hits=()
    )


FEEDS = {
    feed.id: feed
    for feed in (
        Feed(id="tass", url="", state="ru", reliability="D"),
        Feed(id="ria", url="", state="ru", reliability="D"),
        Feed(id="bbc", url="", origin="bbc", reliability="B"),
        Feed(id="bbc-fa", url="", origin="bbc", reliability="B"),
        Feed(id="reuters", url="", reliability="A"),
        Feed(id="blog", url="", reliability="F"),
    )
}


@pytest.mark.parametrize(
    ("members", "origins", "grade"),
    [
        ([("a", "blog", "origin", "")], 1, "F6"),
        ([("a", "reuters", "origin", "")], 1, "A3"),
        ([("a", "tass", "origin", ""), ("b", "ria", "independent", "")], 1, "D6"),
        ([("a", "bbc", "origin", ""), ("b", "bbc-fa", "independent", "")], 1, "B3"),
        ([("a", "tass", "origin", ""), ("b", "bbc", "independent", "")], 2, "B2"),
        ([("a", "tass", "origin", ""), ("b", "bbc", "copy", "a")], 1, "D6"),
        (
            [
                ("a", "tass", "origin", ""),
                ("b", "bbc", "independent", ""),
                ("c", "reuters", "independent", ""),
            ],
            3, "A1",
        ),
        ([("a", "tass", "origin", ""), ("b", "blog", "denial", "a")], 1, "D4"),
        ([("a", "tass", "origin", ""), ("b", "reuters", "followup", "a")], 1, "A3"),
    ],
    ids=[
        "unknown alone cannot be judged", "one good source", "two outlets of one state",
        "two outlets of one owner", "two origins", "a copy adds no origin", "three origins, two good",
        "denied and alone", "a follow-up does not corroborate",
    ],
)  # fmt: skip
def test_origins_and_the_grade_they_suggest(
    lab: SimpleNamespace, members: list[tuple[str, str, str, str]], origins: int, grade: str
) -> None:
    event = event_of(lab, *members)
    assert independent_origins(event, FEEDS) == origins
    assert suggested_grade(event, FEEDS) == grade


def test_the_chain_shows_who_spoke_first_and_who_repeated(lab: SimpleNamespace) -> None:
    event = event_of(
        lab,
        ("a", "tass", "origin", ""),
        ("b", "bbc", "copy", "a"),
        ("c", "reuters", "independent", ""),
    )
    found = [(link.item, link.origin, link.of, link.first) for link in chain(event, FEEDS)]
    assert found == [
        ("a", "state:ru", "", True),
        ("b", "state:ru", "a", False),
        ("c", "feed:reuters", "", True),
    ]
