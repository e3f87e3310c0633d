"""Who an item is, under everything that feeds do to it; and that a batch is whole or not at all."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import ClassVar

import pytest

from monitor.model import Item
from monitor.store.telling import as_stored


def add(store, items, *, now, how="poll", **more):
    with store.batch(now=now) as batch:
        return batch.add_items(items, how=how, **more)


def told(result):
    return (len(result.new), len(result.updated), len(result.duplicate))


def given(name, **more):
    return {"name": name, **more}


class TestIdentity:
    """Each case: what one poll brings, what the next one brings, how the second is told."""

    CASES: ClassVar = {
        "the same items again are duplicates": (
            [given("a"), given("b")],
            [given("a"), given("b")],
            (0, 0, 2),
        ),
        "an edited title updates and is never new": (
            [given("a")],
            [given("a", title="Edited")],
            (0, 1, 0),
        ),
        "another guid with the same link is the same item": (
            [given("a")],
            [given("a", identity="guid:other", id="bbc-other")],
            (0, 0, 1),
        ),
        "a guid that changes at every poll is the same item while the link is": (
            [given("a", identity=f"guid:{n}", id=f"bbc-{n}") for n in range(3)],
            [given("a", identity="guid:9", id="bbc-9")],
            (0, 0, 1),
        ),
        "the same link in another feed is another sighting": (
            [given("a")],
            [given("a", feed="tass")],
            (0, 0, 1),
        ),
        "another feed's wording of a known link changes nothing": (
            [given("a")],
            [given("a", feed="tass", title="Worded otherwise")],
            (0, 0, 1),
        ),
        "the same guid in two feeds is two items": (
            [given("a", link_key="")],
            [given("a", link_key="", feed="tass")],
            (1, 0, 0),
        ),
        "no guid, no link: the hash tells them": (
            [given("a", identity="hash:1", link_key="", link="")],
            [
                given("a", identity="hash:1", link_key="", link=""),
                given("b", identity="hash:2", link_key="", link=""),
            ],
            (1, 0, 1),
        ),
        "a link that is edited under the same guid is the same item": (
            [given("a")],
            [given("a", link_key="news.example/moved", link="https://news.example/moved")],
            (0, 0, 1),
        ),
        "items with no link at all never share one": (
            [given("a", link_key="", link="")],
            [given("b", link_key="", link="")],
            (1, 0, 0),
        ),
        "a guid that a document gives to several links identifies none of them": (
            [given("a"), given("b", identity="guid:a", id="bbc-b")],
            [
                given("c", identity="guid:a", id="bbc-c"),
                given("a"),
                given("b", identity="guid:a", id="bbc-b"),
            ],
            (1, 0, 2),
        ),
        "twins within one poll are one item": (
            [given("z")],
            [given("a"), given("a"), given("a", identity="guid:2", id="bbc-2")],
            (1, 0, 2),
        ),
    }

    @pytest.mark.parametrize(("first", "second", "expected"), CASES.values(), ids=CASES)
    def test_second_poll(self, store, make, first, second, expected):
        build = lambda each: make.item(**each)  # noqa: E731
        add(store, [build(each) for each in first], now=make.at(0))
        again = [build(each) for each in second]
        foreseen = store.recognise(again)
        result = add(store, again, now=make.at(1))
        assert told(result) == expected
        assert told(foreseen) == expected
        assert told(add(store, again, now=make.at(2))) == (0, 0, len(again))
        assert store.check() == []

    def test_fifty_polls_of_a_churning_feed_give_one_item_each(self, store, make):
        for poll in range(50):
            items = [
                make.item(
                    f"{n}", identity=f"guid:{n}-{poll}", id=f"bbc-{n}-{poll}", title=f"T{poll % 3}"
                )
                for n in range(5)
            ]
            add(store, items[poll % 2 :], now=make.at(poll))
        assert store.counts()["items"] == 5

    def test_vanished_and_returned_is_a_duplicate(self, store, make):
        add(store, [make.item("a"), make.item("b")], now=make.at(0))
        add(store, [make.item("b")], now=make.at(1))
        assert told(add(store, [make.item("a")], now=make.at(2))) == (0, 0, 1)

    def test_answers_bear_the_stored_id_and_first_sight(self, store, make):
        add(store, [make.item("a")], now=make.at(0))
        (known,) = add(store, [make.item("a", feed="tass")], now=make.at(5)).duplicate
        assert (known.id, known.first_seen_at) == ("bbc-a", make.at(0))

    def test_edited_item_reads_anew_and_as_before_in_the_past(self, store, make):
        make.store_event(store, "a")
        add(store, [make.item("a", title="Edited")], now=make.at(2))
        assert [item.title for item in store.items()] == ["Edited"]
        assert store.hits()[0].item.title == "Edited"
        assert store.hits(as_of=make.at(1))[0].item.title == "Title of a"
        assert store.events(as_of=make.at(1))[0].members[0].item.title == "Title of a"

    def test_an_item_that_names_a_free_link_does_not_take_one_that_is_used(self, store, make):
        add(store, [make.item("a"), make.item("b")], now=make.at(0))
        moved = make.item("a", link_key="news.example/b", title="Edited")
        assert told(add(store, [moved], now=make.at(1))) == (0, 1, 0)
        assert store.counts()["items"] == 2


def test_an_item_as_it_is_stored_differs_in_id_and_first_sight_alone(make):
    values = {each.name: each.name for each in fields(Item)}
    item = Item(**values)  # every field has a value of its own
    known = as_stored(item, "other", make.now)
    assert known == replace(item, id="other", first_seen_at=make.now)


class TestSeveralPollsInOneBatch:
    """What one poll of a batch adds, those after it find, though nothing is written yet."""

    def test_a_link_of_two_feeds_is_one_item_with_two_sightings(self, store, make):
        first, second = make.item("a"), make.item("a", feed="tass", id="tass-a")
        with store.batch(now=make.now) as batch:
            batch.expect([first, second])
            assert told(batch.add_items([first], how="poll")) == (1, 0, 0)
            (known,) = batch.add_items([second], how="poll").duplicate
        assert known.id == first.id
        assert told(store.recognise([first, second])) == (0, 0, 2)
        assert store.counts()["items"] == 1

    def test_an_edit_in_the_same_batch_is_an_edit(self, store, make):
        with store.batch(now=make.now) as batch:
            batch.add_items([make.item("a")], how="poll")
            edited = make.item("a", title="Edited", content_hash="other")
            assert told(batch.add_items([edited], how="poll")) == (0, 1, 0)
            assert told(batch.add_items([edited], how="poll")) == (0, 0, 1)
        assert [item.title for item in store.items()] == ["Edited"]

    def test_an_id_that_two_feeds_give_to_different_items_is_given_once(self, store, make):
        with store.batch(now=make.now) as batch:
            for feed in ("bbc", "tass"):
                item = make.item(feed, feed=feed, id="1", content_hash=feed)
                assert told(batch.add_items([item], how="poll")) == (1, 0, 0)
        assert {item.id for item in store.items()} == {"1", "1@tass"}

    def test_numbers_go_on_after_a_deletion_and_another_batch(self, store, make):
        for hour, names in enumerate((["a", "b"], ["c"])):
            with store.batch(now=make.at(hour)) as batch:
                for name in names:
                    batch.add_items([make.item(name)], how="poll")
        assert [item.title for item in store.items()] == [f"Title of {n}" for n in "abc"]


class TestImports:
    def test_given_ids_are_kept_and_repeating_changes_nothing(self, store, make):
        items = [make.item(f"{n}", id=f"given-{n}") for n in range(3)]
        add(store, items, now=make.at(0), how="import")
        assert [item.id for item in store.items()] == ["given-0", "given-1", "given-2"]
        assert told(add(store, items, now=make.at(1), how="import")) == (0, 0, 3)

    def test_equal_numbering_in_two_feeds_loses_nothing(self, store, make):
        add(store, [make.item("a", id="1", feed="one")], now=make.at(0), how="import")
        add(store, [make.item("b", id="1", feed="two")], now=make.at(0), how="import")
        assert [item.id for item in store.items()] == ["1", "1@two"]

    def test_same_id_and_feed_with_another_identity_is_the_same_item(self, store, make):
        first = make.item("a", id="1", identity="hash:1", link_key="")
        add(store, [first], now=make.at(0), how="import")
        edited = replace(first, identity="hash:2", title="Edited", content_hash="2")
        assert told(add(store, [edited], now=make.at(1), how="import")) == (0, 1, 0)

    def test_seen_at_published_dates_items_hits_and_coverage(self, store, make):
        seen = make.at(-24 * 40)
        item = make.item("a", first_seen_at=seen)
        with store.batch(now=make.at(0)) as batch:
            batch.add_items([item], how="import")
            batch.add_hits([make.hit(item.id)], how="import")
            batch.apply_groups([make.draft(item.id)])
        assert [each.stored_at for each in store.hits(as_of=make.at(-24 * 30))] == [seen]
        assert len(store.events(as_of=make.at(-24 * 30))) == 1
        assert store.hits(as_of=make.at(-24 * 41)) == []
        day = seen.date()
        assert store.covered_days(since=day, until=day) == {"bbc": {day: (1, 0)}}


class TestHits:
    def test_stored_once_and_read_back_equal(self, store, make):
        item = make.item("a")
        hit = make.hit(item.id, stage=None, genre="opinion", weight=0.5)
        with store.batch(now=make.now) as batch:
            batch.add_items([item], how="poll")
            (stored,) = batch.add_hits([hit, hit], how="poll")
            assert batch.add_hits([hit], how="poll") == []
        assert stored.hit == hit
        assert store.hits() == [stored]
        assert (stored.event, stored.status, stored.stored_at) == (None, "new", make.now)

    def test_refreshed_by_other_rules_keeps_what_was_known_before(self, store, make):
        make.store_event(store, "a")
        with store.batch(now=make.at(5)) as batch:
            changed = make.hit("bbc-a", rules="r2", score=0.25, stage="talks")
            assert batch.add_hits([changed], how="rematch") == []
        (now,), (then,) = store.hits(), store.hits(as_of=make.at(4))
        assert (now.hit.rules, now.hit.score, now.hit.stage) == ("r2", 0.25, "talks")
        assert (then.hit.rules, then.hit.score, then.hit.stage) == ("r1", 0.75, "act")
        assert now.number == then.number

    def test_withdrawn_ones_go_and_come_back_and_the_past_knows(self, store, make):
        make.store_event(store, "a")
        with store.batch(now=make.at(2)) as batch:
            assert batch.withdraw_hits("bbc-a", keep=[]) == 1
        assert store.hits() == []
        assert store.events() == []
        with store.batch(now=make.at(4)) as batch:
            (back,) = batch.add_hits([make.hit("bbc-a")], how="rematch")
        seen = {hours: len(store.hits(as_of=make.at(hours))) for hours in (-1, 0, 1, 2, 3, 4, 5)}
        assert seen == {-1: 0, 0: 1, 1: 1, 2: 0, 3: 0, 4: 1, 5: 1}
        assert store.hits() == [back]

    def test_kept_and_reviewed_ones_are_not_withdrawn(self, store, make):
        event = make.store_event(store, "a")
        with store.batch(now=make.at(1)) as batch:
            batch.add_hits([make.hit("bbc-a", "X2"), make.hit("bbc-a", "X3")], how="poll")
        store.add_review(make.review(event))
        with store.batch(now=make.at(2)) as batch:
            assert batch.withdraw_hits("bbc-a", keep=[("w", "X2")]) == 1
        assert {each.hit.indicator for each in store.hits()} == {"X1", "X2"}

    def test_of_an_item_that_is_not_stored_are_a_bug(self, store, make):
        with pytest.raises(LookupError), store.batch(now=make.now) as batch:
            batch.add_hits([make.hit("nowhere")], how="poll")


class TestBatch:
    def test_is_not_stored_at_all_when_something_in_it_fails(self, store, make):
        store.sync_feeds([make.feed()], now=make.now)
        before = store.feeds()
        with pytest.raises(ZeroDivisionError), store.batch(now=make.now) as batch:
            batch.add_items([make.item("a")], how="poll")
            batch.add_hits([make.hit("bbc-a")], how="poll")
            batch.apply_groups([make.draft("bbc-a")])
            batch.finish_poll(make.poll(), replace(before[0].state, polls=1))
            1 / 0  # noqa: B018
        assert not any(store.counts()[kind] for kind in ("items", "hits", "events", "sightings"))
        assert store.feeds() == before
        assert store.poll_log() == []

    def test_inside_a_batch_of_the_same_thread_is_refused(self, store, make):
        with (
            pytest.raises(RuntimeError, match="inside another"),
            store.batch(now=make.now),
            store.batch(now=make.now),
        ):
            pass
        with store.batch(now=make.now):
            pass

    @pytest.mark.parametrize("text", ["nul \0 here", "half \ud83d a pair", "a ❤ b", "‎می‌شود"])
    def test_any_text_is_stored_with_offsets_kept(self, store, make, text):
        item = make.item("a", title=text, summary=text)
        add(store, [item], now=make.now)
        (stored,) = store.items()
        assert len(stored.title) == len(text)
        assert stored.title.encode().decode() == stored.title
        assert "\0" not in stored.title

    def test_naive_times_are_refused(self, store, make):
        item = make.item("a", published_at=make.now.replace(tzinfo=None))
        with pytest.raises(Exception, match="naive"):
            add(store, [item], now=make.now)

    def test_times_come_back_aware_and_in_utc(self, store, make):
        from datetime import timedelta, timezone

        tehran = make.now.astimezone(timezone(timedelta(hours=3, minutes=30)))
        add(store, [make.item("a", published_at=tehran)], now=tehran)
        (item,) = store.items()
        assert item.published_at == item.first_seen_at == make.now
        assert item.published_at.utcoffset() == timedelta(0)
