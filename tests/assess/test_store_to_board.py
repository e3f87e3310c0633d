"""From polls to the board with a real database: what stays decided, what was known then."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.app import App
from monitor.config import load
from monitor.desk import LevelOverride
from monitor.errors import FetchError, StoreError
from monitor.model import (
    Document,
    Entry,
    Event,
    Feed,
    FeedStatus,
    Fetched,
    Item,
    Level,
    LevelName,
    Review,
    Status,
    Validators,
)
from monitor.pipeline import Poll, Summary, assess_watches, import_items, store_polls
from monitor.shapes import board_shape
from monitor.store import open_store

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
MIGRATIONS = Path(__file__).parents[2] / "db" / "migrations"
CHANGED_THRESHOLDS: dict[str, Any] = {"low": 0.1, "elevated": 0.2, "high": 0.3, "very_high": 0.4}

FILES = {
    "watch/watch.yaml": """\
id: deals
title: Drones and deals
question: Do they deal?
source: A paper
hypotheses:
  - {id: H1, title: They do}
  - {id: H2, title: They do not}
groups: {arms: Arms}
""",
    "watch/arms.yaml": """\
group: arms
indicators:
  - id: drones
    title: Drones for Russia
    paper: {section: Introduction}
    counts: Iran gives Russia drones.
    does_not_count: Drones that fly.
    ach: {H1: "++", H2: "--"}
    thresholds: {window: 30d, low: 0.5, elevated: 1, high: 3, very_high: 6}
    queries:
      - {name: given, query: "@iran AND @russia AND @drone"}
    examples:
      positive: [{lang: en, title: Iran sends drones to Russia}]
      near_misses: [{lang: en, title: Iran shows a drone in a museum, why: not Russia}]
  - id: visits
    title: Visits
    paper: {section: Introduction}
    counts: They meet.
    does_not_count: They telephone.
    ach: {H1: "+", H2: "-"}
    thresholds: {window: 30d, low: 0.5, elevated: 2, high: 4, very_high: 8}
    queries:
      - {name: meets, query: "@iran AND @russia AND visit*"}
    examples:
      positive: [{lang: en, title: Minister of Iran visits Russia}]
      near_misses: [{lang: en, title: Minister of Iran visits Oman, why: not Russia}]
""",
    "watch/gazetteer/names.yaml": """\
concepts:
  - {id: iran, kind: state, forms: {en: [Iran, Tehran], ru: [Иран*]}}
  - {id: russia, kind: state, forms: {en: [Russia, Moscow], ru: [Росси*]}}
  - {id: drone, kind: weapon, forms: {en: [drone*], ru: [беспилотник*]}}
""",
    "monitor.toml": 'watches = ["watch"]\n[database]\nurl = "sqlite:///monitor.db"\n',
}

HAPPENINGS = (
    "Iran ships 40 Mohajer drones to Russia through the Caspian port of Astrakhan",
    "Russia builds a drone factory at Yelabuga with Iran's engineers",
    "Iran's general Bagheri visits Moscow to see drone launches at Kapustin Yar",
    "Russia pays Iran in gold for Shahed drones, a leaked contract of 1750 million shows",
    "Tehran trains 60 Russian crews for its drones at Kashan airfield",
    "Hospital and school at Rostov give way to a hall where Russia mends drones of Iran",
)


@dataclass
class Place:
    """An installation with feeds whose polls the test writes itself."""

    app: App
    now: datetime = START

    def feeds(self, *feeds: Feed) -> None:
        self.app.store.sync_feeds(feeds, now=self.now)

    def later(self, **by: float) -> Place:
        self.now += timedelta(**by)
        self.app._fixed_now = self.now
        return self

    def poll(self, items: Mapping[str, Sequence[Item]], *, failed: Sequence[str] = ()) -> Summary:
        """One cycle: feed → what its document holds; then the levels."""
        line = self.app.line
        claimed = self.app.store.claim_due_feeds(
            now=self.now, holder=line.holder, everything=True, feeds={*items, *failed}
        )
        by_id = {status.feed.id: status for status in claimed}
        polls = [_good(by_id[feed], some) for feed, some in items.items()]
        polls += [_failed(by_id[feed]) for feed in failed]
        summary = Summary()
        store_polls(line, polls, self.now, summary)
        summary.levels = assess_watches(line, self.now)
        return summary

    def tell(self, *titles: str, feed: str = "one", hours: float = 1) -> Summary:
        return self.poll({feed: [item(title, feed=feed, at=self.now) for title in titles]})

    def events(self) -> list[Event]:
        return sorted(self.app.store.events(), key=lambda event: event.id)

    def groups(self) -> set[frozenset[str]]:
        return {frozenset(each.item.id for each in event.members) for event in self.events()}

    def level(self, indicator: str = "drones", *, as_of: datetime | None = None) -> Level:
        ((_, found),) = self.app.assessments(as_of=as_of or self.now)
        return next(level for level in found.levels if level.indicator == indicator)

    def board(self, as_of: datetime) -> dict[str, Any]:
        found = self.app.assessments(as_of=as_of)
        return board_shape((assessment for _, assessment in found), as_of=as_of)

    def review(self, event: int, status: Status, indicator: str = "drones") -> None:
        self.app.store.add_review(
            Review(
                event=event, watch="deals", indicator=indicator, status=status, by="ana",
                at=self.now, reason="seen",
            )
        )  # fmt: skip


def item(title: str, *, feed: str = "one", at: datetime = START, summary: str = "") -> Item:
    return Item(
        id=f"{feed}: {title}", identity=f"guid:{title}", feed=feed, title=title, summary=summary,
        link="", content_hash=title + summary, lang="en", source=feed, published_at=at,
    )  # fmt: skip


def _good(status: FeedStatus, items: Sequence[Item]) -> Poll:
    url = status.feed.url
    fetched = Fetched(
        url=url, final_url=url, status=200, body=b"x", content_type="", validators=Validators(),
        headers={},
    )  # fmt: skip
    document = Document(entries=tuple(Entry(guid=each.id, title=each.title) for each in items))
    return Poll(status=status, fetched=fetched, document=document, items=tuple(items))


def _failed(status: FeedStatus) -> Poll:
    return Poll(status=status, error=FetchError("no answer", kind="timeout"))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the watch and an empty database."""
    folder = tmp_path_factory.mktemp("installation")
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    open_store(f"sqlite:///{folder}/monitor.db", migrations=MIGRATIONS, migrate=True).close()
    return folder


