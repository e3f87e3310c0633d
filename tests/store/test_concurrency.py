"""Several threads and processes at once, and processes that are killed in the middle."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from monitor.model import LevelChange
from monitor.store import open_store

KILLS = int(os.environ.get("MONITOR_TEST_KILLS", "4"))

# Polls a feed of its own for ever: five items, a hit and an event each time, the poll's number as ETag.
WRITER = """
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from monitor.model import FeedState, Hit, Item, Validators
from monitor.protocols import EventDraft, PollRecord
from monitor.store import open_store
url, feed = sys.argv[1:]
store = open_store(url)
start = datetime(2022, 10, 1, tzinfo=UTC)
status = next(each for each in store.feeds() if each.feed.id == feed)
state, poll = status.state, int(status.state.validators.etag or 0)
while True:
    poll += 1
    now = start + timedelta(minutes=poll)
    names = [f"{feed}-{poll}-{n}" for n in range(5)]
    items = [
        Item(id=n, identity="guid:" + n, feed=feed, title=n, summary=n, link="", content_hash=n)
        for n in names
    ]
    with store.batch(now=now) as batch:
        batch.add_items(items, how="poll")
        batch.add_hits([
            Hit(watch="w", indicator="X1", item=names[0], rules="r", score=0.5, stage=None,
                spans=(), branch="b", query="q")
        ], how="poll")
        batch.apply_groups([
            EventDraft(event=None, key="k", title=names[0], item=names[0], role="origin")
        ])
        state = replace(state, validators=Validators(etag=str(poll)), polls=poll)
        batch.finish_poll(PollRecord(feed=feed, at=now, outcome="ok", new=5), state)
    print(poll, flush=True)
"""


def test_a_killed_process_leaves_whole_polls(store_url, make):
    chance = random.Random(7)
    feeds = ("one", "two")
    with open_store(store_url) as store:
        store.sync_feeds([make.feed(feed, declared_in="f") for feed in feeds], now=make.now)
    acknowledged = dict.fromkeys(feeds, 0)
    for _ in range(KILLS):
        writers = {
            feed: subprocess.Popen(
                [sys.executable, "-c", WRITER, store_url, feed], stdout=subprocess.PIPE, text=True
            )
            for feed in feeds
        }
        for writer in writers.values():
            assert writer.stdout.readline()
        time.sleep(chance.uniform(0, 0.2))
        for feed, writer in writers.items():
            writer.send_signal(signal.SIGKILL)
            lines = writer.communicate()[0].split()
            acknowledged[feed] = max([acknowledged[feed], *map(int, lines)])
        with open_store(store_url) as store:
            polls = {each.feed.id: int(each.state.validators.etag) for each in store.feeds()}
            assert store.check() == []
            counts = store.counts()
            assert counts["items"] == 5 * sum(polls.values())
            assert counts["hits"] == counts["events"] == sum(polls.values())
            assert all(polls[feed] >= acknowledged[feed] for feed in feeds)


def test_writers_of_one_story_agree_on_one_item_and_one_event(store, make, open_again):
    """Eight feeds report the same twenty links at once, each in an order of its own."""
    stores = [store, *(open_again() for _ in range(3))]

    def poll(number):
        mine = stores[number % 4]
        names = [f"{n}" for n in range(20)]
        random.Random(number).shuffle(names)
        new = 0
        for name in names:
            item = make.item(name, feed=f"feed{number}")
            with mine.batch(now=make.at(number)) as batch:
                told = batch.add_items([item], how="poll")
                known = batch.recent_events(since=make.at(-1))
                (found,) = [*told.new, *told.duplicate]
                batch.add_hits([make.hit(found.id)], how="poll")
                event = next((e.id for e in known if e.members[0].item.id == found.id), None)
                batch.apply_groups([make.draft(found.id, event=event)])
                new += len(told.new)
        return new

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(poll, range(8))) == 20
    counts = store.counts()
    assert {kind: counts[kind] for kind in ("items", "sightings", "hits", "events")} == {
        "items": 20,
        "sightings": 160,
        "hits": 20,
        "events": 20,
    }
    assert store.check() == []


def test_two_analysts_at_once_never_overwrite_each_other(store, make, open_again):
    event = make.store_event(store, "a")
    stores = [store, open_again(), open_again(), open_again()]

    def decide(number):
        review = make.review(event, "confirmed", by=f"ana{number}")
        return stores[number].add_reviews([review], expected=["new"])[0]

    with ThreadPoolExecutor(4) as pool:
        conflicts = [found for found in pool.map(decide, range(4)) if found is not None]
    assert len(conflicts) == 3
    assert len(store.reviews()) == 1


@pytest.mark.parametrize("readers", [4])
def test_a_reader_sees_one_moment(store, make, open_again, readers):
    """While a writer adds one item, hit and event at a time, readers always find them together."""
    other = open_again()

    def read(_):
        for _ in range(30):
            for event in other.events():
                assert len(event.members) == len(event.hits) == 1

    with ThreadPoolExecutor(readers) as pool:
        reading = [pool.submit(read, n) for n in range(readers)]
        for n in range(30):
            make.store_event(store, f"{n}", hours=n)
        for each in reading:
            each.result()


# Looks again and again: reads which level stands, and says that it is now the other one.
ASSESSOR = """
import sys
from datetime import UTC, datetime, timedelta
from monitor.model import LevelChange
from monitor.store import open_store
url, offset = sys.argv[1], int(sys.argv[2])
store = open_store(url)
print("ready", flush=True)
sys.stdin.readline()
for look in range(30):
    known = store.level_changes()
    before = known[-1].after if known else "none"
    at = datetime(2022, 10, 1, tzinfo=UTC) + timedelta(minutes=look, microseconds=offset)
    store.add_level_changes([LevelChange(
        watch="w", indicator="X1", at=at, before=before,
        after="low" if before == "none" else "none", cause="", rules="r",
    )])
"""


def test_processes_that_assess_at_once_store_one_chain_of_changes(store_url):
    assessors = [
        subprocess.Popen(
            [sys.executable, "-c", ASSESSOR, store_url, str(offset)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for offset in range(2)
    ]  # fmt: skip
    for assessor in assessors:
        assert assessor.stdout.readline()
    for assessor in assessors:
        assessor.stdin.write("go\n")
        assessor.stdin.flush()
    for assessor in assessors:
        assessor.communicate(timeout=60)
        assert assessor.returncode == 0
    with open_store(store_url) as store:
        changes = store.level_changes()
    assert len(changes) >= 2
    befores = ["none", *(change.after for change in changes)]
    assert [change.before for change in changes] == befores[:-1]


def test_threads_that_see_one_change_at_one_moment_store_it_once(store_url, make):
    seen = [
        LevelChange(
            watch="w", indicator="X1", at=make.at() + timedelta(microseconds=n), before="none",
            after="high", cause="5 events", rules="r", event_ids=(1, 2),
        )
        for n in range(8)
    ]  # fmt: skip
    together = Barrier(len(seen))

    def assess(change):
        with open_store(store_url) as store:
            together.wait()
            return list(store.add_level_changes([change]))

    with ThreadPoolExecutor(len(seen)) as pool:
        stored = [change for some in pool.map(assess, seen) for change in some]
    assert len(stored) == 1
    with open_store(store_url) as store:
        assert store.level_changes() == stored
