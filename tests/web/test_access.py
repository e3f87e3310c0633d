"""Who gets in, and what each may do: sessions, roles, forms of other sites, hosts, prefixes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from monitor.errors import ConfigError
from monitor.web.access import Throttle, is_open
from monitor.web.gate import MAX_BODY
from monitor.web.installation import WebSettings

PASSWORD = "correct horse battery"

# What answers without login, and why.
OPEN = {
    ("GET", "/healthz"): "a watchdog has no login",
    ("GET", "/login"): "the way in",
    ("POST", "/login"): "the way in; it has a CSRF token of its own",
    ("GET", "/static/{name}"): "style and script of the login page",
    ("GET", "/favicon.ico"): "the same",
    ("GET", "/unsubscribe/{token}"): "the token is the key",
    ("POST", "/unsubscribe/{token}"): "the token is the key",
    ("GET", "/acknowledge/{token}"): "the token is the key",
    ("POST", "/acknowledge/{token}"): "the token is the key",
    ("GET", "/api/openapi.json"): "the description holds no data",
}
NO_FORM = {path for method, path in OPEN if method == "POST"}


def filled(path: str) -> str:
    """A path of a route with values for its parameters."""
    values = {"id": "1", "watch": "deals", "indicator": "drones", "name": "style.css"}
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: values.get(found[1], "x"), path)


# ── Every route ──────────────────────────────────────────────────────────────────────────────────


def test_without_login_no_route_but_the_open_ones_answers(
    guarded: Any, every_route: list[tuple[str, str]]
) -> None:
    guarded.fill(1)
    client = guarded.client()
    assert len(every_route) > 40
    for method, path in every_route:
        if (method, path) in OPEN:
            continue
        answer = client.request(method, filled(path), headers={"Origin": client.origin})
        to_login = answer.status_code == 303 and answer.headers["location"].startswith("/login")
        assert to_login or answer.status_code == 401, (method, path, answer.status_code)
        assert "Iran" not in answer.text


def test_every_changing_route_refuses_forms_of_other_sites(
    guarded: Any, every_route: list[tuple[str, str]]
) -> None:
    guarded.fill(1)
    client = guarded.client()
    assert client.login("ana", PASSWORD).status_code == 303
    changing = [path for method, path in every_route if method not in ("GET", "OPTIONS")]
    assert len(changing) >= 14
    token = client.csrf()
    for path in changing:
        if path in NO_FORM - {"/login"}:
            continue
        for headers in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://localhost.evil.example:8080"},
            {"Origin": "http://localhost:9999"},
            {"Referer": "https://evil.example/form"},
            {"Origin": client.origin, "Sec-Fetch-Site": "cross-site"},
            {"Origin": client.origin, "Sec-Fetch-Site": "same-site"},
            {},
        ):
            answer = client.post(filled(path), data={"csrf": token}, headers=headers)
            assert answer.status_code == 403, (path, headers)


def test_every_changing_route_wants_the_token_of_this_session(
    guarded: Any, every_route: list[tuple[str, str]]
) -> None:
    guarded.fill(1)
    other = guarded.client()
    other.login("ben", PASSWORD)
    foreign = other.csrf()
    client = guarded.client()
    client.login("ana", PASSWORD)
    for method, path in every_route:
        if method in ("GET", "OPTIONS") or path in NO_FORM - {"/login"}:
            continue
        for token in ("", "0" * 40, foreign):
            body: dict[str, Any] = {"data": {"csrf": token}}
            if path.startswith("/api/"):
                body = {
                    "json": {"pairs": ["1:deals:drones:new"], "status": "confirmed", "undo": ""}
                }
                body["headers"] = {"X-CSRF-Token": token}
            headers = {"Origin": client.origin, **body.pop("headers", {})}
            answer = client.post(filled(path), headers=headers, **body)
            assert answer.status_code == 403, (path, token, answer.status_code)
    assert not guarded.store.reviews()


def test_a_reader_changes_nothing_by_any_route(
    guarded: Any, every_route: list[tuple[str, str]]
) -> None:
    guarded.fill(1)
    client = guarded.client()
    client.login("rea", PASSWORD)
    token = client.csrf()
    for method, path in every_route:
        if method in ("GET", "OPTIONS") or path in NO_FORM or path in ("/logout",):
            continue
        more: dict[str, Any] = {"data": {"csrf": token}}
        if path.startswith("/api/"):
            more = {"json": {"pairs": ["1:deals:drones:new"], "status": "confirmed", "undo": "x"}}
        headers = {"Origin": client.origin, "X-CSRF-Token": token}
        answer = client.post(filled(path), headers=headers, **more)
        assert answer.status_code == 403 and "role of a reviewer" in answer.text, path
    assert not guarded.store.reviews()


def test_a_reader_is_shown_no_button_that_decides(guarded: Any) -> None:
    guarded.fill(2)
    client = guarded.client()
    client.login("rea", PASSWORD)
    for path in ("/inbox", "/events/1", "/indicators/deals/drones", "/search?q=Iran", "/feeds"):
        page = client.get(path).text
        posts = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]*)"', page)
        assert set(posts) == {"/logout"}, path


def test_looking_changes_nothing(place: Any, every_route: list[tuple[str, str]]) -> None:
    place.fill(3)
    client = place.client()
    before = (place.store.counts(), place.store.audit(1), place.store.reviews())
    for method, path in every_route:
        if method == "GET" and "{token}" not in path:
            client.get(filled(path))
    assert (place.store.counts(), place.store.audit(1), place.store.reviews()) == before


# ── Login ────────────────────────────────────────────────────────────────────────────────────────


def test_login_leads_to_where_one_wanted_to_go(guarded: Any) -> None:
    client = guarded.client()
    answer = client.get("/inbox?lang=fa")
    assert answer.headers["location"] == "/login?next=%2Finbox%3Flang%3Dfa"
    token = client.csrf("/login")
    answer = client.send("/login", csrf=token, name="ana", password=PASSWORD, next="/inbox?lang=fa")
    assert answer.headers["location"] == "/inbox?lang=fa"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Secure" not in cookie
    assert "ana (reviewer)" in client.get("/").text


@pytest.mark.parametrize(
    "next",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\tb"],
)
def test_login_never_leads_to_another_host(guarded: Any, next: str) -> None:
    client = guarded.client()
    token = client.csrf("/login")
    answer = client.send("/login", csrf=token, name="ana", password=PASSWORD, next=next)
    assert answer.status_code == 303 and answer.headers["location"] == "/"


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(guarded: Any) -> None:
    client = guarded.client()
    pages = [client.login(name, "wrong wrong wrong") for name in ("ana", "nobody")]
    assert [page.status_code for page in pages] == [401, 401]
    assert pages[0].text == pages[1].text
    assert client.get("/").status_code == 303


def test_failed_logins_are_slowed_down(guarded: Any) -> None:
    client = guarded.client()
    token = client.csrf("/login")
    throttle = client.site.throttle
    assert client.send("/login", csrf=token, name="ana", password="wrong").status_code == 401
    for _ in range(12):  # what a dozen wrong passwords more would do
        throttle.failed("name ana")
    answer = client.send("/login", csrf=token, name="ana", password=PASSWORD)
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 60
    assert client.send("/login", csrf=token, name="ben", password=PASSWORD).status_code == 303


def test_another_process_knows_of_failed_logins_and_neither_keeps_what_was_typed(
    guarded: Any,
) -> None:
    one, other = guarded.client(), guarded.client()
    for _ in range(5):
        one.login("correct horse battery", "ana")  # typed into the wrong fields
    assert other.site.throttle.wait("name correct horse battery") > 0
    assert one.login("ben", PASSWORD).status_code == 429  # the address has failed as often
    with guarded.store.db.read() as connection:
        kept = connection.exec_driver_sql("SELECT key FROM login_failure").scalars().all()
    assert len(kept) == 2 and not any("horse" in key for key in kept)


def test_the_throttle_doubles_forgives_and_stays_small(
    guarded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    throttle = guarded.client().site.throttle
    for _ in range(5):
        assert throttle.wait("a") == 0
        throttle.failed("a")
    waits = []
    for _ in range(4):
        waits.append(throttle.wait("a"))
        guarded.app.at += timedelta(seconds=throttle.wait("a"))
        throttle.failed("a")
    assert waits == [1, 2, 4, 8]
    assert throttle.wait("b") == 0
    for _ in range(30):
        throttle.failed("a")
    assert throttle.wait("a") == Throttle.LONGEST.total_seconds()
    guarded.app.at -= timedelta(days=1)  # the clock is set back
    assert throttle.wait("a") == Throttle.LONGEST.total_seconds()
    guarded.app.at += timedelta(days=1) + 3 * Throttle.LONGEST
    throttle.failed("a")
    assert throttle.wait("a") == 0
    monkeypatch.setattr(Throttle, "MOST", 10)
    for number in range(15):
        guarded.app.at += timedelta(seconds=1)
        throttle.failed(f"x{number}")
    with guarded.store.db.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM login_failure").scalar() == 10


def test_a_session_ends_with_logout_removal_and_a_new_password(guarded: Any) -> None:
    for end in ("logout", "remove", "password"):
        client = guarded.client()
        client.login("ben", PASSWORD)
        assert client.get("/").status_code == 200
        if end == "logout":
            assert client.send("/logout").status_code == 303
        elif end == "password":
            guarded.app.add_user("ben", PASSWORD + "!", role="reviewer", now=guarded.app.at)
        else:
            guarded.app.remove_user("ben", now=guarded.app.at)
        assert client.get("/").status_code == 303, end
        if end == "remove":
            guarded.app.add_user("ben", PASSWORD, role="reviewer", now=guarded.app.at)


def test_a_forged_session_is_none(guarded: Any) -> None:
    client = guarded.client()
    client.login("rea", PASSWORD)
    cookie = client.cookies["monitor_session"]
    for forged in (cookie[:-3] + "AAA", "x" * 3000, cookie + "x", ""):
        client.cookies.clear()
        client.cookies.set("monitor_session", forged, domain="localhost.local", path="/")
        assert client.get("/").status_code == 303


def test_passwords_are_kept_as_argon2_and_weak_ones_refused(guarded: Any) -> None:
    assert all(each.password.startswith("$argon2id$") for each in guarded.store.users())
    assert PASSWORD not in repr(guarded.store.users())
    for name, password in (("eve", "short"), ("a long long name", "a long long name")):
        with pytest.raises(ConfigError):
            guarded.app.add_user(name, password, role="reader", now=guarded.app.at)
    with pytest.raises(ConfigError):
        guarded.app.add_user("<b>", PASSWORD, role="reader", now=guarded.app.at)
    with pytest.raises(ConfigError, match="no such user"):
        guarded.app.remove_user("nobody", now=guarded.app.at)
    assert guarded.app.users() == [("ana", "reviewer"), ("ben", "reviewer"), ("rea", "reader")]


# ── Tokens ───────────────────────────────────────────────────────────────────────────────────────


def test_a_token_reads_and_never_decides(guarded: Any) -> None:
    guarded.fill(1)
    token = next(each.token for each in guarded.store.users() if each.name == "ana")
    client = guarded.client()
    bearer = {"Authorization": f"Bearer {token}"}
    assert client.get(f"/hits.atom?token={token}").status_code == 200
    assert client.get("/export.csv", headers=bearer).status_code == 200
    assert client.get("/api/hits", headers=bearer).status_code == 200
    assert client.get("/metrics", headers=bearer).status_code == 200
    assert client.get("/hits.atom?token=wrong").status_code == 401
    assert client.get("/inbox", headers=bearer).status_code == 303
    answer = client.post(
        "/api/reviews",
        json={"pairs": ["1:deals:drones:new"], "status": "confirmed"},
        headers=bearer,
    )
    assert answer.status_code == 401
    assert not guarded.store.reviews()


# ── Where the pages are ──────────────────────────────────────────────────────────────────────────

OPENNESS = {
    "the loopback": (WebSettings(host="127.0.0.1"), True),
    "the loopback by name": (WebSettings(host="localhost"), True),
    "the loopback of IPv6": (WebSettings(host="::1"), True),
    "every address": (WebSettings(host="0.0.0.0"), False),
    "an address of the network": (WebSettings(host="192.0.2.7"), False),
    "the loopback behind a proxy": (
        WebSettings(host="127.0.0.1", public_url="https://news.example/monitor"),
        False,
    ),
    "the loopback with its own public address": (
        WebSettings(host="127.0.0.1", public_url="http://localhost:8080"),
        True,
    ),
}


@pytest.mark.parametrize(("settings", "open"), OPENNESS.values(), ids=OPENNESS)
def test_nobody_logs_in_only_where_nobody_else_can_reach(settings: WebSettings, open: bool) -> None:
    assert is_open(settings, []) is open


def test_beyond_the_loopback_nobody_gets_in_while_there_are_no_users(
    make_place: Callable[..., Any],
) -> None:
    place = make_place(public_url="https://news.example")
    client = place.client(base_url="https://news.example")
    assert client.get("/").status_code == 303
    assert "monitor user add" in client.get("/login").text


HOSTS = {
    "localhost": True,
    "localhost:8080": True,
    "127.0.0.1:8080": True,
    "[::1]:8080": True,
    "192.0.2.1": True,
    "LOCALHOST.": True,
    "evil.example": False,
    "localhost.evil.example": False,
    "127.0.0.1.evil.example": False,
    "": False,
    "evil.example@localhost": False,
    "local host": False,
    "[": False,
}


def test_only_our_own_names_are_answered(place: Any) -> None:
    client = place.client()
    for host, ours in HOSTS.items():
        answer = client.get("/login", headers={"Host": host})
        assert (answer.status_code == 200) is ours, host


@pytest.mark.parametrize("strips", [True, False], ids=["stripped by the proxy", "passed on"])
def test_below_a_path_prefix_every_address_has_it(
    make_place: Callable[..., Any], strips: bool
) -> None:
    place = make_place(users=[("ana", "reviewer")], public_url="https://news.example/monitor")
    place.fill(2)
    client = place.client(base_url="https://news.example")
    before = "" if strips else "/monitor"
    assert client.get(f"{before}/inbox").headers["location"].startswith("/monitor/login?next=")
    page = client.get(f"{before}/login").text
    token = re.search(r'name="csrf" value="([^"]*)"', page)
    assert token
    # the cookie is for /monitor, so that a browser sends it whatever the proxy strips
    cookies = {"monitor_session": client.cookies["monitor_session"]}
    assert next(iter(client.cookies.jar)).path == "/monitor"
    answer = client.post(
        f"{before}/login",
        data={"csrf": token[1], "name": "ana", "password": PASSWORD},
        headers={"Origin": "https://news.example", "Cookie": _header(cookies)},
    )
    assert answer.headers["location"] == "/monitor/"
    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"]
    session = re.search(r"monitor_session=([^;]*)", answer.headers["set-cookie"])
    assert session
    page = client.get(f"{before}/inbox", headers={"Cookie": f"monitor_session={session[1]}"}).text
    addresses = re.findall(r'(?:href|src|action)="(/[^"]*)"', page)
    assert len(addresses) > 20 and all(each.startswith("/monitor/") for each in addresses)


def _header(cookies: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def test_long_bodies_are_refused(place: Any) -> None:
    client = place.client()
    answer = client.post(
        "/evidence", content=b"x" * (MAX_BODY + 1), headers={"Origin": client.origin}
    )
    assert answer.status_code == 413


def test_a_script_on_the_open_loopback_needs_no_session_a_browser_does(place: Any) -> None:
    place.fill(1)
    client = place.client()
    body = {"pairs": ["1:deals:drones:new"], "status": "confirmed"}
    page = client.post("/api/reviews", json=body, headers={"Origin": "https://evil.example"})
    assert page.status_code == 403
    assert client.post("/api/reviews", json=body).json()["done"] == ["1:deals:drones:new"]


# ── Links in mail ────────────────────────────────────────────────────────────────────────────────


def test_links_of_mail_ask_first_and_act_on_post(
    place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    known = {"good": ("daily", "ana@example.org")}
    monkeypatch.setattr(place.app, "subscription_of", known.get)
    monkeypatch.setattr(place.app, "alert_of", lambda token: "k" if token == "good" else None)

    def unsubscribe(token: str, *, now: Any) -> Any:
        done.append(token)
        return known.get(token)

    def acknowledge(token: str, *, by: str, now: Any) -> Any:
        done.append(token)
        return "k" if token == "good" else None

    monkeypatch.setattr(place.app, "unsubscribe", unsubscribe)
    monkeypatch.setattr(place.app, "acknowledge", acknowledge)
    client = place.client()
    assert "End the digest “daily” to ana@example.org?" in client.get("/unsubscribe/good").text
    assert client.get("/acknowledge/good").status_code == 200
    assert done == []
    one_click = {"List-Unsubscribe": "One-Click"}  # from the mail provider, without Origin
    assert "has ended" in client.post("/unsubscribe/good", data=one_click).text
    assert client.post("/acknowledge/good").status_code == 200
    assert done == ["good", "good"]
    for path in ("/unsubscribe/bad", "/acknowledge/bad"):
        assert client.get(path).status_code == 404
        assert client.post(path).status_code == 404
