"""Sample feeds for ``monitor demo``: invented news about the shipped watch, served on the loopback."""

from monitor.demo.feeds import SampleFeed, SampleServer, sample_feeds

__all__ = ["SampleFeed", "SampleServer", "sample_feeds"]
