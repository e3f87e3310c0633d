"""match, evaluate, explain, train and rematch of an installation in a folder."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor import config as settings
from monitor.app import App
from monitor.app.rules import check_watch, load_rules, match_lines
from monitor.errors import ConfigError, MonitorError
from monitor.model import Review, Status
from monitor.watch import load
from tests.app.conftest import ARMS, NAMES, WATCH
from tests.match.conftest import item


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "watch"
    (folder / "gazetteer").mkdir(parents=True)
    (folder / "watch.yaml").write_text(WATCH, encoding="utf-8")
    (folder / "arms.yaml").write_text(ARMS, encoding="utf-8")
    (folder / "gazetteer" / "names.yaml").write_text(NAMES, encoding="utf-8")
    (tmp_path / "monitor.toml").write_text(
        f'watches = ["watch"]\n[database]\nurl = "sqlite:///{tmp_path}/m.db"\n', encoding="utf-8"
    )
    return tmp_path


@pytest.fixture
def app(place: Path, now: datetime) -> Iterator[App]:
    app = App(settings.load(place / "monitor.toml"), now=now)
    yield app
    app.close()


def lines(count: int) -> Iterator[str]:
    for n in range(count):
        title = f"Iran sends drones to Russia, part {n}" if n % 3 else f"Weather in Oslo, day {n}"
        yield json.dumps({"id": str(n), "title": title, "summary": "", "lang": "en"})


def matched(
    app: App, given: Iterable[str], *, jobs: int = 1, explain: bool = False
) -> Iterator[dict[str, Any]]:
    return match_lines(
        app.config,
        given,
        name="-",
        now=app.clock(),
        jobs=jobs,
        explain=explain,
        tell=app.tell,
    )


def test_match_gives_one_row_a_line_in_order(app: App) -> None:
    rows = list(matched(app, lines(7)))
    assert [row["id"] for row in rows] == [str(n) for n in range(7)]
    assert [len(row["hits"]) for row in rows] == [0, 1, 1, 0, 1, 1, 0]


def test_match_reads_no_further_than_it_writes(app: App) -> None:
    """Constant memory: an endless file is read a piece at a time."""
    endless = lines(10**9)
    rows = matched(app, endless)
    assert [row["id"] for row in itertools.islice(rows, 3)] == ["0", "1", "2"]
    assert int(json.loads(next(endless))["id"]) < 1_000


def test_several_processes_give_the_same_rows_in_the_same_order(app: App) -> None:
    assert list(matched(app, lines(700), jobs=2)) == list(matched(app, lines(700), jobs=1))


def test_lines_that_are_no_items_are_passed_over(app: App) -> None:
    given = ["{", "[]", '{"id": "1"}', next(lines(1)), ""]
    assert [row["id"] for row in matched(app, given)] == ["0"]


HEAVY = ("sqlalchemy", "sqlmodel", "fastapi", "httpx", "apscheduler", "structlog", "rich.progress")


@pytest.mark.parametrize("words", [["match", "--help"], ["match"]], ids=["help", "match"])
def test_matching_starts_without_database_pages_and_log_and_leaves_no_file(
    place: Path, words: list[str]
) -> None:
    """What such a command does not need would be most of its time."""
    code = (
        "import sys; from monitor.cli import run\n"
        "done = run(sys.argv[1:])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
        "sys.exit(done)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=place,
        input="\n".join(lines(2)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr.strip()) == (0, "[]")
    assert {file.name for file in place.iterdir()} == {"watch", "monitor.toml"}


def test_match_explain_says_parts_distance_and_near_misses(app: App) -> None:
    (row,) = matched(app, list(lines(2))[1:], explain=True)
    (hit,) = row["hits"]
    assert {part["name"] for part in hit["parts"]} >= {"query", "closeness"}
    assert hit["distance"] is None or hit["distance"] >= 0
    assert row["near_misses"] == []


def test_explain_goes_clause_by_clause(app: App) -> None:
    (words,) = app.explain(list(lines(1)), name="-", indicator="drones")
    assert words.startswith("0  Weather in Oslo")
    assert "- not in the text: @iran @russia @drone" in words


def test_explain_of_an_unknown_indicator_names_those_there_are(app: App) -> None:
    with pytest.raises(ConfigError) as caught:
        list(app.explain(lines(1), name="-", indicator="drone"))
    assert "drones" in caught.value.remedy


def labelled(count: int = 120) -> list[dict[str, Any]]:
    rows = []
    for n in range(count):
        real = n % 2 == 0
        text = "delivery confirmed" if real else "film festival shows"
        rows.append({
            "id": f"l{n}", "title": f"Iran Russia drones {text} number{n}", "summary": "", "lang": "en",
            "labels": ["drones"] if real else [], "published_at": f"2023-01-{n // 5 + 1:02}T00:00:00Z",
        })  # fmt: skip
    return rows


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    file = tmp_path / "labels.jsonl"
    file.write_text("\n".join(map(json.dumps, labelled())), encoding="utf-8")
    return file


def test_evaluate_counts_right_false_and_missed(app: App) -> None:
    rows = [json.dumps(row) for row in labelled(10)]
    rows.append(json.dumps({"id": "m", "title": "Nothing of it", "labels": ["drones"]}))
    shape = app.evaluate(rows, name="-", errors=True).as_json()
    assert (shape["micro"]["right"], shape["micro"]["false"], shape["micro"]["missed"]) == (5, 5, 1)
    (miss,) = [error for error in shape["errors"] if error["kind"] == "miss"]
    assert miss["why"].startswith("branch “given” fails: @iran: not in the text")


def test_evaluate_of_a_line_without_labels_is_refused_with_its_number(app: App) -> None:
    with pytest.raises(ConfigError, match="line 1 is not a labelled item"):
        app.evaluate(['{"id": "1", "title": "a"}'], name="x.jsonl", errors=False)


def test_training_learns_from_labels_and_a_dry_run_writes_nothing(
    app: App, labels: Path, place: Path, now: datetime
) -> None:
    told = str(app.train([labels], now=now, dry_run=True))
    assert re.search(r"deals: 1\d\d labelled hits in 120 items", told)
    assert "with the model" in told
    assert "nothing is written" in told
    assert not (place / "watch" / "relevance.json").exists()


def test_a_trained_model_is_used_at_once_and_named_in_the_version_of_the_rules(
    app: App, labels: Path, now: datetime
) -> None:
    before = app.watches[0].rules
    app.train([labels], now=now, dry_run=False)
    after = app.watches[0].rules
    assert after.startswith(f"{before}+")
    row = labelled(1)[0]
    (hit,) = app.rules.matcher.candidates(item(row["title"]))
    assert hit.rules == after
    assert any("learned" in part.why for part in hit.parts)


def test_a_model_that_knows_less_than_half_is_not_written_unless_forced(
    app: App, labels: Path, place: Path, tmp_path: Path, now: datetime
) -> None:
    app.train([labels], now=now, dry_run=False)
    model = place / "watch" / "relevance.json"
    before = model.read_text(encoding="utf-8")
    few = tmp_path / "few.jsonl"
    few.write_text("\n".join(map(json.dumps, labelled(50))), encoding="utf-8")
    told = app.train([few], now=now, dry_run=False)
    assert told.kept_back
    assert "not written" in str(told)
    assert model.read_text(encoding="utf-8") == before
    assert not app.train([few], now=now, dry_run=False, force=True).kept_back
    assert model.read_text(encoding="utf-8") != before
    assert (place / "watch" / "relevance.old.json").read_text(encoding="utf-8") == before


def test_a_file_of_labels_with_a_broken_byte_spoils_its_line_alone(
    app: App, tmp_path: Path, now: datetime
) -> None:
    file = tmp_path / "labels.jsonl"
    rows = [json.dumps(row).encode() for row in labelled()]
    rows[3] = rows[3].replace(b"film", b"f\xfflm").replace(b"delivery", b"deliver\xff")
    file.write_bytes(b"\n".join(rows))
    assert "labelled hits in 120 items" in str(app.train([file], now=now, dry_run=True))


def test_reviews_correct_the_model_that_is_there_again_and_again(
    app: App, labels: Path, place: Path, tmp_path: Path, now: datetime
) -> None:
    """Each time from the model that labels made, so that no verdict counts twice."""
    review_all(app, tmp_path, now)
    for files in ([labels], [], []):
        told = str(app.train(files, now=now, dry_run=False))
        base, model = (
            json.loads((place / "watch" / name).read_text(encoding="utf-8"))
            for name in ("relevance.base.json", "relevance.json")
        )
        assert f"60 reviewed hits correct the model {base['fingerprint']}" in told
        assert model["base"] == base["fingerprint"]
        assert model["examples"] == base["examples"] + 60
    assert app.watches[0].rules.endswith(f"+{model['fingerprint'][:6]}")


def test_training_on_too_little_is_refused(app: App, tmp_path: Path, now: datetime) -> None:
    few = tmp_path / "few.jsonl"
    few.write_text("\n".join(map(json.dumps, labelled(10))), encoding="utf-8")
    with pytest.raises(MonitorError, match="too few to learn from"):
        app.train([few], now=now, dry_run=False)


BROKEN = ["", "{", "[]", '{"version": 0}', '{"version": 2}', "\x00"]


@pytest.mark.parametrize("text", BROKEN)
def test_a_model_that_cannot_be_used_is_left_out(app: App, place: Path, text: str) -> None:
    plain = list(matched(app, lines(3)))
    (place / "watch" / "relevance.json").write_text(text, encoding="utf-8")
    assert list(matched(app, lines(3))) == plain


def test_a_model_of_another_watch_is_left_out(
    app: App, labels: Path, place: Path, now: datetime
) -> None:
    app.train([labels], now=now, dry_run=False)
    model = place / "watch" / "relevance.json"
    model.write_text(
        model.read_text("utf-8").replace('"watch":"deals"', '"watch":"other"'), "utf-8"
    )
    assert "+" not in load_rules(app.config).watches[0].rules


def test_rematch_looks_first_and_applies_then(
    app: App, place: Path, tmp_path: Path, now: datetime
) -> None:
    news = tmp_path / "news.jsonl"
    news.write_text("\n".join(lines(9)), encoding="utf-8")
    app.import_files([news], now=now, seen_at="now")
    arms = place / "watch" / "arms.yaml"
    narrowed = ARMS.replace("@iran AND @russia AND @drone", '@iran AND @russia AND "part 1"')
    arms.write_text(narrowed, encoding="utf-8")
    app.refresh_rules(now)
    dry = app.rematch(now=now, dry_run=True)
    assert (dry.items, dry.gained, dry.lost, dry.kept) == (9, 0, 5, 1)
    assert len(app.store.hits()) == 6
    done = app.rematch(now=now)
    assert (done.lost, done.kept) == (5, 1)
    assert [stored.item.id for stored in app.store.hits() if not stored.withdrawn_at] == ["1"]
    assert app.rematch(now=now, dry_run=True).lost == 0


def test_check_runs_the_examples_of_every_indicator(place: Path) -> None:
    arms = place / "watch" / "arms.yaml"
    spoilt = ARMS.replace("Iran sends drones to Russia", "Iran sends tractors to Russia")
    arms.write_text(spoilt, encoding="utf-8")
    problems = list(check_watch(load(place / "watch"), place / "watch"))
    (found,) = [each for each in problems if "does not find its example" in each.message]
    assert (found.severity, Path(found.path).name) == ("warning", "arms.yaml")
    assert "Iran sends tractors to Russia" in found.source


def command(place: Path, *words: str) -> str:
    """What ``monitor …`` prints, run as a user runs it."""
    done = subprocess.run(
        [sys.executable, "-m", "monitor", *words, "--config", str(place / "monitor.toml")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def review_all(app: App, tmp_path: Path, now: datetime) -> Path:
    """Sixty items, weeks apart, so that each is an event of its own, and a verdict on each."""
    news = tmp_path / "news.jsonl"
    first = datetime(2020, 1, 1, tzinfo=UTC)
    rows = [
        row | {"published_at": (first + timedelta(days=30 * n)).isoformat()}
        for n, row in enumerate(labelled(60))
    ]
    news.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    app.import_files([news], now=now, seen_at="published")
    found: dict[int, bool] = {}
    for stored in app.store.hits():
        right = "delivery confirmed" in stored.item.title
        assert stored.event is not None
        assert found.setdefault(stored.event, right) == right
    for event, right in found.items():
        status: Status = "confirmed" if right else "dismissed"
        app.store.add_review(
            Review(
                event=event, watch="deals", indicator="drones", status=status, by="ana", at=now,
                reason="" if right else "irrelevant",
            )
        )  # fmt: skip
    return news


def test_training_by_command_learns_from_the_reviews_in_the_store(
    app: App, place: Path, tmp_path: Path, now: datetime
) -> None:
    news = review_all(app, tmp_path, now)
    app.close()
    told = command(place, "train")
    model = json.loads((place / "watch" / "relevance.json").read_text(encoding="utf-8"))
    assert model["fingerprint"] not in told
    assert "written to" in told
    again = command(place, "train", "--dry-run")
    assert f"trained on the same data as the present model ({model['fingerprint']})" in again
    (row,) = map(json.loads, command(place, "match", str(news), "--explain").splitlines()[:1])
    (hit,) = row["hits"]
    named = [part["name"] for part in hit["parts"]]
    assert named[0] == "query"
    assert "base" in named
