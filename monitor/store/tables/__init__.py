"""The tables. Rows never leave ``monitor.store``; what leaves are the values of ``monitor.model``.

Rules that hold for all: a ``number`` is a key of ours that is never given twice; what an analyst or the
machine decided is appended, never altered; uniqueness that the product promises is a constraint here.
"""

from __future__ import annotations

from monitor.store.tables.base import Row, table
from monitor.store.tables.desk import (
    AccountRow,
    AcknowledgementRow,
    AnalystLevelRow,
    AssessmentRow,
    AuditRow,
    BeatRow,
    GradeRow,
    LevelChangeRow,
    LoginFailureRow,
    MessageHitRow,
    MessageRow,
    MetaRow,
    MissRow,
    ReviewRow,
    RulesRow,
    RulesUseRow,
    SubscriptionRow,
)
from monitor.store.tables.news import (
    EventItemRow,
    EventRow,
    FeedDayRow,
    FeedRow,
    HitPastRow,
    HitRow,
    ItemPastRow,
    ItemRow,
    ItemSearchRow,
    PairRow,
    PollRow,
    SightingRow,
)
from monitor.store.tables.reading import ReadingRow
from monitor.store.tables.work import HostRow, WorkPartRow

FEED = table(FeedRow)
FEED_DAY = table(FeedDayRow)
POLL = table(PollRow)
ITEM = table(ItemRow)
ITEM_PAST = table(ItemPastRow)
SIGHTING = table(SightingRow)
HIT = table(HitRow)
HIT_PAST = table(HitPastRow)
EVENT = table(EventRow)
EVENT_ITEM = table(EventItemRow)
GRADE = table(GradeRow)
REVIEW = table(ReviewRow)
LEVEL_CHANGE = table(LevelChangeRow)
ANALYST_LEVEL = table(AnalystLevelRow)
ASSESSMENT = table(AssessmentRow)
RULES = table(RulesRow)
RULES_USE = table(RulesUseRow)
SUBSCRIPTION = table(SubscriptionRow)
MESSAGE = table(MessageRow)
MESSAGE_HIT = table(MessageHitRow)
ACKNOWLEDGEMENT = table(AcknowledgementRow)
ACCOUNT = table(AccountRow)
LOGIN_FAILURE = table(LoginFailureRow)
MISS = table(MissRow)
BEAT = table(BeatRow)
PAIR = table(PairRow)
ITEM_SEARCH = table(ItemSearchRow)
AUDIT = table(AuditRow)
META = table(MetaRow)
READING = table(ReadingRow)
HOST = table(HostRow)
WORK_PART = table(WorkPartRow)

__all__ = [
    "ACCOUNT",
    "ACKNOWLEDGEMENT",
    "ANALYST_LEVEL",
    "ASSESSMENT",
    "AUDIT",
    "BEAT",
    "EVENT",
    "EVENT_ITEM",
    "FEED",
    "FEED_DAY",
    "GRADE",
    "HIT",
    "HIT_PAST",
    "HOST",
    "ITEM",
    "ITEM_PAST",
    "ITEM_SEARCH",
    "LEVEL_CHANGE",
    "LOGIN_FAILURE",
    "MESSAGE",
    "MESSAGE_HIT",
    "META",
    "MISS",
    "PAIR",
    "POLL",
    "READING",
    "REVIEW",
    "RULES",
    "RULES_USE",
    "SIGHTING",
    "SUBSCRIPTION",
    "WORK_PART",
    "Row",
    "table",
]
