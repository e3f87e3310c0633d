"""Nothing is announced twice, nothing is lost: what the outbox's constraints promise."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from monitor.errors import StoreError
from monitor.store import process_holder
from monitor.store.outbox import LEASE

WHO = ("daily", "ana@example.org")

# handed over whole?, hours until it is tried again
CUT_OFF = {
    "before it was handed over, at once": (False, 0),
    "after that, as after a lost reply": (True, 0.5),
}


def numbers(hits):
    return [hit.number for hit in hits]


class TestCoverage:
    def test_frozen_hits_are_not_unsent_any_more(self, store, make):
        make.store_event(store, "a", "b")
        hits = store.unsent_hits(*WHO)
        assert len(hits) == 2
        store.freeze(make.message(hits=numbers(hits)[:1]))
        assert store.unsent_hits(*WHO) == hits[1:]
        assert store.unsent_hits("daily", "ben@example.org") == hits
        assert store.unsent_hits("weekly", "ana@example.org") == hits

    def test_an_alert_does_not_cover_for_the_digest(self, store, make):
        make.store_event(store, "a")
        hits = store.unsent_hits(*WHO)
        store.freeze(make.message(kind="alert", hits=numbers(hits)))
        assert store.unsent_hits(*WHO) == hits

    def test_as_of_and_since_limit_what_is_unsent(self, store, make):
        make.store_event(store, "a", hours=0)
        make.store_event(store, "b", hours=5)
        assert len(store.unsent_hits(*WHO, as_of=make.at(1))) == 1
        assert len(store.unsent_hits(*WHO, since=make.at(1))) == 1
        assert len(store.unsent_hits(*WHO)) == 2

    def test_withdrawn_hits_are_not_announced(self, store, make):
        make.store_event(store, "a")
        with store.batch(now=make.at(1)) as batch:
            batch.withdraw_hits("bbc-a", keep=[])
        assert store.unsent_hits(*WHO) == []


class TestFreezing:
    def test_a_slot_has_one_message(self, store, make):
        frozen = store.freeze(make.message())
        assert frozen is not None
        assert (frozen.state, frozen.attempts, frozen.body) == ("waiting", 0, make.message().body)
        assert store.freeze(make.message(subject="Another")) is None
        assert [each.subject for each in store.outgoing()] == ["Digest"]

    def test_a_hit_has_one_digest_even_in_another_slot(self, store, make):
        make.store_event(store, "a", "b")
        hits = numbers(store.unsent_hits(*WHO))
        assert store.freeze(make.message("s1", hits=hits[:1]))
        assert store.freeze(make.message("s2", hits=hits)) is None
        assert store.last_slot(*WHO) == "s1"
        assert len(store.unsent_hits(*WHO)) == 1

    def test_many_mailers_at_once_announce_each_hit_once(self, store, make, open_again):
        make.store_event(store, *"abcdefgh")
        stores = [open_again() for _ in range(4)]

        def mail(number):
            mine = stores[number % 4]
            while hits := numbers(mine.unsent_hits(*WHO)):
                mine.freeze(make.message(f"s{number}-{hits[0]}", hits=hits[:3]))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(mail, range(4)))
        covered = [hit for message in store.outgoing() for hit in message.hits]
        assert sorted(covered) == sorted(set(covered))
        assert len(covered) == 8


class TestSending:
    def test_each_message_is_claimed_once(self, store, make, open_again):
        for n in range(20):
            store.freeze(make.message(f"s{n}"))
        stores = [open_again() for _ in range(4)]

        def claim(mine):
            taken = []
            while got := mine.claim_outgoing(now=make.now, holder="other-host/1/1/", limit=1):
                taken += numbers(got)
            return taken

        with ThreadPoolExecutor(4) as pool:
            claimed = [number for taken in pool.map(claim, stores) for number in taken]
        assert sorted(claimed) == numbers(store.outgoing())

    def test_refused_for_now_waits_for_its_time(self, store, make):
        store.freeze(make.message())
        (claimed,) = store.claim_outgoing(now=make.now, holder=process_holder())
        assert (claimed.state, claimed.attempts) == ("sending", 1)
        store.settle_outgoing(
            claimed.number, "waiting", now=make.now, next_try_at=make.at(1), error="451 later"
        )
        assert store.claim_outgoing(now=make.at(0.9), holder=process_holder()) == []
        (again,) = store.claim_outgoing(now=make.at(1), holder=process_holder())
        assert (again.attempts, again.error) == (2, "451 later")
        assert (again.body, again.message_id) == (claimed.body, claimed.message_id)

    def test_sent_stays_sent(self, store, make):
        store.freeze(make.message())
        (claimed,) = store.claim_outgoing(now=make.now, holder=process_holder())
        store.settle_outgoing(claimed.number, "sent", now=make.at(0.1))
        store.settle_outgoing(claimed.number, "waiting", now=make.at(0.2))
        (message,) = store.outgoing(state="sent")
        assert message.sent_at == make.at(0.1)
        with pytest.raises(StoreError, match="not waiting or failed"):
            store.retry_outgoing(claimed.number, now=make.at(1))

    @pytest.mark.parametrize(
        ("next_try_at", "tried_again"), [(None, 0), (1, 1)], ids=["rests", "is tried again"]
    )
    def test_possibly_sent(self, store, make, next_try_at, tried_again):
        store.freeze(make.message())
        (claimed,) = store.claim_outgoing(now=make.now, holder=process_holder())
        at = None if next_try_at is None else make.at(next_try_at)
        store.settle_outgoing(claimed.number, "possibly-sent", now=make.now, next_try_at=at)
        assert len(store.claim_outgoing(now=make.at(2), holder=process_holder())) == tried_again

    @pytest.mark.parametrize(("handed_over", "hours"), CUT_OFF.values(), ids=CUT_OFF)
    def test_of_a_dead_mailer_on_this_host(self, store, make, handed_over, hours):
        dead = f"{process_holder().split('/')[0]}/4194305/1/mail"
        store.freeze(make.message())
        (cut_off,) = store.claim_outgoing(now=make.now, holder=dead)
        if handed_over:
            store.hand_over(cut_off.number, holder=dead)
        if hours:
            early = make.at(hours - 0.01)
            assert store.claim_outgoing(now=make.now, holder=process_holder()) == []
            assert [each.state for each in store.outgoing()] == ["possibly-sent"]
            assert store.claim_outgoing(now=early, holder=process_holder()) == []
        (again,) = store.claim_outgoing(now=make.at(hours), holder=process_holder())
        assert again.error.startswith("possibly twice") is handed_over
        assert again.attempts == 2
        assert store.claim_outgoing(now=make.at(hours), holder=process_holder()) == []

    @pytest.mark.parametrize(("handed_over", "hours"), CUT_OFF.values(), ids=CUT_OFF)
    def test_of_a_mailer_elsewhere_its_end_is_that_of_its_lease(
        self, store, make, handed_over, hours
    ):
        lease = LEASE / timedelta(hours=1)
        store.freeze(make.message())
        (cut_off,) = store.claim_outgoing(now=make.now, holder="elsewhere/1/1/mail")
        if handed_over:
            store.hand_over(cut_off.number, holder="elsewhere/1/1/mail")
        early = make.at(lease + hours - 0.01)
        assert store.claim_outgoing(now=early, holder=process_holder()) == []
        (again,) = store.claim_outgoing(now=make.at(lease + hours), holder=process_holder())
        assert again.attempts == 2

    def test_cut_off_again_and_again_it_waits_ever_longer(self, store, make):
        dead = f"{process_holder().split('/')[0]}/4194305/1/mail"
        store.freeze(make.message())
        at, waits = make.now, []
        for _ in range(8):
            (cut_off,) = store.claim_outgoing(now=at, holder=dead)
            store.hand_over(cut_off.number, holder=dead)
            store.claim_outgoing(now=at, holder="nobody")  # notices that it was cut off
            (waiting,) = store.outgoing()
            waits.append((waiting.next_try_at - at) / timedelta(hours=1))
            at = waiting.next_try_at
        assert waits == [0.5, 1, 2, 4, 8, 16, 24, 24]

    def test_what_a_deferral_said_is_no_second_copy(self, store, make):
        dead = f"{process_holder().split('/')[0]}/4194305/1/mail"
        store.freeze(make.message())
        (first,) = store.claim_outgoing(now=make.now, holder=dead)
        store.settle_outgoing(
            first.number, "waiting", now=make.now, next_try_at=make.now, error="451 try later"
        )
        (second,) = store.claim_outgoing(now=make.now, holder=dead)
        assert second.error == "451 try later"
        (third,) = store.claim_outgoing(now=make.now, holder=process_holder())
        assert third.error == "451 try later"

    def test_whose_lease_has_ended_hands_nothing_over_and_settles_nothing(self, store, make):
        store.freeze(make.message())
        (late,) = store.claim_outgoing(now=make.now, holder="slow/1/1/mail")
        store.claim_outgoing(now=make.at(0.1), holder=process_holder())
        with pytest.raises(StoreError, match="another's now"):
            store.hand_over(late.number, holder="slow/1/1/mail")
        store.settle_outgoing(late.number, "waiting", now=make.at(0.1), holder="slow/1/1/mail")
        assert [each.state for each in store.outgoing()] == ["sending"]
        store.settle_outgoing(late.number, "sent", now=make.at(0.1), holder="slow/1/1/mail")
        assert [each.state for each in store.outgoing()] == [
            "sent"
        ]  # that is true, whoever says it

    def test_failed_goes_out_again_by_hand_only(self, store, make):
        store.freeze(make.message())
        (claimed,) = store.claim_outgoing(now=make.now, holder=process_holder())
        store.settle_outgoing(claimed.number, "failed", now=make.now, error="550 no such user")
        assert store.claim_outgoing(now=make.at(99), holder=process_holder()) == []
        assert store.outbox_counts() == {"failed": 1}
        store.retry_outgoing(claimed.number, now=make.at(100))
        assert len(store.claim_outgoing(now=make.at(100), holder=process_holder())) == 1


def test_a_subscription_keeps_the_time_it_began(store, make):
    assert store.note_subscription(*WHO, now=make.at(0)) == make.at(0)
    assert store.note_subscription(*WHO, now=make.at(9)) == make.at(0)
    store.stop_subscription(*WHO, now=make.at(10))
    assert store.stopped_subscriptions() == [WHO]
    assert store.subscriptions() == {WHO: (make.at(0), make.at(10))}
    store.resume_subscription(*WHO, now=make.at(11))
    assert store.stopped_subscriptions() == []
    assert store.subscriptions() == {WHO: (make.at(11), None)}


def test_an_alert_is_acknowledged_once(store, make):
    assert not store.acknowledged("X1/high")
    store.acknowledge("X1/high", by="ana", now=make.at(1))
    store.acknowledge("X1/high", by="ben", now=make.at(2))
    assert store.acknowledged("X1/high")
