"""The inbox, its facets and the search: right, paged by key, and alike on both databases."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

import pytest

from monitor.desk import InboxFilter, User
from monitor.errors import ConfigError, StoreError
from monitor.model import STATUSES
from monitor.store import inbox, listing, search


@pytest.fixture
def busy(store, make):
    """Thirty events of many kinds: see ``add`` for what each number means."""
    feeds = [
        make.feed("bbc", declared_in="f", reliability="B"),
        make.feed("tass", declared_in="f", reliability="D"),
        make.feed("blog", declared_in="f"),
    ]
    store.sync_feeds(feeds, now=make.now)
    for number in range(30):
        add(store, make, number)
    for number, event in enumerate(sorted(e.id for e in store.events())):
        if number % 5 == 0:
            store.add_review(make.review(event, "confirmed", hours=100 + number))
        if number % 7 == 3:
            store.add_review(make.review(event, "dismissed", hours=100 + number, by="ben"))
    return store


def add(store, make, number):
    """Event ``number``: 1–4 items, of feeds in turn, every fourth with a denial, some of X2 too."""
    size = number % 4 + 1
    feeds = ["bbc", "tass", "blog"]
    items = [
        make.item(
            f"{number}-{n}",
            feed=feeds[(number + n) % 3],
            title=f"Iran missile {number} word{number % 6}",
            lang=("en", "ru", "fa")[number % 3],
        )
        for n in range(size)
    ]
    roles = ["origin", "independent", "copy", "denial"]
    with store.batch(now=make.at(number)) as batch:
        batch.add_items(items, how="poll")
        hits = [make.hit(item.id, stage=("act", None)[number % 2]) for item in items]
        if number % 3 == 0:
            hits.append(make.hit(items[0].id, "X2", score=0.5))
        batch.add_hits(hits, how="poll")
        batch.apply_groups(
            [
                make.draft(item.id, key=f"{number}", role=role)
                for item, role in zip(items, roles, strict=False)
            ]
        )


def walk(store, filter, **more):
    rows, after = [], None
    while True:
        page = store.inbox(filter, after=after, **more)
        rows += page.rows
        if page.after is None:
            return rows
        after = page.after


ALL = InboxFilter(status=None)


class TestInbox:
    @pytest.mark.parametrize("sort", ["independent", "newest", "oldest"])
    @pytest.mark.parametrize("limit", [1, 7, 40, 100])
    def test_pages_hold_every_row_once_in_order(self, busy, sort, limit):
        rows = walk(busy, ALL, sort=sort, limit=limit)
        keys = [(row.event, row.indicator) for row in rows]
        assert len(keys) == len(set(keys)) == 40
        order = {
            "independent": lambda row: (-row.origins, -row.last_seen_at.timestamp(), -row.event),
            "newest": lambda row: (-row.last_seen_at.timestamp(), -row.event),
            "oldest": lambda row: (row.first_seen_at.timestamp(), row.event),
        }[sort]
        assert [order(row) for row in rows] == sorted(order(row) for row in rows)

    def test_a_row_that_arrives_meanwhile_moves_nothing(self, busy, make):
        first = busy.inbox(ALL, sort="newest", limit=10)
        add(busy, make, 99)
        rest = walk(busy, ALL, sort="newest", limit=10)
        second = busy.inbox(ALL, sort="newest", limit=10, after=first.after)
        assert not {row.event for row in first.rows[:-1]} & {row.event for row in second.rows}
        assert rest[0].event == max(row.event for row in rest)

    def test_a_row_says_what_its_event_says(self, busy):
        events = {event.id: event for event in busy.events()}
        for row in walk(busy, ALL):
            event = events[row.event]
            assert row.status == event.reviews[row.watch, row.indicator]
            assert (row.items, row.outlets) == (len(event.members), len(event.sources))
            assert row.origins == event.independent_origins
            assert row.denials == sum(member.role == "denial" for member in event.members)
            assert (row.first_seen_at, row.last_seen_at) == (
                event.first_seen_at,
                event.last_seen_at,
            )
            assert row.lead in event.hits
            assert (row.title, row.lang, row.stage) == (
                event.title,
                row.lead.item.lang,
                row.lead.hit.stage,
            )
            assert row.source_grade == {"bbc": "B", "tass": "D", "blog": "F"}[row.lead.item.feed]
            if row.status != "new":
                assert row.decided_by in {"ana", "ben"}

    FILTERS: ClassVar = (
        InboxFilter(),
        InboxFilter(status="confirmed"),
        InboxFilter(status=None, indicator="X2"),
        InboxFilter(status=None, watch="another"),
        InboxFilter(status=None, origins="1"),
        InboxFilter(status=None, origins="2", lang="ru"),
        InboxFilter(status=None, origins="3+"),
        InboxFilter(status=None, grade="A-B"),
        InboxFilter(status=None, grade="C-D"),
        InboxFilter(status=None, grade="E-F"),
        InboxFilter(status="new", stage="act", feed="tass"),
        InboxFilter(status=None, text="MISSILE word3"),
        InboxFilter(status=None, text="word3 nowhere"),
    )

    @pytest.mark.parametrize("filter", FILTERS, ids=lambda f: repr(f).split("(", 1)[1][:60])
    def test_facets_count_what_the_list_holds_under_all_other_filters(self, busy, filter):

        facets = busy.facets(filter)
        assert facets.total == len(walk(busy, filter))
        values = {
            "status": lambda row: row.status,
            "indicator": lambda row: row.indicator,
            "origins": lambda row: {1: "1", 2: "2"}.get(row.origins, "3+"),
            "lang": lambda row: row.lang,
            "stage": lambda row: row.stage,
            "feed": lambda row: row.lead.item.feed,
        }
        for name, value in values.items():
            rows = walk(busy, replace(filter, **{name: None}))
            counted = Counter(value(row) for row in rows if value(row))
            assert facets.counts[name] == counted, name

    def test_since_and_until_are_about_first_sight(self, busy, make):
        rows = walk(busy, InboxFilter(status=None, since=make.at(10), until=make.at(12)))
        assert {row.first_seen_at for row in rows} == {make.at(10), make.at(11)}

    def test_second_opinion_offers_what_others_judged_unseen(self, busy, make):
        judged = walk(busy, InboxFilter(status=None, second_opinion_of="carla"))
        assert {row.status for row in judged} == {"confirmed", "dismissed"}
        offered = judged[0]
        busy.add_review(make.review(offered.event, "confirmed", by="carla", hours=200))
        left = walk(busy, InboxFilter(status=None, second_opinion_of="carla"))
        assert len(left) == len(judged) - 1

    @pytest.mark.parametrize("key", ["", "nonsense", "W10", "é"])
    def test_a_foreign_page_key_is_told(self, store, key):
        with pytest.raises(ConfigError, match="page key"):
            store.inbox(ALL, after=key)

    def test_waiting_and_activity_agree_with_the_events(self, busy, make):
        waiting, activity = Counter(), Counter()
        for event in busy.events():
            for subject, status in event.reviews.items():
                waiting[subject, status] += 1
                if status != "dismissed":
                    activity[subject, event.first_seen_at.date()] += 1
        found = busy.waiting()
        assert {(s, st): n for s, by in found.items() for st, n in by.items()} == waiting
        by_day = busy.activity(since=make.at(-1))
        assert {(s, d): n for s, days in by_day.items() for d, n in days.items()} == activity
        assert busy.activity(since=make.at(-1), as_of=make.at(500)) == by_day

    def test_activity_as_of_knows_nothing_later(self, busy, make):
        days = busy.activity(since=make.at(-1), as_of=make.at(9))
        assert sum(days["w", "X1"].values()) == 10

    def test_related_are_the_nearest_of_the_same_indicators(self, busy):
        event = sorted(e.id for e in busy.events())[12]
        rows = busy.related(event, limit=4)
        assert len({row.event for row in rows}) == 4
        assert {abs(row.event - event) for row in rows} <= {1, 2, 3}
        assert busy.related(9999) == ()

    def test_a_feeds_new_grade_regrades_its_events(self, busy, make):
        assert busy.facets(InboxFilter(status=None, grade="A-B")).total > 0
        feeds = [make.feed(id, declared_in="f", reliability="E") for id in ("bbc", "tass", "blog")]
        busy.sync_feeds(feeds, now=make.at(200))
        assert busy.facets(ALL).counts["grade"] == {"E-F": 40}
        assert busy.check() == []


class TestWordsOfEvidence:
    """The inbox looks where only the items in events are."""

    FILTER = InboxFilter(status=None, text="corridor")

    def found(self, store):
        assert store.check() == []
        return {row.event for row in store.inbox(self.FILTER).rows}

    def test_an_item_that_is_in_no_event_is_not_looked_at(self, busy, make):
        with busy.batch(now=make.at(40)) as batch:
            batch.add_items([make.item("x", title="Grain corridor")], how="poll")
        assert self.found(busy) == set() and len(busy.search("corridor").found) == 1

    def test_an_edited_item_is_found_by_its_new_words_only(self, store, make):
        event = make.store_event(store, "a", "b")
        for hours, title in ((1, "Grain corridor"), (2, "Grain deal")):
            with store.batch(now=make.at(hours)) as batch:
                batch.add_items([make.item("a", title=title)], how="poll")
                batch.add_hits([make.hit("bbc-a", score=hours / 10)], how="poll")
            assert self.found(store) == ({event} if hours == 1 else set())

    def test_a_split_takes_the_words_along(self, store, make):
        old = make.store_event(store, "a", "corridor")
        new = store.split_event(old, ["bbc-corridor"], by="ana", at=make.at(1))
        assert self.found(store) == {new}
        store.merge_events(new, old, by="ana", at=make.at(2))
        assert self.found(store) == {old}

    def test_the_counts_of_a_word_follow_what_changes(self, store, make):
        for number in range(3):
            make.store_event(store, f"corridor-{number}", hours=number)
            assert store.facets(self.FILTER).total == number + 1


class TestListsOfAStatus:
    def test_events_have_the_status_that_they_are_listed_under(self, busy, make):
        busy.add_review(make.review(1, "second-look", hours=200))
        every = busy.events()
        for status in STATUSES:
            wanted = [event.id for event in every if event.status == status]
            assert [event.id for event in busy.events(status=status)] == wanted
            assert [e.id for e in busy.events(status=status, limit=2)] == wanted[:2]
            of_x2 = [e.id for e in every if e.status == status and "X2" in e.indicators]
            assert [e.id for e in busy.events(status=status, indicator="X2")] == of_x2

    @pytest.mark.parametrize("few", [0, 5000])
    def test_hits_too_whichever_way_they_are_gone_through(self, busy, monkeypatch, few):
        monkeypatch.setattr(listing, "FEW", few)
        every = busy.hits()
        for status in STATUSES:
            wanted = [hit.number for hit in every if hit.status == status]
            assert [hit.number for hit in busy.hits(status=status)] == wanted

    def test_evidence_of_the_pairs_of_a_status(self, busy):
        rows = list(walk(busy, InboxFilter(status="dismissed"), sort="newest"))
        found = busy.lead_spans(status="dismissed", limit=99)
        assert found == [((r.watch, r.indicator), r.lead.hit.spans) for r in rows]


class TestSearch:
    TEXTS: ClassVar = {
        "en": ("Sanctions on Iran's oil", "The U.S. Treasury's step against NIOC_2"),
        "ru": ("Иран поставил России дроны", "Ещё одна партия «Шахед-136»"),
        "fa": ("ایران پهپاد می‌فرستد", "گزارش كامل"),
        "ar": ("إيرانُ ترسل طائراتٍ", "تقرير"),
        "he": ("אִירָן שלחה כטב״מים", "דיווח"),
        "uk": ("Іран передав дрони", "їхня партія"),
    }

    @pytest.fixture
    def texts(self, store, make):
        with store.batch(now=make.now) as batch:
            batch.add_items(
                [
                    make.item(lang, lang=lang, title=title, summary=summary)
                    for lang, (title, summary) in self.TEXTS.items()
                ],
                how="poll",
            )
        return store

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("iran", ["en"]),
            ("IRAN Sanctions", ["en"]),
            ("iran дроны", []),
            ("nioc", ["en"]),
            ("еще шахед", ["ru"]),
            ("136", ["ru"]),
            ("дрони", ["uk"]),
            ("می فرستد", ["fa"]),
            ("گزارش کامل", ["fa"]),
            ("ايران", ["ar", "fa"]),
            ("ارسال", []),
            ("אירן", ["he"]),
            ("", []),
            ("  ! ", []),
            ("o'il", []),
            ('" OR rowid > 0 --', []),
            ("iran & | ! ( ) : * \\ ' \"", ["en"]),
            ("NOT iran", []),
        ],
    )
    def test_all_words_folded(self, texts, query, found):
        page = texts.search(query)
        assert sorted(each.item.lang for each in page.found) == found

    def test_pages_newest_first_with_filters(self, busy, make):
        found, after = [], None
        while True:
            page = busy.search("missile", after=after, limit=7)
            found += page.found
            after = page.after
            if after is None:
                break
        assert len(found) == len({each.item.id for each in found}) == busy.counts()["items"]
        seen = [each.item.first_seen_at for each in found]
        assert seen == sorted(seen, reverse=True)
        assert {f.item.lang for f in busy.search("missile", lang="fa", limit=99).found} == {"fa"}
        assert {f.item.feed for f in busy.search("missile", feed="bbc", limit=99).found} == {"bbc"}
        days = busy.search("missile", since=make.at(3), until=make.at(4), limit=99).found
        assert {f.item.first_seen_at for f in days} == {make.at(3)}

    def test_says_in_which_events_and_for_what(self, busy):
        (found, *_) = [f for f in busy.search("word0", limit=99).found if len(f.indicators) > 1]
        assert found.indicators == ("X1", "X2")
        assert found.item.id in {
            member.item.id for member in busy.events(ids=found.events)[0].members
        }

    def test_an_edited_item_is_found_by_its_new_words_only(self, texts, make):
        with texts.batch(now=make.at(1)) as batch:
            batch.add_items([make.item("en", title="Grain deal", summary="corridor")], how="poll")
        assert [f.item.title for f in texts.search("grain corridor").found] == ["Grain deal"]
        assert texts.search("sanctions").found == ()
        assert texts.check() == []

    def test_a_rare_language_is_looked_for_a_stretch_at_a_time(self, busy, monkeypatch):
        """Every item with the words is found once, however few of them a page looks at."""
        monkeypatch.setattr(search, "LOOKED_AT", 7)
        whole = [f.item.id for f in busy.search("missile", limit=99).found if f.item.lang == "fa"]
        found, after, pages = [], None, 0
        while pages == 0 or after is not None:
            page = busy.search("missile", lang="fa", after=after, limit=3)
            found, after, pages = [*found, *page.found], page.after, pages + 1
        assert [each.item.id for each in found] == whole
        assert pages >= busy.counts()["items"] // 7
        assert busy.search("missile", lang="he").after is not None

    def test_newest_items(self, texts):
        assert [item.lang for item in texts.newest_items(limit=2)] == ["uk", "he"]


class TestPeople:
    def test_users_come_and_go(self, store, make):
        ana = User(name="ana", role="reviewer", password="$argon2$…", created_at=make.now)
        store.add_user(ana)
        with pytest.raises(StoreError, match="user of this name"):
            store.add_user(ana)
        assert store.users() == [ana]
        assert store.remove_user("ana") is True
        assert store.remove_user("ana") is False

    def test_the_secret_is_made_once_for_all(self, store, open_again):
        assert store.secret() == open_again().secret()
        assert len(store.secret()) == 32

    def test_heartbeats_keep_the_last(self, store, make):
        store.beat("poll", make.at(0), {"feeds": 1})
        store.beat("poll", make.at(1), {"feeds": 2})
        store.beat("mail", make.at(1))
        found = store.beats()
        assert (found["poll"].at, found["poll"].detail) == (make.at(1), {"feeds": 2})
        assert set(found) == {"mail", "poll"}

    def test_facts_are_replaced(self, store, make):
        store.set_meta("key", "1", now=make.now)
        store.set_meta("key", "2", now=make.now + timedelta(hours=1))
        assert store.get_meta("key") == "2"
        assert store.get_meta("other") is None

    def test_new_items_by_feed(self, busy, make):
        found = busy.new_items_by_feed(since=make.at(29))
        assert sum(found.values()) == 2


def test_a_pair_at_a_glance_says_what_its_event_says(busy):
    for event in busy.events():
        for (watch, indicator), status in event.reviews.items():
            found = busy.glance(event.id, watch, indicator)
            of = [h for h in event.hits if (h.hit.watch, h.hit.indicator) == (watch, indicator)]
            assert (found.title, found.lang, found.status) == (event.title, event.lang, status)
            assert (found.first_seen_at, found.items) == (event.first_seen_at, len(event.members))
            assert found.origins == event.independent_origins
            assert found.hits == len(of)
            assert found.spans == tuple(span for each in of for span in each.hit.spans)
            assert found.lead.hit.score == max(each.hit.score for each in of)
            heard = Counter((m.role, m.item.feed) for m in event.members)
            assert {(v.role, v.feed): v.items for v in found.voices} == heard


def test_a_pair_of_a_merged_event_is_looked_at_where_it_went(store, make):
    first, second = make.store_event(store, "a"), make.store_event(store, "b")
    store.merge_events(second, first, by="ana", at=make.at(1))
    assert store.glance(second, "w", "X1").event == first
    assert store.glance(first, "w", "X9") is None


def test_filters_that_few_pairs_pass_list_the_same_as_a_look_through_all(busy, monkeypatch):
    looks = [
        InboxFilter(status=status, lang=lang, indicator=indicator)
        for status in (None, *STATUSES)
        for lang in (None, "fa", "he")
        for indicator in (None, "X2")
    ]
    few = [busy.inbox(each) for each in looks]
    monkeypatch.setattr(inbox, "_FEW", -1)
    assert few == [busy.inbox(each) for each in looks]
