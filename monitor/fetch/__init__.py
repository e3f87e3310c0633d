"""HTTP: the one way out to the web, polite, bounded and blind to private networks."""

from monitor.fetch.articles import Articles
from monitor.fetch.fetcher import HttpFetcher
from monitor.fetch.settings import FetchSettings

__all__ = ["Articles", "FetchSettings", "HttpFetcher"]
