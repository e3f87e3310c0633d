"""Chromium, for whatever is looked at as a reader sees it: the pages, and the mail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest


# Not for the session: while Playwright runs, its loop is that of the main thread, and no other test may
# run one there.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, one for a file of tests."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=20_000)  # a busy machine is no fault of ours
    path = os.environ.get("MONITOR_TEST_CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as playwright:
        given = {"executable_path": path} if Path(path).exists() else {}
        with closing(playwright.chromium.launch(**given)) as launched:
            yield launched
