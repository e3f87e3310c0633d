"""A message with headers that nothing can be smuggled into, frozen to bytes.

What a feed says reaches a header only through ``header_text``, and the finished bytes are read back: one
header block, exactly the headers that were set. The Message-ID follows from what the message is for, so
that the same message is the same everywhere.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Literal
from urllib.parse import quote

from monitor.digest.values import House
from monitor.errors import MonitorError
from monitor.model import Outgoing

MAX_BYTES = 1_000_000  # of a whole message, attachments included

# C0, DEL, C1, line and paragraph separators, directional embeddings, surrogates
_UNFIT = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_NOT_IN_ATOM = re.compile(r"[^a-z0-9-]+")
# 7-bit: the frozen bytes must suit any server
_POLICY = SMTP.clone(cte_type="7bit")

Kind = Literal["digest", "alert", "operator", "test"]


class UnfitMessageError(MonitorError):
    """The finished bytes do not have exactly the headers that were set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes with a message."""

    name: str
    data: bytes
    subtype: str = "html"  # text/html, else application/<subtype>


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message before it has bytes."""

    kind: Kind
    subscription: str
    recipient: str  # as configured: "Name <address>" or an address
    slot: str
    subject: str
    text: str
    html: str = ""
    attachments: Sequence[Attachment] = ()
    unsubscribe: str = ""  # link to the pages; "" = none
    in_list: bool = False  # List-Id and List-Unsubscribe
    urgent: bool = False
    hits: tuple[int, ...] = ()


def frozen(letter: Letter, house: House, *, now: datetime) -> Outgoing:
    """The message as it will be sent, again and again until it is accepted.

    Raises UnfitMessageError where a header says what it was not told to.
    """
    message = EmailMessage(policy=_POLICY)
    subject = header_text(letter.subject)
    id = message_id(house, letter.kind, letter.subscription, letter.recipient, letter.slot)
    root = message_id(house, letter.kind, letter.subscription, letter.recipient, "root")
    headers: dict[str, object] = {
        "From": _mailbox(house.sender),
        "To": _mailbox(letter.recipient),
        "Subject": subject,
        "Date": format_datetime(now),
        "Message-ID": id,
        "In-Reply-To": root,
        "References": root,
        "Auto-Submitted": "auto-generated",
    }
    if letter.urgent:
        headers["Importance"] = "high"
    if letter.in_list:
        headers |= _list_headers(letter, house)
    for name, value in headers.items():
        message[name] = value
    _fill(message, letter)
    _set_boundaries(message, id)
    body = message.as_bytes()
    verify(body, (*headers, "MIME-Version", "Content-Type", "Content-Transfer-Encoding"))
    return Outgoing(
        kind=letter.kind,
        subscription=letter.subscription,
        recipient=bare(letter.recipient),
        slot=letter.slot,
        message_id=id,
        subject=subject,
        body=body,
        created_at=now,
        hits=letter.hits,
    )


def _fill(message: EmailMessage, letter: Letter) -> None:
    message.set_content(_lines(letter.text), subtype="plain", charset="utf-8")
    if letter.html:
        message.add_alternative(_lines(letter.html), subtype="html", charset="utf-8")
    for each in letter.attachments:
        kind = "text" if each.subtype == "html" else "application"
        message.add_attachment(
            each.data, maintype=kind, subtype=each.subtype, filename=_file_name(each.name)
        )


def _lines(text: str) -> str:
    """Text that UTF-8 can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _set_boundaries(message: EmailMessage, id: str) -> None:
    """Boundaries that follow from the message, so that equal messages are equal bytes."""
    digest = hashlib.sha256(id.encode()).hexdigest()[:24]
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            part.set_boundary(f"=_{digest}_{number}")


def _list_headers(letter: Letter, house: House) -> dict[str, str]:
    atom = _NOT_IN_ATOM.sub("-", letter.subscription.lower()).strip("-") or "digest"
    label = header_text(letter.subscription).replace('"', "'").replace("\\", "")
    label = label if label.isascii() else atom
    found = {"List-Id": f'"{label}" <{atom}.{house.installation[:12]}.{house.domain}>'}
    ways = []
    if letter.unsubscribe:
        ways.append(f"<{letter.unsubscribe}>")
    if "." in house.domain:  # somebody can answer
        about = quote(f"unsubscribe {atom}")
        ways.append(f"<mailto:{quote(house.address, safe='@')}?subject={about}>")
    if ways:
        found["List-Unsubscribe"] = ", ".join(ways)
    if letter.unsubscribe.startswith("https://"):  # RFC 8058 knows no other
        found["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return found


# ── Names ────────────────────────────────────────────────────────────────────────────────────────


def message_id(house: House, kind: str, subscription: str, recipient: str, slot: str) -> str:
    """The same for the same message of the same installation."""
    parts = (house.installation, kind, subscription, bare(recipient).casefold(), slot)
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
    return f"<{digest}@{_ascii_domain(house.domain)}>"


def bare(recipient: str) -> str:
    """The address without a name; what is no address, as a chat's name, stays as it is."""
    address = parseaddr(recipient)[1]
    return address if "@" in address else recipient


def header_text(text: str) -> str:
    """``text`` in one line, without control characters and without anything like an encoded word."""
    clean = _UNFIT.sub(" ", text).replace("=?", "= ?")
    return " ".join(clean.split())


def _mailbox(text: str) -> Address:
    if "@" not in text:
        return Address(header_text(text), "chat", "localhost")
    name, address = parseaddr(text)
    local, _, domain = address.rpartition("@")
    return Address(header_text(name), header_text(local), _ascii_domain(domain))


def _ascii_domain(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii") or "localhost"
    except UnicodeError:
        return re.sub(r"[^A-Za-z0-9.-]", "", domain) or "localhost"


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII)


# ── Reading back ─────────────────────────────────────────────────────────────────────────────────


def verify(body: bytes, names: Sequence[str]) -> None:
    """Raises UnfitMessageError unless the header block of ``body`` has these names and no others."""
    head, found, _ = body.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    heads = [
        line.partition(b":")[0].decode("ascii", "replace").lower()
        for line in lines
        if line[:1] not in (b" ", b"\t")
    ]
    allowed = {name.lower() for name in names}
    if not found or b"\r" in head.replace(b"\r\n", b"") or b"\n" in head.replace(b"\r\n", b""):
        raise UnfitMessageError("the headers of the message do not end where they should")
    odd = sorted(set(heads) - allowed)
    if odd or len(heads) != len(set(heads)):
        raise UnfitMessageError(f"unexpected headers in the message: {', '.join(odd) or 'doubled'}")


MESSAGE_ERRORS = (MessageError, UnfitMessageError, ValueError, UnicodeError, LookupError)
