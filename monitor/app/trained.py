"""The trained relevance models that stand beside the watches."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from monitor.app.declared import folder
from monitor.config import Config
from monitor.errors import MonitorError
from monitor.match import Relevance
from monitor.model import Watch

MODEL_FILE = "relevance.json"
BASE_FILE = "relevance.base.json"  # what reviews have corrected to the model in force
OLD_FILE = "relevance.old.json"  # what was in force before


def load_models(config: Config, watches: Mapping[str, Watch]) -> dict[str, Relevance]:
    """Watch id → its trained model, for the watches (by configured name) that have a usable one.

    A missing model is no fault; a damaged one, or one of another watch, is told and left out.
    """
    found: dict[str, Relevance] = {}
    for name, watch in watches.items():
        place = folder(config, name) / MODEL_FILE
        if not place.is_file():
            continue
        try:
            model = read_model(place)
            if model.watch != watch.id:
                raise MonitorError(
                    f"the model is of the watch {model.watch!r}, this one is {watch.id!r}",
                    subject=str(place),
                    remedy="Train it again with: monitor train",
                )
        except MonitorError as error:
            import structlog

            structlog.get_logger(__name__).warning(
                "relevance", problem=str(error), instead="scores without a model"
            )
        else:
            found[watch.id] = model
    return found


def read_model(place: Path) -> Relevance:
    """Raises MonitorError for a file that cannot be used."""
    try:
        text = place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MonitorError(
            f"cannot be read: {error}", subject=str(place), remedy="Train it again: monitor train"
        ) from None
    return Relevance.from_json(text, subject=str(place))
