"""The pages: a FastAPI application behind a gate. Server-rendered, no request to anywhere else.

``monitor.web.application`` makes it. Nothing is imported here: a command that serves no pages does not
load what serves them.
"""
