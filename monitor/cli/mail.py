"""``digest``, ``subscriptions``, ``outbox``, ``mail``: what leaves by mail, and to whom."""

from __future__ import annotations

from typing import Annotated

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
    optional_time,
    out_console,
    print_json,
    say,
)


def register(app: typer.Typer) -> None:
    command(app, "digest")(digest)
    readers = group("Who reads which digest.")
    command(readers, "list")(subscriptions_list)
    command(readers, "stop")(subscriptions_stop)
    command(readers, "resume")(subscriptions_resume)
    app.add_typer(readers, name="subscriptions")
    outbox = group("What is waiting, sent or failed.")
    command(outbox, "list")(outbox_list)
    command(outbox, "show")(outbox_show)
    command(outbox, "retry")(outbox_retry)
    app.add_typer(outbox, name="outbox")
    mail = group("The mail connection.")
    command(mail, "test")(mail_test)
    app.add_typer(mail, name="mail")


def digest(
    session: Session,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write them as .eml and print the paths.")
    ] = False,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Slot and content as of this time.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Only this digest.")] = None,
    json: JsonOption = False,
) -> int:
    """Send the digests that are due."""
    at = optional_time(as_of, option="--as-of") or session.now()
    if dry_run:
        paths = session.app.preview_digests(as_of=at, name=name)
        if json:
            print_json({"files": [str(path) for path in paths]})
        else:
            for path in paths:
                print(path)
        return DONE
    outcome = session.app.send_digests(now=at, name=name)
    if json:
        print_json(outcome.as_json())
    else:
        say(outcome.as_text())
    return IN_PART if outcome.failed or outcome.waiting else DONE


DigestArgument = Annotated[str, typer.Argument(metavar="DIGEST", help="Its name.")]
AddressArgument = Annotated[str, typer.Argument(metavar="ADDRESS", help="The reader's.")]


def subscriptions_list(session: Session, json: JsonOption = False) -> int:
    """List who is sent which digest, and who unsubscribed."""
    found = session.app.listed_readers(now=session.now())
    if json:
        print_json(
            [
                {
                    "digest": each.digest,
                    "recipient": each.recipient,
                    "state": "stopped" if each.stopped_at else "sent",
                    "since_at": each.since_at,
                    "stopped_at": each.stopped_at,
                    "last_slot": each.last_slot,
                    "next_at": each.next_at,
                }
                for each in found
            ]
        )
        return DONE
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("digest", "to", "state", "last", "next"):
        table.add_column(heading, overflow="fold")
    for each in found:
        state = f"unsubscribed {iso(each.stopped_at)[:10]}" if each.stopped_at else "sent"
        after = iso(each.next_at)[:16] if each.next_at else "-"
        table.add_row(each.digest, each.recipient, state, each.last_slot or "-", after)
    out_console().print(table)
    return DONE


def subscriptions_stop(session: Session, digest: DigestArgument, address: AddressArgument) -> int:
    """End a subscription, as the link in its mail does."""
    found = session.app.stop_reader(digest, address, now=session.now())
    say(f"{found.recipient} gets the digest {found.digest} no more")
    return DONE


def subscriptions_resume(session: Session, digest: DigestArgument, address: AddressArgument) -> int:
    """Take a subscription up again after an unsubscription."""
    found = session.app.resume_reader(digest, address, now=session.now())
    after = f", next at {iso(found.next_at)}" if found.next_at else ""
    say(f"{found.recipient} gets the digest {found.digest}{after}")
    return DONE


def outbox_list(session: Session, json: JsonOption = False) -> int:
    """List messages, oldest first."""
    found = session.app.store.outgoing()
    if json:
        print_json(
            [
                {
                    "number": each.number,
                    "kind": each.kind,
                    "subscription": each.subscription,
                    "recipient": each.recipient,
                    "slot": each.slot,
                    "state": each.state,
                    "attempts": each.attempts,
                    "message_id": each.message_id,
                    "subject": each.subject,
                    "created_at": each.created_at,
                    "next_try_at": each.next_try_at,
                    "sent_at": each.sent_at,
                    "error": each.error,
                }
                for each in found
            ]
        )
        return DONE
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("number", "state", "tries", "created", "to", "subject", "error"):
        table.add_column(heading, overflow="fold")
    for each in found:
        table.add_row(
            str(each.number),
            each.state,
            str(each.attempts),
            iso(each.created_at)[:16],
            each.recipient,
            each.subject,
            each.error,
        )
    out_console().print(table)
    return DONE


def outbox_show(
    session: Session, number: Annotated[int, typer.Argument(help="From: outbox list.")]
) -> int:
    """Print one message as it is or was sent."""
    print(session.app.outgoing(number).body.decode("utf-8", "replace"))
    return DONE


def outbox_retry(
    session: Session, number: Annotated[int, typer.Argument(help="From: outbox list.")]
) -> int:
    """Try a failed message again: the same bytes, the same Message-ID."""
    outcome = session.app.retry(number, now=session.now())
    say(outcome.as_text())
    return IN_PART if outcome.failed or outcome.waiting else DONE


def mail_test(
    session: Session, to: Annotated[str, typer.Argument(metavar="TO", help="An address.")]
) -> int:
    """Send a test message through the configured server."""
    say(session.app.mail_test(to, now=session.now()))
    return DONE