def opened(template: Path, folder: Path) -> App:
    shutil.copytree(template, folder, dirs_exist_ok=True)
    return App(load(folder / "monitor.toml"), now=START)


@pytest.fixture
def place(template: Path, tmp_path: Path) -> Iterator[Place]:
    with closing(opened(template, tmp_path)) as app:
        made = Place(app)
        made.feeds(
            Feed(id="one", url="https://one.example", reliability="B"),
            Feed(id="two", url="https://two.example", reliability="B"),
        )
        yield made


# ── Origins, not articles ────────────────────────────────────────────────────────────────────────


def test_a_wire_story_copied_sixty_times_is_one_event_of_one_origin(place: Place) -> None:
    feeds = [Feed(id=f"f{n}", url=f"https://f{n}.example", reliability="C") for n in range(60)]
    place.feeds(*feeds)
    text = "Reuters - Officials said the shipment left the port of Amirabad on Sunday night."
    place.poll({f.id: [item(HAPPENINGS[0], feed=f.id, summary=text)] for f in feeds[:20]})
    place.later(hours=3)
    edited = text + " More follows."
    place.poll({f.id: [item(HAPPENINGS[0], feed=f.id, summary=edited)] for f in feeds[20:]})
    (event,) = place.events()
    assert (len(event.members), event.independent_origins) == (60, 1)
    assert place.level().events == 1
    assert place.level().level in ("low", "elevated")


def test_many_happenings_turn_it_red(place: Place) -> None:
    for title in HAPPENINGS:
        place.later(hours=26).tell(title)
    assert len(place.events()) >= 5
    assert place.level().level == "high"


def test_two_outlets_of_one_state_are_one_origin_and_two_states_are_two(place: Place) -> None:
    place.feeds(
        Feed(id="a", url="https://a.example", state="ru"),
        Feed(id="b", url="https://b.example", state="ru"),
        Feed(id="c", url="https://c.example"),
    )
    place.poll({"a": [item(HAPPENINGS[0], feed="a")]})
    other = "Forty drones from Iran reach Russia at the Caspian port of Astrakhan"
    place.later(hours=1).poll({"b": [item(other, feed="b", at=place.now)]})
    (event,) = place.events()
    assert event.independent_origins == 1
    third = "Russia gets 40 Mohajer drones from Iran by the Caspian, port of Astrakhan"
    place.later(hours=1).poll({"c": [item(third, feed="c", at=place.now)]})
    (event,) = place.events()
    assert event.independent_origins == 2


# ── What an analyst decides stands ───────────────────────────────────────────────────────────────


FIRST = HAPPENINGS[0]
LIKE_IT = "Iran ships 40 Mohajer drones to Russia through Astrakhan, a Caspian port"
OTHER = HAPPENINGS[1]


