"""No digest outgrows what mail programs show, however long what it is made of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.digest import Flood, digest_message
from monitor.digest.compose import HTML_BYTES
from monitor.model import Hypothesis, HypothesisEvidence

TEXTS = {"markup that is escaped": "\"<'&>" * 800, "Persian": "ایران " * 600}


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
    assert made.html_bytes <= HTML_BYTES
    said = made.content
    assert len(said.events) + sum(line.events for line in said.rest) == 25
