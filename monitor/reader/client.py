"""Asking the second reader: bounded in number, time and size; whatever fails, the hits go on without."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

import httpx
import structlog

from monitor.errors import MonitorError
from monitor.model import Hit, Item, Watch
from monitor.reader.questions import (
    AnswerError,
    Question,
    Verdict,
    answer_of,
    request,
    verdict_of,
    with_verdicts,
)

_log = structlog.get_logger(__name__)

AT_ONCE = 4
MAX_ANSWER = 64 * 1024  # bytes
ENOUGH_FAILURES = 3  # in a row, then the cycle goes on without
_PATH = "/chat/completions"

Pair = tuple[Item, tuple[Hit, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderSettings:
    url: str  # of the API ("http://localhost:11434/v1") or of its chat/completions
    model: str
    key: str = field(default="", repr=False)
    timeout: timedelta = timedelta(seconds=30)  # of one question
    max_per_cycle: int = 50  # questions
    cycle_timeout: timedelta = timedelta(minutes=1)  # of all questions

    @property
    def endpoint(self) -> str:
        url = self.url.rstrip("/")
        return url if url.endswith(_PATH) else url + _PATH


class Readings(Protocol):
    """Where verdicts are kept: ``monitor.store`` is one."""

    def readings(self, keys: Sequence[str]) -> Mapping[str, str]: ...
    def keep_readings(self, readings: Mapping[str, str], *, now: datetime) -> None: ...


class SecondReader:
    """The second reader for one cycle: it has so many questions and no more.

    Calls block, and are made between matching and storing, where no transaction is open.
    """

    def __init__(
        self, settings: ReaderSettings, watches: Iterable[Watch], readings: Readings
    ) -> None:
        self.settings = settings
        self.watches = {watch.id: watch for watch in watches}
        self.kept = readings
        self.left = settings.max_per_cycle
        self.seconds_left = settings.cycle_timeout.total_seconds()
        self._failures = 0
        self._bare = False  # whether the endpoint wants the model and the messages alone

    def read(self, pairs: Sequence[Pair], *, now: datetime, ask: bool = True) -> list[Pair]:
        """The items with their hits, read. With ``ask`` False only verdicts that are kept are used.

        Never raises for what the endpoint does.
        """
        questions = self._questions(pairs)
        keys = {place: each.key(self.settings.model) for place, each in questions.items()}
        known = self._known(keys)
        if ask:
            open_ = [place for place in questions if place not in known]
            known |= self._ask({place: questions[place] for place in open_}, keys, now)
        return [
            (item, with_verdicts(hits, {place[1:]: v for place, v in mine.items()}))
            if (mine := {p: known[p] for p in _places(item, hits) if p in known})
            else (item, hits)
            for item, hits in pairs
        ]

    def _questions(self, pairs: Sequence[Pair]) -> dict[Place, Question]:
        """Highest score first: where the questions do not last, the likeliest hits are read."""
        found: list[tuple[float, Place, Question]] = []
        for item, hits in pairs:
            for hit, place in zip(hits, _places(item, hits), strict=True):
                watch = self.watches.get(hit.watch)
                if watch is not None:
                    indicator = watch.indicator(hit.indicator)
                    question = Question(item=item, indicator=indicator, rules=hit.rules)
                    found.append((-hit.score, place, question))
        found.sort(key=lambda each: each[0])
        return {place: question for _, place, question in found}

    def _known(self, keys: Mapping[Place, str]) -> dict[Place, Verdict]:
        if not keys:
            return {}
        try:
            kept = self.kept.readings(list(dict.fromkeys(keys.values())))
        except MonitorError as error:
            _log.warning("reader", problem=str(error), instead="reads anew")
            kept = {}
        found = {}
        for place, key in keys.items():
            if key in kept:
                try:
                    found[place] = verdict_of(kept[key])
                except AnswerError:
                    continue  # kept by another version of the program: it is asked again
        return found

    def _ask(
        self, questions: Mapping[Place, Question], keys: Mapping[Place, str], now: datetime
    ) -> dict[Place, Verdict]:
        wanted: dict[str, Place] = {}  # the same text in two feeds is one question
        for place in questions:
            if len(wanted) < self.left and self._failures < ENOUGH_FAILURES:
                wanted.setdefault(keys[place], place)
        if not wanted or self.seconds_left <= 0:
            return {}
        self.left -= len(wanted)
        started = time.monotonic()
        answers: dict[str, Verdict] = {}
        try:
            asyncio.run(self._ask_all({key: questions[p] for key, p in wanted.items()}, answers))
        except Exception as error:  # whatever a library makes of an odd URL or key: hits go on
            self._failures = ENOUGH_FAILURES
            _log.warning("reader", problem=_words(error), instead="goes on without")
        self.seconds_left -= time.monotonic() - started
        if answers:
            try:
                self.kept.keep_readings({k: v.to_json() for k, v in answers.items()}, now=now)
            except MonitorError as error:
                _log.warning("reader", problem=str(error), instead="the verdicts are not kept")
        return {place: answers[keys[place]] for place in questions if keys[place] in answers}

    async def _ask_all(
        self, questions: Mapping[str, Question], answers: dict[str, Verdict]
    ) -> None:
        """Fills ``answers``; what is not there when the time is over is left out."""
        settings = self.settings
        headers = {"Authorization": f"Bearer {settings.key}"} if settings.key else {}
        turns = asyncio.Semaphore(AT_ONCE)
        async with httpx.AsyncClient(
            headers=headers, timeout=settings.timeout.total_seconds(), trust_env=False
        ) as client:

            async def one(key: str, question: Question) -> None:
                async with turns:
                    if self._failures >= ENOUGH_FAILURES:
                        return
                    try:
                        async with asyncio.timeout(settings.timeout.total_seconds()):
                            answers[key] = await self._ask_one(client, question)
                    except Exception as error:  # not only HTTP's own: a URL may be none at all
                        self._fail(question, error)
                    else:
                        self._failures = 0

            try:
                async with asyncio.timeout(self.seconds_left):
                    await asyncio.gather(*(one(*each) for each in questions.items()))
            except TimeoutError:
                _log.warning("reader", problem="no time is left in this cycle", read=len(answers))

    async def _ask_one(self, client: httpx.AsyncClient, question: Question) -> Verdict:
        try:
            body = request(question, self.settings.model, bare=self._bare)
            return answer_of(await self._post(client, body))
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in (400, 422) or self._bare:
                raise
        # Servers differ in the settings they know or allow; the answer is checked anyway.
        bare = request(question, self.settings.model, bare=True)
        verdict = answer_of(await self._post(client, bare))
        self._bare = True
        return verdict

    async def _post(self, client: httpx.AsyncClient, body: Mapping[str, object]) -> bytes:
        async with client.stream("POST", self.settings.endpoint, json=body) as response:
            if response.status_code != 200:
                raise httpx.HTTPStatusError(
                    f"HTTP {response.status_code}", request=response.request, response=response
                )
            read = bytearray()
            async for some in response.aiter_bytes():
                read += some
                if len(read) > MAX_ANSWER:
                    raise AnswerError(f"the response is longer than {MAX_ANSWER} bytes")
            return bytes(read)

    def _fail(self, question: Question, error: Exception) -> None:
        self._failures += 1
        refused = isinstance(error, httpx.HTTPStatusError) and error.response.status_code in (
            401, 403, 404,
        )  # fmt: skip
        if refused:  # no other question will fare better
            self._failures = ENOUGH_FAILURES
        _log.warning(
            "reader",
            endpoint=urlsplit(self.settings.endpoint).hostname,
            item=question.item.id,
            indicator=question.indicator.id,
            problem=_words(error),
            instead="goes on without" if self._failures >= ENOUGH_FAILURES else "without this one",
        )


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


Place = tuple[tuple[str, str], str, str]
"""(feed and identity of the item), watch, indicator."""


def _places(item: Item, hits: Iterable[Hit]) -> list[Place]:
    return [((item.feed, item.identity), hit.watch, hit.indicator) for hit in hits]