def go_on(place: Place) -> None:
    """Later runs: the same again, a new copy, another happening, a new process' memory."""
    place.later(hours=2).tell(FIRST, LIKE_IT, OTHER)
    place.poll({"two": [item(f"{FIRST} - agency", feed="two", at=place.now)]})
    place.app._grouper = None
    place.later(hours=2).tell(HAPPENINGS[4])


def events_of(place: Place) -> dict[str, int]:
    return {each.item.id: event.id for event in place.events() for each in event.members}


def test_a_split_survives_later_runs(place: Place) -> None:
    place.tell(FIRST, LIKE_IT, OTHER)
    together = events_of(place)
    assert together[f"one: {FIRST}"] == together[f"one: {LIKE_IT}"]
    place.later(hours=1)
    new = place.app.store.split_event(
        together[f"one: {FIRST}"], [f"one: {LIKE_IT}"], by="ana", at=place.now
    )
    go_on(place)
    after = events_of(place)
    assert (after[f"one: {FIRST}"], after[f"one: {LIKE_IT}"]) == (together[f"one: {FIRST}"], new)


def test_a_merge_survives_later_runs(place: Place) -> None:
    place.tell(FIRST, LIKE_IT, OTHER)
    before = events_of(place)
    source, into = before[f"one: {OTHER}"], before[f"one: {FIRST}"]
    assert source != into
    place.later(hours=1).app.store.merge_events(source, into, by="ana", at=place.now)
    go_on(place)
    after = events_of(place)
    assert {after[f"one: {title}"] for title in (FIRST, LIKE_IT, OTHER)} == {into}
    assert next(e for e in place.events() if e.id == into).members[0].pinned


def test_a_pinned_event_is_not_regrouped_and_may_still_be_joined(place: Place) -> None:
    place.tell(FIRST, LIKE_IT)
    (event,) = place.events()
    place.later(hours=1).app.store.set_pinned(event.id, True, by="ana", at=place.now)
    go_on(place)
    after = events_of(place)
    assert after[f"one: {FIRST}"] == after[f"one: {LIKE_IT}"] == event.id
    assert after[f"two: {FIRST} - agency"] == event.id


def test_a_dismissed_event_leaves_the_level_and_comes_back_with_the_verdict(place: Place) -> None:
    place.tell(FIRST)
    assert place.level().events == 1
    (event,) = place.events()
    place.later(hours=1).review(event.id, "dismissed")
    assert (place.level().level, place.level().events) == ("none", 0)
    place.later(hours=1).tell(FIRST + " again")
    assert place.level().events == 0
    place.later(hours=1).review(event.id, "confirmed")
    assert place.level().events == 1
    assert place.level().weighted == pytest.approx(1.0, abs=0.35)


# ── Quiet and blind ──────────────────────────────────────────────────────────────────────────────


def test_feeds_that_are_down_make_it_blind_not_quiet(place: Place) -> None:
    place.tell("Nothing of note")
    assert place.level().level == "none"
    for _ in range(4):
        place.later(days=1).poll({}, failed=["one", "two"])
    assert place.level().level == "no-coverage"
    assert "no feed" in place.level().cause
    place.later(hours=1).tell("Nothing of note yet")
    assert place.level().level == "none"


def test_a_feed_never_polled_covers_nothing(place: Place) -> None:
    assert place.level().level == "no-coverage"


def test_the_days_of_an_archive_are_covered_and_have_levels_of_their_own(place: Place) -> None:
    old = START - timedelta(days=200)
    items = [
        replace(found, first_seen_at=found.published_at)
        for number in range(120)
        for found in [item(f"Nothing of note {number}", at=old + timedelta(days=number))]
    ]
    seen = old + timedelta(days=100, hours=4)
    items += [replace(item(FIRST, at=seen), first_seen_at=seen)]
    import_items(place.app.line, items, now=place.now)
    there = place.level(as_of=seen + timedelta(hours=1))
    assert (there.level, there.events, there.since_at) == ("low", 1, seen + timedelta(hours=1))
    assert there.baseline is not None
    later = place.level(as_of=seen + timedelta(days=10))
    assert later.since_at is not None and later.since_at.date() == seen.date()
    assert place.level(as_of=seen - timedelta(hours=1)).level == "none"
    assert place.level(as_of=old - timedelta(days=1)).level == "no-coverage"
    assert place.level().level == "no-coverage"


# ── The same whatever the order, and however often ───────────────────────────────────────────────


def test_polling_the_same_again_changes_nothing(place: Place) -> None:
    place.tell(*HAPPENINGS, LIKE_IT)
    before = place.events()
    summary = place.later(hours=1).tell(*HAPPENINGS, LIKE_IT)
    assert (summary.new, summary.hits, summary.events) == (0, 0, 0)
    assert place.events() == before
    place.app._grouper = None
    hits = [hit for event in before for hit in event.hits]
    assert place.app.group(hits, before, place.now) == ()


