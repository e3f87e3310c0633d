"""A small, right watch in a folder of its own, which tests spoil in one place."""

from __future__ import annotations

from pathlib import Path

import pytest

WATCH = """\
id: tiny
title: Tiny
question: Does it work?
source: A paper
hypotheses:
  - id: H1
    title: Yes
  - id: H2
    title: "No"
groups:
  arms: Arms
"""

ARMS = """\
group: arms
indicators:
  - id: drones
    title: Drones
    paper: {section: Introduction}
    counts: Iran gives Russia drones.
    does_not_count: Use.
    ach: {H1: "++", H2: "-"}
    thresholds: {window: 30d, low: 0.5, elevated: 1, high: 3, very_high: 6}
    queries:
      - name: given
        weight: 2
        query: |
          @iran AND
          (@drone NEAR/5 Russia)
    exclude: |
      museum
    examples:
      positive:
        - lang: en
          title: Iran sends a drone to Russia
      near_misses:
        - lang: en
          title: Russia shows a drone of Iran in a museum
          why: a display
"""

NAMES = """\
concepts:
  - id: iran
    kind: state
    forms:
      en: [Iran, Tehran]
      fa: [ایران]
  - id: drone
    kind: weapon
    forms:
      en: [drone*]
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    (folder / "gazetteer").mkdir(parents=True)
    (folder / "watch.yaml").write_text(WATCH, encoding="utf-8")
    (folder / "arms.yaml").write_text(ARMS, encoding="utf-8")
    (folder / "gazetteer" / "names.yaml").write_text(NAMES, encoding="utf-8")
    return folder
