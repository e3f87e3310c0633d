"""The indexed engine against the plain evaluator, which is the language's definition."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.match import compile_matcher
from monitor.model import Span
from monitor.query import Facts, Lexicon, PlainEvaluator, parse
from monitor.query.matches import evidence
from monitor.text import Document
from tests.match.conftest import CONCEPTS, item, watch

WORDS = """
Iran Russia drones drone Shahed Shaheed sends sent deliveries delivery to of by and the US us United
States Washington Assad ambassador strikes strike Israel's Israeli in Syria was struck Su-35 35
Иран поставил России поставки беспилотников удары по Сирии
ایران پهپاد به روسیه تحویل داد می‌شود وإيران لروسيا مسيرات טהרן מישראל איראן
""".split()  # noqa: SIM905 — a list of words reads better as words
GAPS = [" ", " ", " ", " ", ", ", ". ", "! ", " - ", "; ", "\n", " “", "’s "]
TERMS = [
    "sent", "drone*", '"United States"', "US", "strike*", '"by Russia"', '"deliver* of"', "35", "Su-35",
    "иран*", '"по Сирии"', "پهپاد", "روسيا", "ישראל", "the", '"Su 35"', "s*",
]  # fmt: skip
NAMES = [each.id for each in CONCEPTS]
ACTORS = ["@iran", "@russia", "@israel", "@us", "@syria", "@drone", "@weapon"]

texts = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(GAPS)), max_size=14).map(
    lambda pairs: "".join(word + gap for word, gap in pairs)
)
items = st.tuples(texts, texts, st.sampled_from(["en", "ru", "fa", "ar", "he", "uk", ""]))

leaves = st.one_of(st.sampled_from(TERMS), st.sampled_from(NAMES).map("@{}".format))
within = st.one_of(st.integers(0, 12).map(str), st.sampled_from(["sentence", "clause"]))


def near(operands: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operator = st.sampled_from(["NEAR", "ONEAR"])
    return st.tuples(operands, operator, within, operands).map(
        lambda each: f"({each[0]} {each[1]}/{each[2]} {each[3]})"
    )


fillers = st.one_of(
    st.sampled_from(ACTORS),
    st.lists(st.sampled_from(ACTORS), min_size=2, max_size=3).map(" OR ".join),
)
roles = st.lists(
    st.tuples(st.sampled_from(["by", "on", "of", "to", "from", "in", "with"]), fillers),
    min_size=1,
    max_size=3,
    unique_by=lambda each: each[0],
)
frames = st.tuples(st.sampled_from(["supply", "strike"]), roles).map(
    lambda each: f"@{each[0]}({', '.join(f'{role}: {filler}' for role, filler in each[1])})"
)
facts = st.sampled_from(["lang:en", "lang:ru", "stage:act", "stage:denied", "genre:news"])
positive = st.recursive(
    st.one_of(leaves, frames),
    lambda inner: st.one_of(
        near(st.one_of(leaves, inner)),
        st.tuples(inner, inner).map(lambda each: f"({each[0]} OR {each[1]})"),
        st.tuples(inner, inner).map(lambda each: f"({each[0]} AND {each[1]})"),
        st.tuples(inner, facts).map(lambda each: f"({each[0]} AND {each[1]})"),
        st.tuples(inner, inner).map(lambda each: f"({each[0]} NOT {each[1]})"),
        st.tuples(inner, inner, facts).map(
            lambda each: f"({each[0]} AND ({each[1]} OR {each[2]}))"
        ),
        inner.map(lambda each: f"title: {each}"),
    ),
    max_leaves=6,
)


def plain(query: str, document: Document) -> tuple[bool, tuple[Span, ...]]:
    concepts = {each.id: each for each in CONCEPTS}
    facts = Facts(lang=document.lang, stage="act", genre="news")
    outcome = PlainEvaluator(document, Lexicon(concepts), facts).evaluate(parse(query))
    spans = []
    for start, end, term in evidence(outcome.matches):
        field, first, last = document.span(start, end)
        spans.append(Span(field=field, start=first, end=last, term=term))
    return outcome.holds, tuple(spans)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(positive, min_size=1, max_size=4), st.lists(items, min_size=1, max_size=3))
def test_the_engine_finds_what_the_plain_evaluator_finds(
    queries: list[str], given_items: list[tuple[str, str, str]]
) -> None:
    matcher = compile_matcher([watch(*queries, concepts=CONCEPTS)])
    for title, summary, lang in given_items:
        hits = {hit.indicator: hit.spans for hit in matcher.candidates(item(title, summary, lang))}
        holding = matcher.holding(item(title, summary, lang))
        document = Document(title, summary, lang)
        for number, query in enumerate(queries):
            holds, spans = plain(query, document)
            assert (f"q{number}" in hits) == holds, query
            assert (("w", f"q{number}") in holding) == holds, query
            if holds:
                assert hits[f"q{number}"] == spans, query


@settings(max_examples=40, deadline=None)
@given(st.lists(positive, min_size=1, max_size=3), items)
def test_the_order_and_number_of_queries_change_nothing(
    queries: list[str], one: tuple[str, str, str]
) -> None:
    together = compile_matcher([watch(*queries, concepts=CONCEPTS)])
    alone = [compile_matcher([watch(query, concepts=CONCEPTS)]) for query in queries]
    hits = {hit.indicator: hit.spans for hit in together.candidates(item(*one))}
    for number, matcher in enumerate(alone):
        own = [hit.spans for hit in matcher.candidates(item(*one))]
        assert own == [hits[name] for name in hits if name == f"q{number}"]
