"""Indicator monitor: feeds in, indicator levels and digests out.

Data flows one way: fetch → parse → normalise → match → group → store → assess → notify → report.
"""

__version__ = "0.1.0"
