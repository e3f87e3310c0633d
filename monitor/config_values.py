"""Values of ``monitor.toml`` that have a grammar of their own: durations, cron lines, addresses, URLs.

Each says in a ValueError what is wrong and what to write instead.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import zoneinfo
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import Annotated, Literal
from urllib.parse import urlsplit

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator

from monitor.text.logins import has_login

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhdw]\s*)+")
_QUIET_HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")


def parse_duration(value: object) -> timedelta:
    """``"15m"``, ``"1h30m"``, ``"400d"``: a number and s, m, h, d or w, one or more times."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and _DURATION.fullmatch(value.strip()):
        parts = re.findall(r"(\d+(?:\.\d+)?)([smhdw])", value)
        return timedelta(seconds=sum(float(count) * _UNITS[unit] for count, unit in parts))
    raise ValueError(f'{value!r} is not a duration; write e.g. "30s", "15m", "1h30m" or "400d"')


def _cron(value: str) -> str:
    try:
        if len(value.split()) != 5:
            raise CronSimError("it needs five fields: minute hour day month weekday")
        CronSim(value, _EPOCH)
    except CronSimError as error:
        raise ValueError(
            f"{value!r} is not a cron line ({str(error).rstrip('.').lower()}); "
            'write e.g. "0 7 * * mon-fri" for 07:00 on working days'
        ) from None
    return value


def _timezone(value: str) -> str:
    known = zoneinfo.available_timezones()
    if value not in known:
        cities = {name.rpartition("/")[2]: name for name in sorted(known)}
        city = cities.get(value.rpartition("/")[2].title())
        hint = f"; did you mean {city!r}?" if city else did_you_mean(value, known)
        hint = hint or '; write e.g. "Europe/Brussels" or "UTC"'
        raise ValueError(f"{value!r} is not a time zone{hint}")
    return value


def _address(value: str) -> str:
    address = parseaddr(value)[1]
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", address) or "\n" in value:
        raise ValueError(f'{value!r} is not a mail address; write e.g. "Name <name@example.org>"')
    return value


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{value!r} is not a web address; it must begin with http:// or https://")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError(f"{value!r} is not a web address: a port is 0 to 65535") from None
    return value


def _feed_url(value: str) -> str:
    if has_login(value):
        raise ValueError("holds a login, which would be shown; write it as user and password")
    return _http_url(value)


def optional_http_url(value: str) -> str:
    return _http_url(value).rstrip("/") if value else value


def database_url(value: str) -> str:
    scheme = value.split("://", 1)[0]
    if "://" not in value or scheme not in _DATABASES:
        raise ValueError(
            f"{value.split('@')[-1]!r} is not a database URL this product knows; write "
            '"sqlite:///db/monitor.db" or "postgresql+psycopg://user@host/name"'
        )
    return _DATABASES[scheme] + value[len(scheme) :]


_DATABASES = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


def mail_url(value: str) -> str:
    if value.startswith("file:") and value != "file:":
        return value
    parts = urlsplit(value)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError(
            "a mail URL begins with smtp://, smtps:// or file:, "
            'e.g. "smtp://user@mail.example.org:587" or "file:outbox/"'
        )
    _ = parts.port  # raises ValueError where it is not a number
    return value


def mail_timeout(value: timedelta) -> timedelta:
    """A whole delivery must end before its lease does, or another mailer takes the message up."""
    if not timedelta(seconds=1) <= value <= timedelta(minutes=4):
        raise ValueError("timeout of a whole delivery must be between 1s and 4m")
    return value


def network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError as error:
        raise ValueError(f'{error}; write e.g. "127.0.0.1/32" or "10.0.0.0/8"') from None


def quiet_hours(value: str) -> str:
    if value and not _QUIET_HOURS.fullmatch(value):
        raise ValueError(f'{value!r} is not a span of hours; write e.g. "22:00-06:00"')
    return value


def bind(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(f'{value!r} is not host:port; write e.g. "127.0.0.1:8080"')
    return value


def _level(value: str) -> str:
    known = ("any", "low", "elevated", "high", "very-high")
    if value not in known:
        raise ValueError(f"{value!r} is not a level; write one of {', '.join(known)}")
    return value


def did_you_mean(value: str, known: object) -> str:
    close = difflib.get_close_matches(value, list(known), n=1)  # type: ignore[call-overload]
    return f"; did you mean {close[0]!r}?" if close else ""


_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Cron = Annotated[str, AfterValidator(_cron)]
TimeZone = Annotated[str, AfterValidator(_timezone)]
Address = Annotated[str, AfterValidator(_address)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
FeedUrl = Annotated[str, AfterValidator(_feed_url)]
LevelChoice = Annotated[str, AfterValidator(_level)]
Grade = Literal["A", "B", "C", "D", "E", "F"]
