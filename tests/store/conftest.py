"""Takes over the fixtures of ``tests/plugins/store.py`` and adds builders of items and hits."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_FILE = Path(__file__).parents[1] / "plugins" / "store.py"
_SPEC = importlib.util.spec_from_file_location("monitor_store_fixtures", _FILE)
assert _SPEC is not None and _SPEC.loader is not None
_PLUGIN = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_PLUGIN)

migrations = _PLUGIN.migrations
postgres_server = _PLUGIN.postgres_server
postgres_template = _PLUGIN.postgres_template
postgres_url = _PLUGIN.postgres_url
empty_postgres_url = _PLUGIN.empty_postgres_url
sqlite_template = _PLUGIN.sqlite_template
sqlite_url = _PLUGIN.sqlite_url
store_url = _PLUGIN.store_url
store = _PLUGIN.store
sqlite_store = _PLUGIN.sqlite_store
open_again = _PLUGIN.open_again
