"""``/healthz``, ``/metrics`` and the static files."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from monitor.errors import MonitorError
from monitor.metrics import CONTENT_TYPE, exposition
from monitor.web.site import TheReader, TheSite

router = APIRouter(include_in_schema=False)

_TYPES = {"style.css": "text/css", "monitor.js": "text/javascript"}


@router.get("/healthz")
def healthz(site: TheSite) -> JSONResponse:
    """200, or 503 with the reasons."""
    try:
        reasons = site.installation.reasons(now=site.now())
    except MonitorError as error:
        reasons = (error.problem,)
    shape = {"ok": not reasons, "reasons": list(reasons)}
    return JSONResponse(shape, status_code=503 if reasons else 200)


@router.get("/metrics")
def metrics(site: TheSite, _: TheReader) -> Response:
    """For Prometheus, some seconds old; with users it asks for a token (``Authorization: Bearer``)."""
    return Response(exposition(site.measures.get()), media_type=CONTENT_TYPE)


@router.get("/static/{name}")
def static(name: str, site: TheSite, request: Request) -> Response:
    """Style and script; their address changes with them, so that they may be kept for a year."""
    if name not in _TYPES:
        raise HTTPException(404)
    keep = "public, max-age=31536000, immutable" if request.query_params.get("v") else "no-cache"
    return Response(site.asset_text(name), media_type=_TYPES[name], headers={"cache-control": keep})


@router.get("/favicon.ico")
def favicon() -> Response:
    return Response(_ICON, media_type="image/svg+xml", headers={"cache-control": "max-age=86400"})


_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 15 12"><g fill="#dd8a3f">'
    '<rect y="9" width="3" height="3"/><rect x="4" y="6" width="3" height="6"/>'
    '<rect x="8" y="3" width="3" height="9"/><rect x="12" width="3" height="12" opacity=".4"/>'
    "</g></svg>"
)
