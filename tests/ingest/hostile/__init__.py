"""A server on the loopback that lies, hangs, floods and cuts: one path for each behaviour."""

from tests.ingest.hostile import answers, bodies, broken, formats, packed
from tests.ingest.hostile.server import BEHAVIOURS, NOW, Behaviour, Hostile, Peer, atom, item, rss

__all__ = [
    "BEHAVIOURS",
    "FAMILIES",
    "NOW",
    "Behaviour",
    "Hostile",
    "Peer",
    "atom",
    "item",
    "rss",
]
FAMILIES = (formats, broken, packed, bodies, answers)  # each registers its behaviours
