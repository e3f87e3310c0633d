"""The composition root: configuration in, one ``App`` with real edges out.

Each part owns one area and knows those below it; this is the only place where clock, network,
database, mail and stages meet. ``App`` is imported when it is first asked for: a command that needs
no database (``match``, ``--help``) starts without one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monitor.app.outcomes import Finding
    from monitor.app.setup import check, init
    from monitor.app.whole import App

__all__ = ["App", "Finding", "check", "init"]

_HOMES = {"App": "whole", "Finding": "outcomes", "check": "setup", "init": "setup"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
