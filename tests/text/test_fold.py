"""Letters made comparable, and the way back to the text that was given."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.text import Document, Folded, cut, detect_language, split_words
from monitor.text.fold import LIMIT_BYTES
from monitor.text.fold import SAME as FOLDS_TO_ITSELF

SAME = [
    # Codebook § 4; the Unicode names say what the signs are.
    ("compatibility letters (NFKC)", "ﬁnal Ｉｒａｎ", "final Iran"),
    ("superscript digits", "Su³⁵", "Su35"),
    ("ё", "самолёт Ёлка", "самолет Елка"),
    ("Arabic yeh, Persian yeh, alef maksura, yeh with hamza", "ي ی ى ئ", "ي ي ي ي"),
    ("Arabic and Persian kaf", "ك ک", "ك ك"),
    ("one alef", "أ إ آ ٱ ا", "ا ا ا ا ا"),
    ("teh marbuta and heh with yeh above", "روسية ۀ", "روسيه ه"),
    ("waw with hamza", "مؤتمر", "موتمر"),
    ("tashkeel", "إِيرَان", "ايران"),
    ("tatweel", "إيـــران", "ايران"),
    ("dagger alef", "هٰذا", "هذا"),
    ("niqqud", "אִירָאן", "איראן"),
    ("ZWNJ is a space", "می‌شود", "مي شود"),
    ("other invisible marks are nothing", "I​r‍a\u2060n".replace("​", "\u00ad"), "Iran"),
    ("marks of direction are nothing", "‎Iran‏ ⁦x⁩", "Iran x"),
    ("Arabic-Indic digits", "٣٥", "35"),
    ("Persian digits", "۳۵", "35"),
    ("a decomposed letter", "e\u0301", "é"),
    ("a decomposed й", "и\u0306", "й"),
    ("Ukrainian letters stay", "їжак ґанок є і", "їжак ґанок є і"),
]


@pytest.mark.parametrize("case", SAME, ids=[case[0] for case in SAME])
def test_is_folded(case: tuple[str, str, str]) -> None:
    assert Folded(case[1]).text == case[2]


def test_what_is_said_to_fold_to_itself_does() -> None:
    itself = re.compile(f"[{FOLDS_TO_ITSELF}]")
    characters = [c for c in map(chr, range(0x110000)) if itself.match(c)]
    assert len(characters) > 300
    # A letter that changes stands before them, so that every one is looked at.
    assert Folded("ё" + "".join(characters)).text == "е" + "".join(characters)
    assert [c for c in characters if Folded(f"{c}ё").text != f"{c}е"] == []


SPANS = [
    ("plain", "Iran sends", 1, (5, 10)),
    ("behind a ligature", "ﬁnal word", 1, (5, 9)),
    ("with vowel signs", "x إِيرَان", 1, (2, 9)),
    ("behind marks that are nothing", "‏‏Iran", 0, (2, 6)),
    ("a soft hyphen within", "Ir\u00adan x", 0, (0, 5)),
    ("decomposed", "x cafe\u0301s y", 1, (2, 8)),
    ("behind a ZWNJ", "می‌شود", 1, (3, 6)),
    ("an emoji before", "🚀 Iran", 0, (2, 6)),
]


@pytest.mark.parametrize("case", SPANS, ids=[case[0] for case in SPANS])
def test_a_word_is_found_again_in_the_text_that_was_given(
    case: tuple[str, str, int, tuple[int, int]],
) -> None:
    _, text, number, span = case
    assert Document(text).title.span(number, number + 1) == span


QUOTED = [
    ("‘We will’ — Iran’s “plan”…", ["We", "will", "Iran", "s", "plan"]),
    ("Price: £5–6 • more", ["Price", "5", "6", "more"]),
    ("“Café” isn’t", ["Café", "isn", "t"]),
    ("a²b ½ — x", ["a2b", "1", "2", "x"]),
    ("\ud800Iran’s", ["Iran", "s"]),
]


@pytest.mark.parametrize(("text", "words"), QUOTED)
def test_punctuation_beyond_ascii_parts_words(text: str, words: list[str]) -> None:
    assert Document(text).words == words


letters = st.text(st.sampled_from("abcé’“— fiﬁё́ИранІرانیאִ‌‍‎­٣۳³. ,’\n_🚀"), max_size=40)


@given(letters)
def test_every_word_folds_to_itself_where_its_span_points(text: str) -> None:
    tokens = Document(text).title
    for number, word in enumerate(tokens.words):
        start, end = tokens.span(number, number + 1)
        assert 0 <= start < end <= len(text)
        assert "".join(split_words(text[start:end])) == word


@given(letters)
def test_a_span_is_the_same_however_it_is_asked_for(text: str) -> None:
    one, other = Document(text).title, Document(text).title
    number_of_words = len(one.words)
    _ = other.places  # places all words first
    for number in range(number_of_words):
        assert one.span(number, number + 1) == other.span(number, number + 1)


@given(letters, letters)
def test_the_words_of_ascii_and_of_other_text_are_told_by_one_rule(one: str, other: str) -> None:
    both = Document(f"{one} {other}").words
    assert both == Document(one).words + Document(other).words


@given(st.text(max_size=50), st.integers(0, 60))
def test_a_cut_is_the_longest_beginning_that_fits(text: str, limit: int) -> None:
    start = cut(text, limit)
    assert text.startswith(start)
    assert len(start.encode("utf-8", "surrogatepass")) <= limit
    longer = text[: len(start) + 1]
    assert longer == start or len(longer.encode("utf-8", "surrogatepass")) > limit


def test_what_folding_makes_longer_is_cut_too() -> None:
    assert len(Folded("ﷺ" * 21_000).text) <= LIMIT_BYTES


LANGUAGES = [
    ("en", "Iran ships drones to Russia, the White House says"),
    ("ru", "Иран поставляет России беспилотники, сообщили в МИД"),
    ("uk", "Іран постачає Росії безпілотники"),
    ("fa", "ایران پهپاد به روسیه فرستاد"),
    ("ar", "أرسلت إيران طائرات مسيرة إلى روسيا"),
    ("he", "איראן שלחה רחפנים לרוסיה"),
    ("", "12 345 — !"),
    ("", "Der Iran liefert die Drohnen nicht"),
]


@pytest.mark.parametrize(("lang", "text"), LANGUAGES)
def test_the_language_is_told_by_letters(lang: str, text: str) -> None:
    assert detect_language(text) == lang


def test_a_language_that_is_given_is_not_doubted() -> None:
    assert Document("Iran", "", "fa-IR").lang == "fa"


SENTENCES = [
    # Words of the title, and how many sentences and clauses it has.
    ("one", "Iran sends drones", 1, 1),
    ("two", "Iran sends drones. Russia denies", 2, 2),
    ("an abbreviation", "Gen. Bagheri visits Moscow", 1, 1),
    ("a quotation that ends", "“We did not.” Tehran said", 2, 2),
    ("a number", "Some 2.5 tonnes", 1, 1),
    ("Russian initials", "А. Б. Иванов прибыл", 1, 1),
    ("Russian abbreviations", "в 2022 г. Иран", 1, 1),
    ("a Persian question", "ایران؟ روسیه", 2, 2),
    ("an Arabic comma", "إيران، روسيا", 1, 2),
    ("a colon", "Zelensky: Iran lies", 1, 2),
    ("a dash", "Iran – Russia", 1, 2),
    ("a bar of a headline", "Iran | Reuters", 2, 2),
]


@pytest.mark.parametrize("case", SENTENCES, ids=[case[0] for case in SENTENCES])
def test_sentences_and_clauses(case: tuple[str, str, int, int]) -> None:
    document = Document(case[1])
    assert (len(document.sentences), len(document.clauses)) == case[2:]


def test_title_and_summary_share_no_sentence() -> None:
    document = Document("Iran", "Russia")
    assert document.sentence(0) != document.sentence(document.offset)