def test_the_order_of_arrival_does_not_matter(template: Path, tmp_path: Path) -> None:
    again = "Moscow says Iran ships 40 Mohajer drones, Astrakhan the port"
    titles = (*HAPPENINGS[:2], LIKE_IT, again)
    told = [item(title, at=START + timedelta(hours=n)) for n, title in enumerate(titles)]
    found = set()
    for number, order in enumerate(list(permutations(told))[::5]):
        with closing(opened(template, tmp_path / str(number))) as app:
            place = Place(app, START + timedelta(hours=5))
            place.feeds(Feed(id="one", url="https://one.example"))
            for each in order:
                place.poll({"one": [each]})
            found.add(frozenset(place.groups()))
    assert len(found) == 1
    assert len(next(iter(found))) == 2


# ── As of then ───────────────────────────────────────────────────────────────────────────────────


def test_the_board_now_is_the_board_as_of_now(place: Place) -> None:
    for number, title in enumerate(HAPPENINGS):
        place.later(hours=30).tell(title)
        if number == 2:
            place.review(place.events()[0].id, "confirmed")
        (watch,) = place.app.watches
        now, _ = place.app.assess(watch, place.now)
        ((_, then),) = place.app.assessments(as_of=place.now)
        assert now == then


def test_edited_rules_and_feeds_leave_the_board_of_then_alone(place: Place) -> None:
    place.tell(FIRST)
    then = place.board(place.now)
    at = place.now
    place.later(days=1)
    place.app.rules = edited(place.app)
    place.feeds(Feed(id="one", url="https://one.example", reliability="E", state="ru"))
    place.tell("Nothing of note")
    assert place.level().level == "high"
    assert place.board(at) == then


def edited(app: App) -> Any:
    (watch,) = app.watches
    indicators = tuple(
        replace(each, thresholds=replace(each.thresholds, **CHANGED_THRESHOLDS))
        for each in watch.indicators
    )
    changed = replace(watch, indicators=indicators, rules=watch.rules + "'")
    return replace(app.rules, watches=(changed,))


def grow(place: Place, chance: random.Random) -> None:
    """One step of a random life; what is refused did not happen."""
    place.later(hours=chance.randint(1, 30))
    steps: list[Callable[[], object]] = [
        lambda: place.tell(*chance.sample([*HAPPENINGS, LIKE_IT, "Nothing of note"], 2)),
        lambda: place.poll({"two": [item(chance.choice(HAPPENINGS), feed="two", at=place.now)]}),
        lambda: place.poll({}, failed=["one", "two"]),
        lambda: correct(place, chance),
        lambda: correct(place, chance),
        lambda: override(place, chance),
        lambda: place.feeds(
            Feed(id="one", url="https://one.example", reliability=chance.choice("ABCDEF")),
            Feed(id="two", url="https://two.example", state=chance.choice(["ru", None])),
        ),
        lambda: setattr(place.app, "rules", edited(place.app)),
    ]
    chance.choice(steps)()
    assess_watches(place.app.line, place.now)


def correct(place: Place, chance: random.Random) -> None:
    events = place.events()
    if not events:
        return
    store, event, at = place.app.store, chance.choice(events), place.now
    what = chance.choice(["review", "split", "merge", "pin", "grade"])
    try:
        if what == "review":
            place.review(event.id, chance.choice(["confirmed", "dismissed", "second-look"]))
        elif what == "split":
            store.split_event(event.id, [event.members[-1].item.id], by="ana", at=at)
        elif what == "merge":
            store.merge_events(event.id, chance.choice(events).id, by="ana", at=at)
        elif what == "pin":
            store.set_pinned(event.id, True, by="ana", at=at)
        else:
            store.set_grade(event.id, "A1", expected=event.grade, by="ana", at=at)
    except StoreError:
        return


def override(place: Place, chance: random.Random) -> None:
    level: LevelName | None = chance.choice(["high", "none", None])
    place.app.store.override_level(
        LevelOverride(watch="deals", indicator="drones", level=level, by="ana", at=place.now)
    )


@given(seed=st.integers(0, 10_000))
@settings(max_examples=8, deadline=None)
def test_nothing_that_comes_later_changes_the_board_of_then(template: Path, seed: int) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(opened(template, Path(folder))) as app,
    ):
        place, chance = Place(app), random.Random(seed)
        place.feeds(
            Feed(id="one", url="https://one.example", reliability="B"),
            Feed(id="two", url="https://two.example", reliability="C"),
        )
        known: dict[datetime, dict[str, Any]] = {}
        for _ in range(12):
            grow(place, chance)
            known[place.now] = place.board(place.now)
        for at, board in known.items():
            assert place.board(at) == board
