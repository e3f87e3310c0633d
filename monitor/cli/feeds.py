"""``feeds``: what is subscribed, and how it is doing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.table import Table

from monitor.cli.common import (
    DONE,
    IN_PART,
    JsonOption,
    Session,
    command,
    group,
    iso,
    out_console,
    print_json,
    say,
)
from monitor.errors import ConfigError
from monitor.model import FeedState, FeedStatus, HealthState
from monitor.polling import at_its_address
from monitor.text.logins import without_login

StateOption = Annotated[
    str | None, typer.Option("--state", help="ok, quiet, degraded, failing or paused.")
]


def register(app: typer.Typer) -> None:
    feeds = group("Subscribed feeds and their health.")
    command(feeds, "list")(list_)
    command(feeds, "add")(add)
    command(feeds, "remove")(remove)
    command(feeds, "import")(import_)
    command(feeds, "export")(export)
    command(feeds, "check")(check)
    app.add_typer(feeds, name="feeds")


def list_(session: Session, state: StateOption = None, json: JsonOption = False) -> int:
    """List feeds, those with problems first."""
    if state is not None and state not in get_args(HealthState):
        raise ConfigError(
            f"no state {state!r}",
            subject="--state",
            remedy="Known: " + ", ".join(get_args(HealthState)),
        )
    order = {"failing": 0, "degraded": 1, "quiet": 2, "paused": 3, "ok": 4}
    found = sorted(
        (each for each in session.app.feeds() if state in (None, each.state.health)),
        key=lambda each: (order.get(each.state.health, 9), each.feed.id),
    )
    if json:
        print_json([_shape(each) for each in found])
        return DONE
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("health", "feed", "lang", "grade", "items", "last good", "next", "cause"):
        table.add_column(heading, overflow="fold")
    for each in found:
        table.add_row(
            each.state.health,
            each.feed.name or without_login(each.feed.url),
            each.feed.lang or "",
            each.feed.reliability,
            str(each.state.items),
            _when(each.state.last_good_at),
            _when(each.state.next_due_at),
            each.state.cause,
        )
    out_console().print(table)
    return DONE


def _when(at: Any) -> str:
    return iso(at)[:16].replace("T", " ") if at else "never"


def _shape(status: FeedStatus) -> dict[str, Any]:
    feed, state = status.feed, status.state
    return {
        "id": feed.id,
        "url": without_login(feed.url),
        "asked_at": without_login(at_its_address(feed, state).url),
        "name": feed.name,
        "lang": feed.lang,
        "kind": feed.kind,
        "state": feed.state,
        "origin": feed.origin,
        "reliability": feed.reliability,
        "enabled": feed.enabled,
        "declared_in": feed.declared_in,
        "health": state.health,
        "cause": state.cause,
        "cause_kind": state.cause_kind,
        "since": state.since_at,
        "failures": state.failures,
        "last_polled_at": state.last_polled_at,
        "last_good_at": state.last_good_at,
        "last_new_at": state.last_new_at,
        "next_due_at": state.next_due_at,
        "polls": state.polls,
        "items": state.items,
    }


def add(
    session: Session,
    url: Annotated[str, typer.Argument(help="Of a feed, or of a page that names its feed.")],
    name: Annotated[str, typer.Option("--name", help="Shown to readers.")] = "",
    lang: Annotated[str | None, typer.Option("--lang", help="Its language, e.g. fa.")] = None,
    json: JsonOption = False,
) -> int:
    """Subscribe to a feed; a web page is searched for the feed it names."""
    feed = session.app.add_feed(url, name=name, lang=lang, now=session.now())
    if json:
        print_json(_shape(FeedStatus(feed=feed, state=FeedState())))
        return DONE
    say(f"added {feed.name or feed.id}: {without_login(feed.url)}")
    return DONE


def remove(
    session: Session,
    feed: Annotated[str, typer.Argument(metavar="ID|URL", help="Which.")],
    json: JsonOption = False,
) -> int:
    """Unsubscribe from a feed that was added by command; its items stay."""
    session.app.remove_feed(feed)
    if json:
        print_json({"removed": feed})
        return DONE
    say(f"removed {feed}")
    return DONE


def import_(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="OPML", help="From where.")],
    json: JsonOption = False,
) -> int:
    """Subscribe to every feed of an OPML file."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {(error.strerror or str(error)).lower()}", subject=str(file)
        ) from None
    added, known = session.app.import_opml(data, name=str(file), now=session.now())
    if json:
        print_json({"added": added, "known": known})
        return DONE
    say(f"{added} feeds added, {known} known already")
    return DONE


def export(
    session: Session,
    file: Annotated[Path | None, typer.Argument(metavar="[OPML]", help="Where to.")] = None,
) -> int:
    """Write every feed as OPML, to a file or to stdout."""
    data = session.app.export_opml()
    if file is None:
        print(data.decode("utf-8"))
    else:
        file.write_bytes(data)
        say(f"wrote {file}")
    return DONE


def check(session: Session, json: JsonOption = False) -> int:
    """Try every feed now and say what came back; nothing is stored."""
    found = session.app.check_feeds(now=session.now())
    if json:
        print_json([each.as_json() for each in found])
    else:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("result", "feed", "items", "ms", "what came back"):
            table.add_column(heading, overflow="fold")
        for each in found:
            table.add_row(
                "ok" if each.ok else "FAILED",
                each.feed.name or without_login(each.feed.url),
                str(each.entries),
                f"{each.seconds * 1000:.0f}",
                each.words,
            )
        out_console().print(table)
    return DONE if all(each.ok for each in found) else IN_PART
