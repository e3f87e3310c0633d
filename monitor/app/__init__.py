"""The composition root: configuration in, one ``App`` with real edges out.

Each part owns one area and knows those below it; this is the only place where clock, network,
database, mail and stages meet.
"""

from __future__ import annotations

from monitor.app.feeding import Feeding
from monitor.app.keeping import Keeping
from monitor.app.outcomes import Finding
from monitor.app.pages import Pages
from monitor.app.post import Post
from monitor.app.ruling import Ruling
from monitor.app.running import Running
from monitor.app.setup import check, init
from monitor.app.standing import Standing
from monitor.app.working import Working

__all__ = ["App", "Finding", "check", "init"]


class App(Running, Pages, Feeding, Working, Ruling, Post, Standing, Keeping):
    """One installation, as commands and the service use it."""
