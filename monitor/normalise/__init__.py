"""Document in, Items out: plain text, absolute links, UTC dates, an identity that lasts. Pure."""

from monitor.normalise.items import ID_RULE, normalise

__all__ = ["ID_RULE", "normalise"]
