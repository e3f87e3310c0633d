"""Simulated days of real news with faults at random; see ``__main__``."""
