"""What ``deploy/`` holds is valid and speaks of things that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.metrics import CONTENT_TYPE, JobMeasure, Measures, exposition

DEPLOY = Path(__file__).parents[2] / "deploy"
ROOT = DEPLOY.parent
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

FULL = Measures(
    version="1.2.3",
    healthy=False,
    last_cycle_at=NOW,
    feeds={"ok": 3, "failing": 1},
    overdue_feeds=2,
    polls={"good": 90, "failed": 10},
    polled_bytes=5_000,
    items={"new": 20, "dropped": 1},
    recent_polls={("ok", ""): 3, ("failed", "dns"): 1},
    poll_seconds=(0.1, 0.2, 0.3, 4.0),
    waits={"feeds": 30.0, "mail": 0.0},
    stored={"items": 10, "hits": 2, "events": 1},
    outbox={"sent": 4, "failed": 1, "waiting": 1},
    levels={("w", "drones"): "high", ("w", "visits"): "no-coverage"},
    jobs={"mail": JobMeasure(last_run_at=NOW, failures=2), "poll": JobMeasure()},
    queue={("poll", "todo"): 7},
    workers=3,
    database_bytes=1_000,
    disk_free_bytes=2_000,
)


def _lines(measures: Measures) -> dict[str, float]:
    text = exposition(measures).decode()
    rows = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in rows}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('monitor_build_info{version="1.2.3"}', 1),
        ("monitor_healthy", 0),
        ("monitor_last_cycle_timestamp_seconds", NOW.timestamp()),
        ('monitor_feeds{state="failing"}', 1),
        ('monitor_polls_total{outcome="failed"}', 10),
        ("monitor_polled_bytes_total", 5_000),
        ('monitor_items_total{what="dropped"}', 1),
        ('monitor_polls_last_hour{kind="dns",outcome="failed"}', 1),
        ('monitor_poll_seconds{quantile="0.5"}', 0.2),
        ('monitor_poll_seconds{quantile="0.95"}', 4.0),
        ('monitor_queue_age_seconds{queue="feeds"}', 30),
        ('monitor_stored{kind="items"}', 10),
        ('monitor_outbox_messages{state="failed"}', 1),
        ('monitor_indicator_level{indicator="drones",watch="w"}', 3),
        ('monitor_indicator_level{indicator="visits",watch="w"}', -1),
        ('monitor_job_last_run_timestamp_seconds{job="mail"}', NOW.timestamp()),
        ('monitor_job_failures{job="mail"}', 2),
        ('monitor_queue_jobs{status="todo",task="poll"}', 7),
        ("monitor_workers", 3),
        ("monitor_database_bytes", 1_000),
    ],
)
def test_a_measure_is_exported_under_its_name(line: str, value: float) -> None:
    assert _lines(FULL)[line] == value


def test_a_job_that_never_ran_has_no_time() -> None:
    assert 'monitor_job_last_run_timestamp_seconds{job="poll"}' not in _lines(FULL)


def test_an_empty_installation_can_be_scraped() -> None:
    assert _lines(Measures())["monitor_healthy"] == 1
    assert CONTENT_TYPE.startswith("text/plain")


# ── Prometheus and Grafana ───────────────────────────────────────────────────────────────────────

EXPORTED = {name.partition("{")[0] for name in _lines(FULL)} | {"up"}


def _named(expression: str) -> set[str]:
    return set(re.findall(r"\b((?:monitor|process)_[a-z_]+|up)\b(?=[{\[ )]|$)", expression))


def _rules() -> list[dict[str, Any]]:
    loaded = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text("utf-8"))
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def _panels() -> list[dict[str, Any]]:
    return list(json.loads((DEPLOY / "grafana" / "monitor.json").read_text("utf-8"))["panels"])


@pytest.mark.parametrize("rule", _rules(), ids=lambda rule: rule["alert"])
def test_an_alert_rule_names_only_exported_metrics_and_says_what_to_do(
    rule: dict[str, Any],
) -> None:
    assert _named(rule["expr"]), "names no metric"
    assert _named(rule["expr"]) <= EXPORTED
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["action"]


@pytest.mark.parametrize("panel", _panels(), ids=lambda panel: panel["title"])
def test_a_panel_names_only_exported_metrics(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        assert _named(target["expr"]), "names no metric"
        assert _named(target["expr"]) <= EXPORTED


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {
        name
        for panel in _panels()
        for target in panel["targets"]
        for name in _named(target["expr"])
    }
    ours = {name for name in EXPORTED if name.startswith("monitor_")}
    assert ours - shown == {"monitor_build_info"}


# ── systemd and container ────────────────────────────────────────────────────────────────────────

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_accepts_the_unit(unit: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed")
    # The program is not installed at /opt here: the check is of everything else.
    copy = tmp_path / unit.name.replace("@.", "@worker.")
    text = unit.read_text("utf-8").replace("/opt/monitor/bin/monitor", sys.executable)
    copy.write_text(text.replace("Documentation=", "#"), encoding="utf-8")
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    said = [line for line in done.stderr.splitlines() if copy.name in line]
    assert not said
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_waits_for_readiness_and_is_watched(unit: Path) -> None:
    text = unit.read_text("utf-8")
    for line in ("Type=notify", "WatchdogSec=", "NoNewPrivileges=yes", "ProtectSystem=strict"):
        assert re.search(rf"^{line}", text, re.MULTILINE), line


def test_the_container_copies_only_what_exists_and_does_not_run_as_root() -> None:
    text = (DEPLOY / "container" / "Containerfile").read_text("utf-8")
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for source in line.split():
            assert (ROOT / source).exists(), source
    stages = text.split("\nFROM ")
    assert len(stages) == 3, "a stage that builds and one that runs"
    assert "USER 10001" in stages[-1]
    assert "HEALTHCHECK" in stages[-1]
    assert "/healthz" in stages[-1]
