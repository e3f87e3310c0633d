"""The application that the service serves: every route, and what is said when one fails."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from monitor.desk import ConflictError
from monitor.errors import BusyError, ConfigError, MonitorError, StoreError, TemplateError
from monitor.web import (
    api,
    board,
    deciding,
    events,
    evidence,
    exports,
    feeds,
    health,
    inbox,
    login,
    mail_links,
    method,
)
from monitor.web.gate import Gate
from monitor.web.installation import Installation, WebSettings
from monitor.web.site import LoginNeededError, NotAllowedError, Site, back_to, wants_json

_PARTS = (
    health, login, board, inbox, deciding, events, evidence, method, exports, feeds, mail_links, api,
)  # fmt: skip
_log = structlog.get_logger(__name__)


def create_app(installation: Installation, settings: WebSettings | None = None) -> Gate:
    """The ASGI application that the service serves."""
    settings = settings or WebSettings()
    return Gate(routes_app(installation, settings), settings)


def routes_app(installation: Installation, settings: WebSettings) -> FastAPI:
    """The routes without the gate before them; ``create_app`` is what is to be served."""
    site = Site(installation, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        threading.Thread(target=_warm, args=(site,), name="warm", daemon=True).start()
        yield

    app = FastAPI(
        title="Indicator monitor",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
    )
    app.state.site = site
    for part in _PARTS:
        app.include_router(part.router)
    app.add_exception_handler(LoginNeededError, _to_login)
    app.add_exception_handler(NotAllowedError, _not_allowed)
    app.add_exception_handler(MonitorError, _trouble)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _bug)
    return app


def _warm(site: Site) -> None:
    """The first visitor does not wait for the first assessment."""
    try:
        site.snapshot.get()
        site.earlier.get()
        site.records.get()
    except MonitorError as error:
        _log.warning("pages", problem=str(error))


# ── What goes wrong ──────────────────────────────────────────────────────────────────────────────


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/") or wants_json(request)


def _said(request: Request, status: int, words: str, remedy: str = "") -> Response:
    if _is_api(request):
        return JSONResponse({"error": words, "remedy": remedy}, status_code=status)
    site: Site = request.app.state.site
    try:
        return site.page(
            "error",
            None,
            {
                "words": words[:1].upper() + words[1:],
                "remedy": remedy[:1].upper() + remedy[1:],
                "code": status,
                "back": _came_from(request, site),
            },
            title=words,
            status=status,
        )
    except MonitorError:  # the template itself is broken
        return Response(f"{words}\n{remedy}", status_code=status, media_type="text/plain")


def _came_from(request: Request, site: Site) -> str:
    """The page of ours with the form that could not be done, "" where that is not known."""
    parts = urlsplit(request.headers.get("referer", ""))
    if request.method != "POST" or parts.netloc != request.headers.get("host", ""):
        return ""
    query = f"?{parts.query}" if parts.query else ""
    return back_to(site, parts.path + query) if parts.path else ""


def _to_login(request: Request, _: Exception) -> Response:
    site: Site = request.app.state.site
    if _is_api(request) or request.method != "GET" or request.url.path in ("/hits.atom",):
        words = "Log in first, or send the token of your account page."
        return JSONResponse(
            {"error": words}, status_code=401, headers={"www-authenticate": "Bearer"}
        )
    here = site.prefix + request.url.path
    if request.url.query:
        here += f"?{request.url.query}"
    return RedirectResponse(site.at("/login", next=here), status_code=303)


def _not_allowed(request: Request, error: Exception) -> Response:
    return _said(request, 403, getattr(error, "words", "Not allowed."))


def _trouble(request: Request, error: Exception) -> Response:
    assert isinstance(error, MonitorError)
    words = f"{error.subject}: {error.problem}" if error.subject else error.problem
    if isinstance(error, ConflictError):
        return _said(request, 409, words, error.remedy)
    if isinstance(error, TemplateError):
        _log.error("pages", problem=str(error))
        return _said(request, 500, words, error.remedy)
    if isinstance(error, BusyError):
        return _said(request, 503, words, error.remedy)
    if isinstance(error, StoreError) and error.__cause__ is not None:
        _log.error("pages", problem=str(error))
        return _said(request, 503, words, error.remedy)
    return _said(request, 400 if isinstance(error, ConfigError) else 422, words, error.remedy)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = "There is no such page." if error.status_code == 404 else str(error.detail)
    answer = _said(request, error.status_code, words)
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


def _bug(request: Request, error: Exception) -> Response:
    _log.error("pages", path=request.url.path, exc_info=error)
    return _said(request, 500, "Something went wrong here, and it was logged.")
