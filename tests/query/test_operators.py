"""What the operators find, by the plain evaluator: the definition of the language."""

from __future__ import annotations

import pytest

from monitor.errors import QueryError
from monitor.model import Concept
from monitor.query import Facts, Lexicon, PlainEvaluator, parse
from monitor.text import Document


def holds(query: str, title: str, summary: str = "", lang: str = "en", **facts: str) -> bool:
    document = Document(title, summary, lang)
    plain = PlainEvaluator(document, Lexicon({}), Facts(lang=lang, **facts))
    return plain.evaluate(parse(query)).holds


YES = [
    ("and looks at title and summary", "a AND b", "a", "b"),
    ("or", "a OR b", "b"),
    ("not", "a NOT b", "a c"),
    ("near, either order", "a NEAR/1 b", "b x a"),
    ("near, adjacent", "a NEAR/0 b", "b a"),
    ("near, at its limit", "a NEAR/3 b", "a 1 2 3 b"),
    ("near, of the nearest of several", "a NEAR/1 b", "a 1 2 3 b 4 5 6 a b"),
    ("near in order", "a ONEAR/2 b", "a 1 2 b"),
    ("a chain spans both sides", "a NEAR/1 b NEAR/1 c", "a 1 b 2 c"),
    ("a phrase counts as a whole", '"a b" NEAR/0 c', "a b c"),
    ("near of alternatives", "(a OR b) NEAR/1 (c OR d)", "b 1 d"),
    ("near of both", "(a AND b) NEAR/1 c", "a 1 2 3 b c"),
    ("one sentence", "a NEAR/sentence b", "a 1 2 3, 4 5 6 b."),
    ("a full stop within a number ends nothing", "a NEAR/sentence b", "a 3.5 b"),
    ("an abbreviation ends nothing", "a NEAR/sentence b", "a Gen. Smith b"),
    ("an initial ends nothing", "a NEAR/sentence b", "a J. Smith b"),
    ("one clause", "a NEAR/clause b", "x, a 1 2 b, y"),
    ("in the title", "title: a", "a", "b"),
    ("both in the title", "title: (a AND b)", "b a"),
    ("not in the title, though in the summary", "c NOT title: a", "c", "a"),
    ("the language", "a AND lang:en", "a"),
]

NO = [
    ("and of one alone", "a AND b", "a"),
    ("not, in the other field", "a NOT b", "a", "b"),
    ("near, one too far", "a NEAR/2 b", "a 1 2 3 b"),
    ("near in the other order", "a ONEAR/2 b", "b a"),
    ("a word is not near itself", "a NEAR/5 a", "a"),
    ("near over title and summary", "a NEAR/500 b", "a", "b"),
    ("near in order over title and summary", "a ONEAR/500 b", "1 a", "b 2"),
    ("a phrase over title and summary", '"a b"', "1 a", "b 2"),
    ("a sentence over title and summary", "a NEAR/sentence b", "a", "b"),
    ("two sentences", "one NEAR/sentence b", "one. B b"),
    ("two sentences, by a question", "a NEAR/sentence b", "a? b"),
    ("two sentences, by a line", "a NEAR/sentence b", "a\nb"),
    ("two sentences, by a Persian question mark", "a NEAR/sentence b", "a؟ b"),
    ("two clauses", "a NEAR/clause b", "a, b"),
    ("two clauses, by an Arabic comma", "a NEAR/clause b", "a، b"),
    ("two clauses, by a dash", "a NEAR/clause b", "a – b"),
    ("two clauses, by a colon", "a NEAR/clause b", "a: b"),
    ("in the summary alone", "title: a", "b", "a"),
    ("one in the title, one in the summary", "title: (a AND b)", "a", "b"),
    ("another language", "a AND lang:fa", "a"),
]


@pytest.mark.parametrize("case", YES, ids=[case[0] for case in YES])
def test_holds(case: tuple[str, ...]) -> None:
    assert holds(*case[1:])


@pytest.mark.parametrize("case", NO, ids=[case[0] for case in NO])
def test_does_not_hold(case: tuple[str, ...]) -> None:
    assert not holds(*case[1:])


def test_stage_and_genre_are_facts_of_the_item() -> None:
    assert holds("a AND stage:denied", "a", stage="denied")
    assert not holds("a AND stage:denied", "a", stage="act")
    assert holds("a NOT genre:opinion", "a", genre="news")
    assert not holds("a NOT genre:opinion", "a", genre="opinion")


def test_near_a_near_is_measured_from_the_whole_match() -> None:
    assert holds("(a NEAR/5 b) ONEAR/0 c", "b 1 2 a c")
    assert not holds("(a NEAR/5 b) ONEAR/0 c", "b 1 2 a 3 c")


def test_a_match_rests_on_the_words_of_both_sides() -> None:
    document = Document("x a 1 b", "", "en")
    outcome = PlainEvaluator(document, Lexicon({})).evaluate(parse("a NEAR/1 b"))
    assert outcome.matches == ((1, 4, ((1, 2, "a"), (3, 4, "b"))),)


def _concepts(**forms: str) -> dict[str, Concept]:
    return {
        name: Concept(id=name, kind="lexicon", forms={"en": tuple(text.split(", "))})
        for name, text in forms.items()
    }


def test_a_lemma_stands_for_every_form_that_the_dictionary_gives() -> None:
    forms = {"deliver": ["delivers", "delivered", "delivering"]}
    lexicon = Lexicon({}, inflect=lambda lemma, lang: forms.get(lemma, ()))
    for text, wanted in (("It delivered it", True), ("deliver", True), ("delivery", False)):
        outcome = PlainEvaluator(Document(text, "", "en"), lexicon).evaluate(parse("~deliver"))
        assert outcome.holds is wanted


def test_a_lemma_in_a_phrase_stands_for_its_forms_there() -> None:
    lexicon = Lexicon({}, inflect=lambda lemma, lang: ["jets"] if lemma == "jet" else ())
    document = Document("fighter jets", "", "en")
    assert PlainEvaluator(document, lexicon).evaluate(parse('"fighter ~jet"')).holds


def test_a_concept_may_name_others() -> None:
    lexicon = Lexicon(_concepts(arms="@drone, missile", drone="drone*"))
    document = Document("A dronelike thing", "", "en")
    assert PlainEvaluator(document, lexicon).evaluate(parse("@arms")).holds


def test_concepts_that_name_one_another_in_a_circle_are_refused() -> None:
    lexicon = Lexicon(_concepts(a="@b", b="@c", c="@a"))
    with pytest.raises(QueryError, match="in a circle: @a → @b → @c → @a"):
        lexicon.patterns("a")


def test_an_unknown_name_in_a_concept_is_said_with_the_concept_that_names_it() -> None:
    with pytest.raises(QueryError) as caught:
        Lexicon(_concepts(a="@b")).patterns("a")
    assert "@b" in caught.value.problem
    assert "@a" in caught.value.remedy
