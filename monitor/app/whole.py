"""All parts of the application put together."""

from __future__ import annotations

from monitor.app.feeding import Feeding
from monitor.app.keeping import Keeping
from monitor.app.pages import Pages
from monitor.app.post import Post
from monitor.app.ruling import Ruling
from monitor.app.running import Running
from monitor.app.standing import Standing
from monitor.app.working import Working


class App(Running, Pages, Feeding, Working, Ruling, Post, Standing, Keeping):
    """One installation, as commands and the service use it."""
