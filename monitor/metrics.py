"""What Prometheus scrapes: the installation's figures under names that do not change.

``exposition`` takes plain values and gives the text of ``/metrics``. Dashboard and alert rules in
``deploy/`` name these metrics; a test holds them together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.model import LEVELS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

QUANTILES = (0.5, 0.95, 1.0)
NO_COVERAGE = -1  # as a level: nobody could have seen anything


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMeasure:
    """One periodic job of the service, or the whole of them on several machines."""

    last_run_at: datetime | None = None
    failures: int = 0  # in a row


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """One look at the installation. Times are aware; sizes are bytes."""

    version: str = ""
    healthy: bool = True
    last_cycle_at: datetime | None = None
    feeds: Mapping[str, int] = field(default_factory=dict)  # by health
    overdue_feeds: int = 0  # due for longer than two intervals
    polls: Mapping[str, int] = field(default_factory=dict)  # ever, by outcome: good, failed
    polled_bytes: int = 0  # ever, on the wire
    items: Mapping[str, int] = field(default_factory=dict)  # of polls, ever, by what they were
    recent_polls: Mapping[tuple[str, str], int] = field(default_factory=dict)
    # (outcome, kind of failure) → polls of the last hour
    poll_seconds: Sequence[float] = ()  # of answered polls of the last hour, ascending
    waits: Mapping[str, float] = field(
        default_factory=dict
    )  # seconds that the oldest waits, by queue
    stored: Mapping[str, int] = field(default_factory=dict)  # rows by kind
    outbox: Mapping[str, int] = field(default_factory=dict)  # messages by state
    levels: Mapping[tuple[str, str], str] = field(
        default_factory=dict
    )  # (watch, indicator) → level
    jobs: Mapping[str, JobMeasure] = field(default_factory=dict)
    queue: Mapping[tuple[str, str], int] = field(default_factory=dict)  # (task, status) → jobs
    workers: int = 0  # worker processes heard of in the last minute
    database_bytes: int | None = None
    disk_free_bytes: int | None = None


class _Installation(Collector):
    """Turns measures into families; made anew for each scrape, so nothing is remembered."""

    def __init__(self, measures: Measures) -> None:
        self._measures = measures

    def collect(self) -> Iterator[Metric]:
        found = self._measures
        build = InfoMetricFamily("monitor_build", "Version of the program.")
        build.add_metric([], {"version": found.version})
        yield build
        yield _one("monitor_healthy", "1 if /healthz says 200, else 0.", float(found.healthy))
        if found.last_cycle_at is not None:
            yield _one(
                "monitor_last_cycle_timestamp_seconds",
                "When a feed was polled last, in seconds since 1970.",
                found.last_cycle_at.timestamp(),
            )
        yield _many("monitor_feeds", "Feeds by health.", ("state",), found.feeds)
        yield _one(
            "monitor_feeds_overdue",
            "Feeds that have been due for longer than two intervals.",
            found.overdue_feeds,
        )
        yield from self._polls()
        yield _many(
            "monitor_queue_age_seconds",
            "How long the oldest of a queue has been waiting.",
            ("queue",),
            found.waits,
        )
        yield _many("monitor_stored", "Rows in the database by kind.", ("kind",), found.stored)
        yield _many("monitor_outbox_messages", "Messages by state.", ("state",), found.outbox)
        yield self._levels()
        yield from self._jobs()
        yield _many("monitor_queue_jobs", "Jobs in the queue.", ("task", "status"), found.queue)
        yield _one("monitor_workers", "Worker processes heard of lately.", found.workers)
        if found.database_bytes is not None:
            yield _one("monitor_database_bytes", "Size of the database.", found.database_bytes)
        if found.disk_free_bytes is not None:
            yield _one(
                "monitor_disk_free_bytes", "Free space at the installation.", found.disk_free_bytes
            )

    def _polls(self) -> Iterator[Metric]:
        found = self._measures
        polls = CounterMetricFamily("monitor_polls", "Polls ever, by outcome.", labels=("outcome",))
        for outcome, count in sorted(found.polls.items()):
            polls.add_metric([outcome], count)
        yield polls
        yield CounterMetricFamily(
            "monitor_polled_bytes", "Bytes of polls ever, on the wire.", value=found.polled_bytes
        )
        items = CounterMetricFamily(
            "monitor_items", "Items of polls ever, by what they were.", labels=("what",)
        )
        for what, count in sorted(found.items.items()):
            items.add_metric([what], count)
        yield items
        yield _many(
            "monitor_polls_last_hour",
            "Polls of the last hour by outcome and kind of failure.",
            ("outcome", "kind"),
            found.recent_polls,
        )
        yield _many(
            "monitor_poll_seconds",
            "How long the answered polls of the last hour took.",
            ("quantile",),
            {str(share): quantile(found.poll_seconds, share) for share in QUANTILES}
            if found.poll_seconds
            else {},
        )

    def _levels(self) -> Metric:
        numbers: Mapping[str, int] = {name: rank for rank, name in enumerate(LEVELS)}
        return _many(
            "monitor_indicator_level",
            "0 none, 1 low, 2 elevated, 3 high, 4 very high, −1 no coverage.",
            ("watch", "indicator"),
            {key: numbers.get(level, NO_COVERAGE) for key, level in self._measures.levels.items()},
        )

    def _jobs(self) -> Iterator[Metric]:
        jobs = self._measures.jobs
        yield _many(
            "monitor_job_last_run_timestamp_seconds",
            "When a job of the service ran last, in seconds since 1970.",
            ("job",),
            {name: job.last_run_at.timestamp() for name, job in jobs.items() if job.last_run_at},
        )
        yield _many(
            "monitor_job_failures",
            "Failed runs of a job in a row.",
            ("job",),
            {name: job.failures for name, job in jobs.items()},
        )


def quantile(ascending: Sequence[float], share: float) -> float:
    """The nearest-rank quantile of at least one value."""
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)]


def exposition(measures: Measures) -> bytes:
    """The text that Prometheus reads, with figures of this process (memory, files, CPU)."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Installation(measures))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


def _one(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


def _many(
    name: str,
    words: str,
    labels: tuple[str, ...],
    values: Mapping[str, float] | Mapping[tuple[str, str], float],
) -> Metric:
    family = GaugeMetricFamily(name, words, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric([key] if isinstance(key, str) else list(key), value)
    return family
