"""The operator's mail: once, and once again when it is mended."""

from __future__ import annotations

import pytest

from monitor.digest.letters import frozen
from monitor.digest.notices import Standing, Trouble, notice, notice_letter


def trouble(key, words=""):
    return Trouble(key=key, words=words or f"{key} is broken", since="2026-11-25 06:00 UTC")


def too_many(key, covers):
    return Trouble(key=key, words="so many", since="2026-11-25 06:00 UTC", covers=covers)


def follow(house, *rounds):
    """What is told in each round: (new, mended), or None."""
    standing, told = Standing(), []
    for keys in rounds:
        troubles = [too_many(key, "feed/") if key == "feeds" else trouble(key) for key in keys]
        said = notice(standing, troubles, house)
        told.append(
            said and (tuple(each.key for each in said.new), tuple(each.key for each in said.mended))
        )
        standing = Standing.read(standing.next(troubles).text())
    return told


ROUNDS = {
    "nothing is wrong": ([(), ()], [None, None]),
    "told once": ([("a",), ("a",), ("a",)], [(("a",), ()), None, None]),
    "and again when it is mended": ([("a",), (), ()], [(("a",), ()), ((), ("a",)), None]),
    "and anew when it comes back": (
        [("a",), (), ("a",)],
        [(("a",), ()), ((), ("a",)), (("a",), ())],
    ),
    "a second trouble beside the first": ([("a",), ("a", "b")], [(("a",), ()), (("b",), ())]),
    "what is told of all together is not mended one by one": (
        [("feed/a", "feed/b"), ("feeds",), ("feeds",), ("feed/a",), ()],
        [
            (("feed/a", "feed/b"), ()),
            (("feeds",), ()),
            None,
            ((), ("feeds", "feed/b")),
            ((), ("feed/a",)),
        ],
    ),
    "one goes as another comes": ([("a",), ("b",)], [(("a",), ()), (("b",), ("a",))]),
}


@pytest.mark.parametrize(("rounds", "told"), ROUNDS.values(), ids=ROUNDS)
def test_once_and_once_again(house, rounds, told):
    assert follow(house, *rounds) == told


def test_words_that_change_while_it_stands_are_not_told_again(house):
    standing = Standing().next([trouble("a", "fails: 404")])
    assert notice(standing, [trouble("a", "fails: 500")], house) is None


def test_what_cannot_be_read_back_is_told_again_and_not_an_error(house):
    assert Standing.read("no json") == Standing.read(None) == Standing()


def test_the_message_and_its_slot(house, make, parsed):
    before = Standing(told=(trouble("old"), trouble("gone")))
    said = notice(before, [trouble("old"), trouble("new", "Feed Gulf Ledger\nfails")], house)
    letter, broken = notice_letter(said, before, "ops@example.org", house)
    again, _ = notice_letter(said, before, "ops@example.org", house)
    assert broken is None
    assert letter.slot == again.slot  # frozen and not noted: it is not frozen twice
    message = parsed(frozen(letter, house, now=make.now).body)
    text = message.get_content().replace("\r\n", "\n")
    assert message["Subject"] == "Monitor operator: Feed Gulf Ledger fails"
    assert "PROBLEM\nFeed Gulf Ledger fails" in text
    assert "MENDED\ngone is broken" in text
    assert "STILL OPEN\n- old is broken" in text


def test_a_broken_template_of_the_user_costs_no_notice(house, make):
    folder = house.templates[0] / "email"
    folder.mkdir(parents=True)
    (folder / "notice.txt").write_text("{{ nothing }}")
    said = notice(Standing(), [trouble("a")], house)
    letter, broken = notice_letter(said, Standing(), "ops@example.org", house)
    assert "a is broken" in letter.text
    assert broken is not None
