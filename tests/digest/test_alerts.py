"""What interrupts, when, how often, and what never does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.digest.alerts import (
    AlertRule,
    alert_letter,
    is_quiet,
    pending,
    rises,
    second_origins,
    slot_of,
    told,
)
from monitor.digest.letters import frozen
from monitor.digest.links import acknowledged_key
from monitor.model import Member, Review, Subscription

HOUR = timedelta(hours=1)


@pytest.fixture
def rule():
    return AlertRule(
        name="alert",
        recipients=("duty@example.org",),
        scope=Subscription(name="alert", to=(), schedule="", timezone="UTC"),
        min_level="high",
    )


@pytest.fixture
def rose(make):
    """``rose(before, after, how=…, hours=…)``: a change and the event that brought it."""

    def made(before="elevated", after="high", *, hours=-1.0, **more):
        hit = make.hit(1, stored_at=make.now + hours * HOUR, **more)
        event = make.event(hit)
        change = make.change("A2", before, after, hours=hours, event_ids=(event.id,))
        return [change], {event.id: event}

    return made


RISES = {
    "to the chosen level": ({}, 1),
    "beyond it": ({"after": "very-high"}, 1),
    "from nothing at all": ({"before": "none"}, 1),
    "from no coverage, by news": ({"before": "no-coverage"}, 1),
    "below the chosen level": ({"before": "none", "after": "elevated"}, 0),
    "a fall to it": ({"before": "very-high"}, 0),
    "by a first poll": ({"warm_up": True}, 0),
    "by an import": ({"how": "import"}, 0),
    "by a rematch": ({"how": "rematch"}, 0),
    "by hand": ({"how": "manual"}, 0),
    "by a hit that was withdrawn": ({"withdrawn_at": "now"}, 0),
    "of another indicator's news": ({"indicator": "B3"}, 0),
}


@pytest.mark.parametrize(("given", "number"), RISES.values(), ids=RISES)
def test_a_rise_alerts_only_by_news(make, rule, rose, given, number):
    given = {key: make.now if value == "now" else value for key, value in given.items()}
    assert len(rises(rule, [make.watch()], *rose(**given))) == number


def test_news_of_last_week_causes_no_alert_today(make, rule, rose):
    changes, events = rose()
    [event] = events.values()
    old = replace(event.hits[0], stored_at=make.now - 7 * 24 * HOUR)
    assert rises(rule, [make.watch()], changes, {event.id: replace(event, hits=(old,))}) == []


def test_a_second_rise_needs_news_of_its_own(make, rule, rose):
    changes, events = rose("low", "high", hours=-3)
    changes.append(make.change("A2", "high", "very-high", hours=-1, event_ids=tuple(events)))
    found = rises(rule, [make.watch()], changes, events)
    assert [each.after for each in found] == ["high"]


def test_an_event_dismissed_meanwhile_is_no_cause(make, rule, rose):
    changes, events = rose()
    [event] = events.values()
    dismissed = {event.id: replace(event, reviews={("ri", "A2"): "dismissed"})}
    assert rises(rule, [make.watch()], changes, dismissed) == []


@pytest.mark.parametrize(
    ("indicators", "number"), [(("*",), 1), (("A2",), 1), (("trade",), 1), (("B3",), 0)]
)
def test_only_the_chosen_indicators(make, rule, rose, indicators, number):
    rule = replace(rule, scope=replace(rule.scope, indicators=indicators))
    assert len(rises(rule, [make.watch()], *rose())) == number


# ── A watched event ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def watched(make):
    def made(*, marked=-5.0, second=-1.0, origins=2, status="second-look", **more):
        first = make.hit(1, stored_at=make.now - 10 * HOUR)
        later = make.hit(2, event=1, item=make.item(2), stored_at=make.now + second * HOUR, **more)
        members = (
            Member(item=first.item, role="origin", added_at=make.now - 10 * HOUR),
            Member(item=later.item, role="independent", added_at=make.now + second * HOUR),
        )
        event = make.event(
            first,
            later,
            members=members,
            independent_origins=origins,
            reviews={("ri", "A2"): status},
        )
        review = Review(
            event=1,
            watch="ri",
            indicator="A2",
            status=status,
            by="ana",
            at=make.now + marked * HOUR,
        )
        return [event], [review]

    return made


WATCHED = {
    "marked for a second look, then a second origin": ({}, 1),
    "the second origin was there when it was marked": ({"marked": -0.5}, 0),
    "still one origin": ({"origins": 1}, 0),
    "merely confirmed": ({"status": "confirmed"}, 0),
    "the second origin came by a first poll": ({"warm_up": True}, 0),
    "by an import": ({"how": "import"}, 0),
}


@pytest.mark.parametrize(("given", "number"), WATCHED.values(), ids=WATCHED)
def test_a_watched_event_alerts_with_its_second_origin(make, rule, watched, given, number):
    assert len(second_origins(rule, [make.watch()], *watched(**given))) == number


# ── When ───────────────────────────────────────────────────────────────────────────────────────────


QUIET = {
    "over midnight, before": ("22:00-06:00", "UTC", -9, False),  # 21:00
    "over midnight, at its beginning": ("22:00-06:00", "UTC", -8, True),
    "over midnight, in the night": ("22:00-06:00", "UTC", -3, True),
    "over midnight, at its end": ("22:00-06:00", "UTC", 0, False),
    "by day": ("12:00-14:00", "UTC", 7, True),
    "in the zone of the one who sleeps": ("22:00-06:00", "America/New_York", 0, True),
    "none": ("", "UTC", -3, False),
}


@pytest.mark.parametrize(("hours", "zone", "after", "quiet"), QUIET.values(), ids=QUIET)
def test_quiet_hours(make, rule, hours, zone, after, quiet):
    rule = replace(rule, quiet_hours=hours, timezone=zone)
    assert is_quiet(rule, make.now + after * HOUR) is quiet


class TestHowOften:
    @pytest.fixture
    def triggers(self, make, rule, rose):
        return rises(rule, [make.watch()], *rose())

    def due(self, rule, triggers, frozen, now, acknowledged=()):
        known = dict.fromkeys(acknowledged, True)
        return pending(triggers, frozen, rule=rule, acknowledged=known, now=now)

    def test_once(self, make, rule, triggers):
        [trigger] = self.due(rule, triggers, [], make.now)
        assert self.due(rule, triggers, [(slot_of([trigger]), make.now)], make.now + HOUR) == []

    def test_what_a_message_told_of_together_is_told_of(self, rule, make, triggers):
        other = replace(triggers[0], key="ri/B3 high 2026-11-25T05:00:00", indicator="B3")
        together = slot_of([other, *triggers])
        assert told([together]) == {other.key, triggers[0].key}
        assert self.due(rule, [other, *triggers], [(together, make.now)], make.now + HOUR) == []

    def test_quiet_hours_keep_it_for_the_morning(self, make, rule, triggers):
        rule = replace(rule, quiet_hours="05:00-07:00")
        assert self.due(rule, triggers, [], make.now) == []
        assert self.due(rule, triggers, [], make.now + HOUR) == triggers

    def test_no_more_than_so_many_an_hour_and_the_rest_together_later(self, make, rule, triggers):
        rule = replace(rule, per_hour=2)
        frozen = [("a", make.now), ("b", make.now)]
        assert self.due(rule, triggers, frozen, make.now + HOUR / 2) == []
        assert self.due(rule, triggers, frozen, make.now + HOUR) == triggers

    def test_sixty_at_once_are_messages_that_fit_and_each_is_told_once(
        self, make, rule, triggers, house
    ):
        long = "An exercise of three navies in the northern Indian Ocean " * 4
        [one] = triggers
        events = tuple(replace(each, title=long) for each in one.events * 5)
        many = [replace(one, key=f"ri/X{n} {'high' * 8}", events=events) for n in range(60)]
        rule, frozen, now = replace(rule, per_hour=6), [], make.now
        while found := self.due(rule, many, frozen, now):
            letter, _ = alert_letter(found, rule, "duty@example.org", house)
            assert len(letter.text) + len(letter.html) <= 80_000
            assert len(slot_of(found)) < 2_000  # bytes that an index of PostgreSQL takes
            frozen.append((slot_of(found), now))
            now += HOUR / 2
        keys = [key for slot, _ in frozen for key in told([slot])]
        assert sorted(keys) == sorted(each.key for each in many)

    def test_it_is_repeated_until_someone_acknowledges(self, make, rule, triggers):
        rule = replace(rule, repeat=4 * HOUR, repeats=2)
        frozen, now = [], make.now
        told_at = []
        for _ in range(24):
            found = self.due(rule, triggers, frozen, now)
            if found:
                told_at.append(round((now - make.now) / HOUR))
                frozen.append((slot_of(found), now))
            now += HOUR
        assert told_at == [0, 4, 8]
        assert len({slot for slot, _ in frozen}) == 3  # each is a message of its own

    def test_an_acknowledgement_ends_that(self, make, rule, triggers):
        rule = replace(rule, repeat=4 * HOUR)
        frozen = [(slot_of(triggers), make.now)]
        later = make.now + 5 * HOUR
        assert len(self.due(rule, triggers, frozen, later)) == 1
        assert self.due(rule, triggers, frozen, later, acknowledged=[triggers[0].key]) == []


# ── The message ────────────────────────────────────────────────────────────────────────────────────


def test_the_message_says_what_rose_why_and_how_to_acknowledge(make, rule, rose, house, parsed):
    triggers = rises(rule, [make.watch()], *rose())
    letter, broken = alert_letter(triggers, rule, "duty@example.org", house)
    assert broken is None
    message = parsed(frozen(letter, house, now=make.now).body)
    text = message.get_body(("plain",)).get_content()
    assert message["Subject"] == "Monitor: A2 Indicator A2 rose to High"
    assert message["Importance"] == "high"
    assert message["List-Id"] is None
    assert "Elevated -> High" in text
    [link] = [line.split(": ")[1] for line in text.splitlines() if "Acknowledge" in line]
    token = link.rpartition("/")[2]
    assert acknowledged_key(token, house.secret) == triggers[0].key
    assert acknowledged_key(token, "another secret") is None


def test_many_at_once_are_one_message(make, rule, house):
    changes = [
        make.change(id, "low", level, event_ids=(number,))
        for number, (id, level) in enumerate(
            (("A2", "high"), ("B3", "very-high"), ("D1", "high")), start=1
        )
    ]
    events = {
        n: make.event(make.hit(n, indicator=id, stored_at=make.now - 2 * HOUR))
        for n, id in enumerate(("A2", "B3", "D1"), start=1)
    }
    triggers = pending(
        rises(rule, [make.watch()], changes, events),
        [],
        rule=rule,
        acknowledged={},
        now=make.now,
    )
    letter, _ = alert_letter(triggers, rule, "duty@example.org", house)
    assert letter.subject == "Monitor: B3 Indicator B3 rose to Very high, and 2 more"
