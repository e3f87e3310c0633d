"""The second reader in an installation: off unless configured, then between match and store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from monitor import config as settings
from monitor.app import App
from tests.app.conftest import ARMS, NAMES, WATCH
from tests.reader.conftest import NO, Endpoint

Make = Callable[..., App]


@pytest.fixture
def make(tmp_path: Path, now: datetime) -> Iterator[Make]:
    apps: list[App] = []
    folder = tmp_path / "watch"
    (folder / "gazetteer").mkdir(parents=True)
    (folder / "watch.yaml").write_text(WATCH, encoding="utf-8")
    (folder / "arms.yaml").write_text(ARMS, encoding="utf-8")
    (folder / "gazetteer" / "names.yaml").write_text(NAMES, encoding="utf-8")
    news = [{"id": str(n), "title": f"Iran sends {n} drones to Russia"} for n in range(3)]
    (tmp_path / "news.jsonl").write_text("\n".join(map(json.dumps, news)), encoding="utf-8")

    def given(reader: str = "") -> App:
        file = tmp_path / "monitor.toml"
        file.write_text(
            f'watches = ["watch"]\n[database]\nurl = "sqlite:///{tmp_path}/m.db"\n[reader]\n{reader}',
            encoding="utf-8",
        )
        apps.append(App(settings.load(file), now=now))
        return apps[-1]

    yield given
    for app in apps:
        app.close()


def reader_parts(app: App) -> list[float]:
    return [
        part.value
        for stored in app.store.hits()
        for part in stored.hit.parts
        if part.name == "reader"
    ]


def test_nothing_is_asked_unless_it_is_configured(
    make: Make, endpoint: Endpoint, tmp_path: Path, now: datetime
) -> None:
    app = make()
    app.import_files([tmp_path / "news.jsonl"], now=now, seen_at="now")
    assert len(app.store.hits()) == 3
    assert endpoint.requests == []
    assert reader_parts(app) == []


def test_its_verdicts_are_stored_with_the_hits_and_kept_through_a_rematch(
    make: Make, endpoint: Endpoint, tmp_path: Path, now: datetime
) -> None:
    endpoint.replies = [NO]
    app = make(f'url = "{endpoint.url}"\nmodel = "small"\nmax_per_cycle = 2\n')
    app.import_files([tmp_path / "news.jsonl"], now=now, seen_at="now")
    assert len(app.store.hits()) == 3  # a no drops nothing
    assert len(endpoint.requests) == 2
    assert len(reader_parts(app)) == 2
    app.rematch(now=now)
    assert len(endpoint.requests) == 2
    assert len(reader_parts(app)) == 2


def test_an_endpoint_that_is_down_stops_nothing(make: Make, tmp_path: Path, now: datetime) -> None:
    app = make('url = "http://127.0.0.1:9/v1"\nmodel = "small"\n')
    summary = app.import_files([tmp_path / "news.jsonl"], now=now, seen_at="now")
    assert (summary.new, summary.hits) == (3, 3)
    assert reader_parts(app) == []
