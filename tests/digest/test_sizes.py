"""No digest outgrows what mail programs show, however long what it is made of."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.digest import Flood, digest_message
from monitor.digest.compose import MOST_BYTES
from monitor.model import Hypothesis, HypothesisEvidence

TEXTS = {"markup that is escaped": "\"<'&>" * 800, "Persian": "ایران " * 600}


PIECES = ("x", "\"<'&>", "ایران ", "🛢", "e\u0301", "\u202e", "a\x00b\r\n", "&zwnj;&#847;", "word ")


@st.composite
def hostile_text(draw):
    return draw(st.sampled_from(PIECES)) * draw(st.sampled_from((0, 1, 9, 200, 2_000)))


@st.composite
def contents(draw):
    """How much there is of everything, and what it is made of."""
    number = st.sampled_from((0, 1, 9, 70))
    return {
        "texts": draw(st.lists(hostile_text(), min_size=3, max_size=3)),
        "ids": ("i" * draw(st.sampled_from((1, 3, 400)))),
        "indicators": draw(number) + 1,
        "hypotheses": draw(number),
        "hits": draw(st.sampled_from((0, 1, 30, 150))),
        "most": draw(st.sampled_from((0, 1, 25, 500))),
        "floods": draw(number),
        "failing": draw(number),
        "public_url": draw(st.sampled_from(("", "https://monitor.example.org"))),
    }


def _of(make, given):
    """What is known of so much, all of its texts the given ones."""
    title, cause, name = given["texts"]
    names = [f"{given['ids']}{n}" for n in range(given["indicators"])]
    hypotheses = [f"H{n}" for n in range(given["hypotheses"])]
    watch = replace(
        make.watch(),
        indicators=tuple(make.indicator(id, title=title) for id in names),
        hypotheses=tuple(Hypothesis(id=id, title=title) for id in hypotheses),
    )
    text = {"title": title, "summary": cause, "source": name, "link": f"https://x.example/{name}"}
    hits = [
        make.hit(n + 1, indicator=names[n % len(names)], text=text) for n in range(given["hits"])
    ]
    evidence = tuple(HypothesisEvidence(hypothesis=id, for_=1.0, against=1.0) for id in hypotheses)
    levels = make.assessment(*(make.level(id, "high") for id in names))
    failing = [make.feed(f"f{n}", health="failing") for n in range(given["failing"])]
    return make.known(
        hits,
        watches=[watch],
        assessments={"ri": replace(levels, hypotheses=evidence)},
        changes=[make.change(id, "low", "high", cause=cause) for id in names],
        feeds=[replace(each, feed=replace(each.feed, name=name)) for each in failing],
        floods=[Flood(feed="other", name=name, items=9, at=make.now)] * given["floods"],
        note=name,
    )


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(given=contents())
def test_whatever_the_content_it_fits_and_counts_what_it_leaves_out(
    make, subscription, house, given
):
    chosen = replace(subscription, max_events=given["most"])
    at = replace(house, public_url=given["public_url"])
    made = digest_message(_of(make, given), chosen, "ana@example.org", at, now=make.now)
    said = made.content
    assert made.size <= MOST_BYTES
    assert len(said.events) + sum(line.events for line in said.rest) == given["hits"]
    assert len(said.levels) + len(said.more_levels) + said.other_levels == given["indicators"]
    assert len(said.evidence) + said.other_evidence == given["hypotheses"]


def test_lists_that_alone_are_too_long_become_counts(make, subscription, house, parsed):
    """An id of five hundred letters is in every link of every list."""
    given = {
        "texts": ["&" * 400, "<" * 400, "name"], "ids": "&" * 500, "indicators": 70,
        "hypotheses": 70, "hits": 30, "most": 25, "floods": 0, "failing": 0,
    }  # fmt: skip
    made = digest_message(_of(make, given), subscription, "ana@example.org", house, now=make.now)
    assert made.size <= MOST_BYTES
    said = made.content
    assert len(said.events) >= 5
    assert 0 < len(said.levels) < 8
    text = parsed(made.message.body).get_body(("plain",)).get_content()
    assert f"And {said.other_levels} others." in text
    assert f"And {said.other_evidence} more hypotheses." in text


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_sixty_indicators_and_all_texts_of_hostile_length(make, subscription, house, text):
    names = [f"indicator-with-a-long-id-{n}" + "x" * 200 for n in range(60)]
    hypotheses = [f"H{n}" for n in range(60)]
    watch = replace(
        make.watch(),
        indicators=tuple(make.indicator(name, title=text) for name in names),
        hypotheses=tuple(Hypothesis(id=id, title=text) for id in hypotheses),
    )
    long = {"title": text, "summary": text, "source": text, "link": f"https://x.example/{text}"}
    hits = [make.hit(n + 1, indicator=names[n], text=long) for n in range(25)]
    evidence = tuple(HypothesisEvidence(hypothesis=id, for_=1.0, against=1.0) for id in hypotheses)
    levels = make.assessment(*(make.level(name, "high") for name in names))
    known = make.known(
        hits,
        watches=[watch],
        assessments={"ri": replace(levels, hypotheses=evidence)},
        changes=[make.change(name, "low", "high", cause=text) for name in names],
        floods=[Flood(feed="other", name=text, items=9, at=make.now)] * 9,
        note=text,
    )
    made = digest_message(known, subscription, "ana@example.org", house, now=make.now)
    assert made.size <= MOST_BYTES
    said = made.content
    assert len(said.events) + sum(line.events for line in said.rest) == 25
