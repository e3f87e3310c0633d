"""A feed's login is sent to its own site, and shown nowhere."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from typing import Any

import pytest

from monitor.app import App
from monitor.config import load
from monitor.model import Feed

SECRET = "hunter2"
BASIC = "Basic " + b64encode(f"reader:{SECRET}".encode()).decode()

# In monitor.toml, and in a file of feeds; "{url}" is the feed's address.
DECLARED = {
    "user and password": (
        '\n[[feeds]]\nurl = "{url}"\nid = "f"\nuser = "reader"\npassword = "hunter2"\n',
        {"authorization": BASIC},
    ),
    "a password from the environment": (
        '\n[[feeds]]\nurl = "{url}"\nid = "f"\nuser = "reader"\npassword = "env:OUTLET_PASSWORD"\n',
        {"authorization": BASIC},
    ),
    "a header from the environment": (
        '\n[[feeds]]\nurl = "{url}"\nid = "f"\nheaders = {{X-Key = "env:OUTLET_PASSWORD"}}\n',
        {"x-key": SECRET},
    ),
}
IN_A_FILE = {
    "user and password": ("user: reader\n    password: hunter2", {"authorization": BASIC}),
    "a password from the environment": (
        'user: reader\n    password: "env:OUTLET_PASSWORD"',
        {"authorization": BASIC},
    ),
    "a header from the environment": (
        'headers: {X-Key: "env:OUTLET_PASSWORD", X-Who: us}',
        {"x-key": SECRET, "x-who": "us"},
    ),
}


@pytest.fixture
def door(loopback: Any, rss: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("OUTLET_PASSWORD", SECRET)
    return str(loopback.give("/rss", rss(("1", "Iran sends drones to Russia", ""))))


def _declared(installation: Any, kind: str, name: str, url: str) -> dict[str, str]:
    if kind == "monitor.toml":
        text, expected = DECLARED[name]
        installation.more = text.format(url=url)
    else:
        text, expected = IN_A_FILE[name]
        row = f"feeds:\n  - id: f\n    name: F\n    url: '{url}'\n    {text}\n"
        (installation.folder / "feeds.yaml").write_text(row, encoding="utf-8")
        installation.more = '\n[feed_files]\npaths = ["feeds.yaml"]\n'
    installation.write()
    return expected


@pytest.mark.parametrize("kind", ["monitor.toml", "feeds.yaml"])
@pytest.mark.parametrize("name", DECLARED)
def test_a_declared_login_is_sent_and_stays_in_its_file(
    installation: Any, loopback: Any, door: str, kind: str, name: str, now: datetime
) -> None:
    expected = _declared(installation, kind, name, door)
    assert installation.run("check", now=now).code == 0
    done = installation.run("poll", now=now)
    assert done.code == 0, done.err
    ((_, _, sent),) = loopback.requests
    assert {key: sent.get(key) for key in expected} == expected
    for shown in ("list --json", "export"):
        assert SECRET not in installation.run("feeds", *shown.split(), now=now).out
    written = b"".join(each.read_bytes() for each in (installation.folder / "db").glob("*"))
    assert SECRET.encode() not in written
    assert BASIC.split()[1].encode() not in written


def test_a_login_is_not_told_to_the_site_that_a_feed_redirects_to(
    installation: Any, loopback: Any, door: str, now: datetime
) -> None:
    moved = loopback.url.replace("127.0.0.1", "localhost") + "/rss"
    old = loopback.give("/old", "", status=302, Location=moved)
    _declared(installation, "monitor.toml", "user and password", old)
    text = installation.config.read_text().replace(
        '["127.0.0.1/32"]', '["127.0.0.1/32", "::1/128"]'
    )
    installation.config.write_text(text)
    installation.run("poll", now=now)
    sent = {path: headers.get("authorization") for _, path, headers in loopback.requests}
    assert sent == {"/old": BASIC, "/rss": None}


def test_a_variable_that_is_not_set_is_named(
    installation: Any, door: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OUTLET_PASSWORD")
    for kind in ("monitor.toml", "feeds.yaml"):
        _declared(installation, kind, "a password from the environment", door)
        done = installation.run("poll", now=now)
        assert done.code == 2
        assert "OUTLET_PASSWORD" in done.err


@pytest.mark.parametrize("kind", ["monitor.toml", "feeds.yaml", "command"])
def test_a_login_in_an_address_is_refused(
    installation: Any, loopback: Any, door: str, kind: str, now: datetime
) -> None:
    url = door.replace("://", f"://reader:{SECRET}@")
    command = ("check",)
    if kind == "command":
        command = ("feeds", "add", url)
    else:
        _declared(installation, kind, "user and password", url)
    done = installation.run(*command, now=now)
    assert done.code == 2
    assert "user" in done.err + done.out and "password" in done.err + done.out
    assert SECRET not in done.err + done.out
    assert not loopback.requests


def test_a_login_that_was_stored_by_an_earlier_version_is_not_shown(
    installation: Any, door: str, now: datetime
) -> None:
    app = App(load(installation.config), now=now)
    try:
        app.store.add_feed(Feed(id="old", url=door.replace("://", f"://reader:{SECRET}@")), now=now)
    finally:
        app.close()
    for command in ("list", "list --json", "export", "check --json"):
        done = installation.run("feeds", *command.split(), now=now)
        assert SECRET not in done.out + done.err, command
        assert "reader" not in done.out, command


def test_of_an_imported_list_no_login_is_kept(installation: Any, door: str, now: datetime) -> None:
    url = door.replace("://", f"://reader:{SECRET}@")
    text = f"<opml version='2.0'><body><outline type='rss' text='O' xmlUrl='{url}'/></body></opml>"
    (installation.folder / "other.opml").write_text(text)
    assert installation.run("feeds", "import", "other.opml", now=now).code == 0
    (feed,) = installation.run("feeds", "list", "--json", now=now).json
    assert feed["url"] == door
