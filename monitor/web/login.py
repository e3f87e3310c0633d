"""Login, logout, the account page, and the first session of the open loopback."""

from __future__ import annotations

import math

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from monitor.web.access import SESSION_COOKIE, is_open, keep, verified
from monitor.web.site import (
    NotAllowedError,
    Site,
    TheForm,
    TheSite,
    TheViewer,
    back_to,
)

router = APIRouter(include_in_schema=False)


@router.get("/login")
def login_page(request: Request, site: TheSite, next: str = "") -> Response:
    return _form(request, site, next=next)


@router.post("/login")
def login(request: Request, site: TheSite, form: TheForm) -> Response:
    """Checks name and password; failures are slowed down by name and by address."""
    name, password = str(form.get("name", ""))[:200], str(form.get("password", ""))
    wanted = str(form.get("next", ""))
    session = site.sessions.read(request.cookies.get(SESSION_COOKIE), site.store.users())
    if session is None or not site.sessions.is_csrf(session[0], str(form.get("csrf", ""))):
        raise NotAllowedError("This form is too old: open the login page again.")
    client = request.client.host if request.client else ""
    keys = (f"name {name.casefold()}", f"address {client}")
    wait = site.throttle.wait(*keys)
    if wait > 0:
        answer = _form(request, site, next=wanted, status=429, wait=math.ceil(wait))
        answer.headers["retry-after"] = str(math.ceil(wait))
        return answer
    user = next((each for each in site.store.users() if each.name == name), None)
    if not verified(user, password):
        site.throttle.failed(*keys)
        return _form(request, site, next=wanted, status=401, wrong=True)
    site.throttle.succeeded(keys[0])
    answer = RedirectResponse(back_to(site, wanted, "/"), status_code=303)
    keep(answer, site.sessions.new(user), site.settings)
    return answer


@router.post("/logout")
def logout(site: TheSite, viewer: TheViewer, form: TheForm) -> Response:
    if not site.sessions.is_csrf(viewer.session, str(form.get("csrf", ""))):
        raise NotAllowedError("This form is too old: open the page again.")
    answer = RedirectResponse(site.at("/login"), status_code=303)
    answer.delete_cookie(SESSION_COOKIE, path=site.prefix or "/")
    return answer


@router.get("/account")
def account(site: TheSite, viewer: TheViewer) -> Response:
    """The token for feed readers and scripts."""
    base = site.settings.public_url or site.prefix
    return site.page("account", viewer, {"base": base}, title="Account")


def _form(
    request: Request,
    site: Site,
    *,
    next: str,
    status: int = 200,
    wrong: bool = False,
    wait: int = 0,
) -> Response:
    users = site.store.users()
    session = site.sessions.read(request.cookies.get(SESSION_COOKIE), users)
    cookie = None
    if session is None:
        cookie = site.sessions.new(None)
        session = site.sessions.read(cookie, users)
    assert session is not None
    values = {
        "next": next,
        "wrong": wrong,
        "wait": wait,
        "no_users": not users,
        "open": is_open(site.settings, users),
        "csrf": site.sessions.csrf(session[0]),
    }
    answer = site.page("login", None, values, title="Log in", status=status)
    if cookie is not None:
        keep(answer, cookie, site.settings)
    return answer
