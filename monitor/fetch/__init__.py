"""HTTP: the one way out to the web, polite, bounded and blind to private networks.

Nothing is imported here: a command that asks nothing of the web does not load what would.
"""
