"""Watches as folders of YAML: loading, checking, and taking edits over while running."""

from monitor.watch.check import check
from monitor.watch.folder import WatchFolder
from monitor.watch.forms import inflect
from monitor.watch.loader import load, load_feeds, load_watch, problems_of

__all__ = ["WatchFolder", "check", "inflect", "load", "load_feeds", "load_watch", "problems_of"]
