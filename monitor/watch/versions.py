"""A watch as text and back: what the store keeps of each version of the rules.

So that a board as of last year can be read with the rules of last year, though the files have changed.
"""

from __future__ import annotations

from functools import cache

from pydantic import TypeAdapter, ValidationError

from monitor.errors import StoreError
from monitor.model import Watch


@cache
def _adapter() -> TypeAdapter[Watch]:
    return TypeAdapter(Watch)


def rules_text(watch: Watch) -> str:
    """The whole watch as JSON."""
    return _adapter().dump_json(watch).decode()


def rules_of(text: str) -> Watch:
    """The watch that ``rules_text`` wrote. Raises StoreError where it cannot be read."""
    try:
        return _adapter().validate_json(text)
    except ValidationError as error:
        raise StoreError(
            f"the rules of then cannot be read ({error.error_count()} mistakes)",
            subject="rules",
            remedy="They were noted by another version of the program; use that one to read them.",
        ) from None
