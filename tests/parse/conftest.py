"""Documents of many shapes, made at random but always the same way."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("suite", max_examples=60, deadline=None, derandomize=True)
settings.register_profile("long", max_examples=1_000_000, deadline=None)
