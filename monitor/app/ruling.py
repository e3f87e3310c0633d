"""What the rules do in this installation: evaluate, explain, train, rematch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import structlog

from monitor.app.cycles import Cycles
from monitor.app.outcomes import EvaluationReport
from monitor.app.rules import evaluate_lines, explain_items, explain_lines
from monitor.app.training import Trained, train_watches
from monitor.errors import ConfigError
from monitor.rematch import Change, rematch

_log = structlog.get_logger(__name__)


class Ruling(Cycles):
    """Items against the watches (``match`` alone does without an App: monitor.app.rules)."""

    def evaluate(self, lines: Iterable[str], *, name: str, errors: bool) -> EvaluationReport:
        """Raises ConfigError for a line that is no labelled item."""
        return evaluate_lines(self.rules, lines, now=self.clock(), errors=errors, name=name)

    def explain(self, lines: Iterable[str], *, name: str, indicator: str) -> Iterator[str]:
        """Raises ConfigError for an indicator that no watch has."""
        return explain_lines(
            self.rules, lines, name=name, indicator=indicator, now=self.clock(), tell=self.tell
        )

    def explain_stored(self, id: str, *, indicator: str) -> Iterator[str]:
        """Of an item in the store. Raises ConfigError for an item or indicator that is not there."""
        items = list(self.store.items(ids=[id]))
        if not items:
            raise ConfigError(
                "neither a file nor the id of a stored item",
                subject=id,
                remedy="Name a file of items, - for standard input, or an id from: monitor hits --json",
            )
        return explain_items(self.rules, items, indicator=indicator)

    def train(
        self, labels: Sequence[Path], *, now: datetime, dry_run: bool, force: bool = False
    ) -> Trained:
        """Fits and keeps the relevance model of each watch; says what changes."""
        told = train_watches(
            self.config,
            self.watches,
            self.store.hits(),
            labels,
            now=now,
            dry_run=dry_run,
            force=force,
        )
        if not dry_run:
            self.refresh_rules(now)
        return told

    def rematch(
        self, *, now: datetime, since: datetime | None = None, dry_run: bool = False
    ) -> Change:
        """The present rules on stored items; a dry run only counts."""
        return rematch(self.line, now=now, since=since, dry_run=dry_run)
