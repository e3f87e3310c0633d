"""Where the files that ship with the product are: in the wheel's ``_data``, or in the checkout."""

from __future__ import annotations

from pathlib import Path

from monitor.errors import MonitorError

_PACKAGE = Path(__file__).resolve().parent
_IN_CHECKOUT = {"migrations": "db/migrations"}


def path(name: str) -> Path:
    """The folder or file ``name`` ("templates/email", "indicators/russia-iran", "migrations").

    Raises MonitorError where an installation lacks it.
    """
    packed = _PACKAGE / "_data" / name
    if packed.exists():
        return packed
    first, _, rest = name.partition("/")
    checkout = _PACKAGE.parent / _IN_CHECKOUT.get(first, first) / rest
    if (_PACKAGE.parent / "pyproject.toml").exists() and checkout.exists():
        return checkout
    raise MonitorError(
        f"the shipped {name} is missing",
        subject=str(packed),
        remedy="The installation is damaged: install the package again.",
    )
