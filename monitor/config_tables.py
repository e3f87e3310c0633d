"""The tables of ``monitor.toml``, each a model with its defaults."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from monitor import config_values as values


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DatabaseConfig(_Table):
    url: Annotated[str, AfterValidator(values.database_url)] = "sqlite:///db/monitor.db"


class FetchConfig(_Table):
    interval: values.Duration = timedelta(minutes=15)
    timeout: values.Duration = timedelta(seconds=30)
    max_bytes: int = Field(default=10_000_000, ge=1_000)
    per_host: int = Field(default=2, ge=1)
    host_interval: values.Duration = timedelta(seconds=1)
    concurrency: int = Field(default=16, ge=1, le=256)
    allow_networks: tuple[Annotated[str, AfterValidator(values.network)], ...] = ()
    contact: str = ""
    proxy: str = ""

    @model_validator(mode="after")
    def _sane(self) -> FetchConfig:
        if self.interval < timedelta(seconds=10):
            raise ValueError("interval is below 10s; no server will thank you")
        if not timedelta(0) < self.timeout <= timedelta(minutes=10):
            raise ValueError("timeout must be between 1s and 10m")
        return self


class FeedConfig(_Table):
    url: values.FeedUrl
    id: str = Field(default="", pattern=r"^[a-z0-9][a-z0-9._-]*$|^$")
    name: str = ""
    homepage: str = ""
    lang: str | None = None
    kind: str = ""
    state: str | None = None
    origin: str = ""
    reliability: values.Grade = "F"
    topics: tuple[str, ...] = ()
    interval: values.Duration | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    user: str = ""
    password: SecretStr = SecretStr("")
    full_text: bool = False
    enabled: bool = True


class FeedFilesConfig(_Table):
    paths: tuple[str, ...] = ()


class MailConfig(_Table):
    url: Annotated[str, AfterValidator(values.mail_url)] = "file:outbox/"
    password: SecretStr = SecretStr("")
    sender: values.Address = "Monitor <monitor@localhost>"
    timeout: Annotated[values.Duration, AfterValidator(values.mail_timeout)] = timedelta(
        seconds=120
    )


class DigestConfig(_Table):
    name: str = Field(min_length=1)
    to: tuple[values.Address, ...] = Field(min_length=1)
    schedule: values.Cron = "0 7 * * *"
    timezone: values.TimeZone = "UTC"
    indicators: tuple[str, ...] = ("*",)
    min_level: values.LevelChoice = "any"
    languages: tuple[str, ...] = ()
    when_empty: Literal["send", "skip"] = "send"
    max_events: int = Field(default=25, ge=1, le=200)


class AlertConfig(_Table):
    name: str = "alert"
    to: tuple[values.Address, ...] = ()
    notify: tuple[SecretStr, ...] = ()  # chat and webhook addresses
    indicators: tuple[str, ...] = ("*",)
    min_level: values.LevelChoice = "high"
    quiet_hours: Annotated[str, AfterValidator(values.quiet_hours)] = ""
    timezone: values.TimeZone = "UTC"
    per_hour: int = Field(default=6, ge=1)  # messages to one recipient; the rest is told later
    repeat: values.Duration = timedelta(hours=4)  # until someone acknowledges; "0s" = never

    @model_validator(mode="after")
    def _someone(self) -> AlertConfig:
        if not self.to and not self.notify:
            raise ValueError("an alert needs someone to go to: to = […] or notify = […]")
        return self


class OperatorConfig(_Table):
    to: tuple[values.Address, ...] = ()
    heartbeat_url: Annotated[str, AfterValidator(values.optional_http_url)] = ""


class WebConfig(_Table):
    bind: Annotated[str, AfterValidator(values.bind)] = "127.0.0.1:8080"
    public_url: Annotated[str, AfterValidator(values.optional_http_url)] = ""

    @property
    def host(self) -> str:
        return self.bind.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.bind.rpartition(":")[2])


class ReaderConfig(_Table):
    url: Annotated[str, AfterValidator(values.optional_http_url)] = ""
    model: str = ""
    key: SecretStr = SecretStr("")
    timeout: values.Duration = timedelta(seconds=30)
    max_per_cycle: int = Field(default=50, ge=0)
    cycle_timeout: values.Duration = timedelta(minutes=1)  # of all questions of a cycle

    @field_validator("key")
    @classmethod
    def _a_header(cls, key: SecretStr) -> SecretStr:
        if not key.get_secret_value().isascii():
            raise ValueError("a key goes into a header: ASCII only")
        return key

    @model_validator(mode="after")
    def _both(self) -> ReaderConfig:
        if bool(self.url) != bool(self.model):
            raise ValueError("a second reader needs both url and model")
        return self


class RetentionConfig(_Table):
    items_without_hits: values.Duration = timedelta(days=400)


class LogConfig(_Table):
    level: Literal["debug", "info", "warning", "error"] = "info"
    file: str = "monitor.log"
