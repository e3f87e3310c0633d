"""Settings: defaults < ``monitor.toml`` < ``MONITOR_…`` environment < flags.

Only ``app`` and ``cli`` see these models; everything below takes plain values. A mistake is a
ConfigError that shows the file, the line and what to write instead. Nesting in the environment is
``__`` (``MONITOR_DATABASE__URL``), and any value may come from a file named by ``…_FILE``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import (
    BaseModel,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from monitor import config_values as values
from monitor.config_tables import (
    AlertConfig,
    DatabaseConfig,
    DigestConfig,
    FeedConfig,
    FeedFilesConfig,
    FetchConfig,
    LogConfig,
    MailConfig,
    OperatorConfig,
    ReaderConfig,
    RetentionConfig,
    WebConfig,
)
from monitor.errors import ConfigError, Problem
from monitor.masking import redact
from monitor.text.logins import login_headers
from monitor.toml_places import Places, TomlError, read_toml

FILE = "monitor.toml"
_PREFIX = "MONITOR_"
_SECRET_KEYS = {"password", "key", "headers", "notify"}  # their lines are not shown
_OUTSIDE = {"MONITOR_CONFIG", "MONITOR_NOW", "MONITOR_DEBUG"}  # read by the command line, not here

# ── The file, table by table ─────────────────────────────────────────────────────────────────────


class TwiceError(ValueError):
    """A name that must be one's own is given twice; ``loc`` is where the second stands."""

    def __init__(self, message: str, loc: tuple[str | int, ...]) -> None:
        super().__init__(message)
        self.loc = loc


class Config(BaseSettings):
    """The whole of ``monitor.toml``; ``root`` is the folder that its paths are relative to."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=_PREFIX, env_nested_delimiter="__"
    )

    watches: tuple[str, ...] = ("indicators/russia-iran",)
    templates: str = "templates"
    database: DatabaseConfig = DatabaseConfig()
    fetch: FetchConfig = FetchConfig()
    feeds: tuple[FeedConfig, ...] = ()
    feed_files: FeedFilesConfig = FeedFilesConfig()
    mail: MailConfig = MailConfig()
    digests: tuple[DigestConfig, ...] = ()
    alerts: tuple[AlertConfig, ...] = ()
    operator: OperatorConfig = OperatorConfig()
    web: WebConfig = WebConfig()
    reader: ReaderConfig = ReaderConfig()
    retention: RetentionConfig = RetentionConfig()
    log: LogConfig = LogConfig()

    _root: Path = Path()
    _file: Path | None = None

    @property
    def root(self) -> Path:
        return self._root

    @property
    def file(self) -> Path | None:
        return self._file

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        given = getattr(init_settings, "init_kwargs", {})
        return (
            InitSettingsSource(settings_cls, given.pop("_flags", {})),
            _Environment(settings_cls, env_ignore_empty=True),
            _SecretFiles(settings_cls),
            InitSettingsSource(settings_cls, given.pop("_toml", {})),
        )

    @model_validator(mode="after")
    def _distinct(self) -> Config:
        digests, feeds = ("digests",), ("feeds",)
        for what, keys, key, given in (
            ("digest name", digests, ("name",), [each.name for each in self.digests]),
            ("feed id", feeds, ("id",), [each.id or f"#{n}" for n, each in enumerate(self.feeds)]),
            ("feed url", feeds, ("url",), [each.url for each in self.feeds]),
            ("watch", ("watches",), (), list(self.watches)),
        ):
            for place, value in enumerate(given):
                if value in given[:place]:
                    raise TwiceError(f"{what} {value!r} is given twice", (*keys, place, *key))
        return self

    def database_url(self) -> str:
        """The URL with a SQLite path made absolute."""
        kind, _, rest = self.database.url.partition(":///")
        if kind == "sqlite" and rest not in ("", ":memory:"):
            return f"sqlite:///{(self.root / rest).absolute()}"
        return self.database.url


# ── Where values come from ───────────────────────────────────────────────────────────────────────


class _Environment(EnvSettingsSource):
    """The environment, where a list may also be written with commas."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        taken = {name.lower() for name, _ in _secret_files()}
        return {
            name: value for name, value in super()._load_env_vars().items() if name not in taken
        }

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        if isinstance(value, str) and value.lstrip()[:1] not in ("[", "{"):
            return [part.strip() for part in value.split(",")]
        return super().decode_complex_value(field_name, field, value)


class _SecretFiles(PydanticBaseSettingsSource):
    """``MONITOR_MAIL__PASSWORD_FILE=/run/secrets/mail`` reads the value from that file."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, keys in _secret_files():
            try:
                text = Path(os.environ[name]).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(
                    f"cannot read {os.environ[name]!r}: {_reason(error)}",
                    subject=name,
                    remedy="Name a readable file that holds nothing but the secret.",
                ) from None
            table = found
            for key in keys[:-1]:
                table = table.setdefault(key, {})
            table[keys[-1]] = text
        return found


def _secret_files() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Environment names that end in _FILE, with the setting that the file holds."""
    for name, keys in _names(os.environ):
        plain = (*keys[:-1], keys[-1].removesuffix("_file"))
        if plain != keys and not _known(keys) and _known(plain):
            yield name, plain


def _names(environment: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in environment:
        if name.upper().startswith(_PREFIX) and name.upper() not in _OUTSIDE and environment[name]:
            yield name, tuple(name[len(_PREFIX) :].lower().split("__"))


def _known(keys: tuple[str, ...]) -> bool:
    fields: Mapping[str, FieldInfo] = Config.model_fields
    for key in keys:
        if key not in fields:
            return False
        kind = fields[key].annotation
        fields = kind.model_fields if isinstance(kind, type) and issubclass(kind, BaseModel) else {}
    return True


def _check_environment(environment: Mapping[str, str]) -> None:
    """A misspelt MONITOR_TABLE__KEY would be ignored in silence: refuse it.

    Names without ``__`` are let be: container platforms inject ``MONITOR_PORT`` and the like.
    """
    for name, keys in _names(environment):
        plain = (*keys[:-1], keys[-1].removesuffix("_file"))
        if len(keys) > 1 and not _known(keys) and not _known(plain):
            names = [f"{_PREFIX}{'__'.join(path)}".upper() for path in _paths()]
            raise ConfigError(
                "no such setting" + values.did_you_mean(name.upper(), names),
                subject=f"environment {name}",
                remedy="Settings are those of monitor.toml, e.g. MONITOR_DATABASE__URL.",
            )


def _paths() -> Iterator[tuple[str, ...]]:
    for name, field in Config.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from ((name, key) for key in kind.model_fields)
        else:
            yield (name,)


def find_file(given: Path | None) -> Path | None:
    """``--config``, else ``MONITOR_CONFIG``, else ``monitor.toml`` here, if there is one."""
    named = given or (
        Path(os.environ["MONITOR_CONFIG"]) if os.environ.get("MONITOR_CONFIG") else None
    )
    if named is not None:
        return named / FILE if named.is_dir() else named
    here = Path(FILE)
    return here if here.exists() else None


def load(given: Path | None = None, *, flags: Mapping[str, Any] | None = None) -> Config:
    """Reads the settings. Raises ConfigError with every problem found."""
    file = find_file(given)
    data: dict[str, Any] = {}
    text = ""
    if file is not None:
        text = _read(file)
        try:
            data = read_toml(text)
        except TomlError as error:
            raise _config_error(
                (error.problem(str(file)),),
            ) from None
    _check_environment(os.environ)
    try:
        config = Config(_toml=data, _flags=dict(flags or {}))  # type: ignore[call-arg]
    except ValidationError as error:
        raise _config_error(_problems(error, file, text)) from None
    root = file.absolute().parent if file is not None else Path.cwd()
    object.__setattr__(config, "_root", root)
    object.__setattr__(config, "_file", file)
    return config


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"is not UTF-8 text (byte {error.start})",
            subject=str(file),
            remedy="Save the file as UTF-8.",
        ) from None
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {_reason(error)}",
            subject=str(file),
            remedy="Name the file with --config, or write a new one with: monitor init",
        ) from None


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


# ── Errors that show the line ────────────────────────────────────────────────────────────────────


def _config_error(problems: tuple[Problem, ...]) -> ConfigError:
    return ConfigError("\n".join(map(str, problems)), problems=problems)


def _problems(error: ValidationError, file: Path | None, text: str) -> tuple[Problem, ...]:
    places = Places(text)
    return tuple(_problem(dict(detail), file, places) for detail in error.errors(include_url=False))


def _problem(detail: dict[str, Any], file: Path | None, places: Places) -> Problem:
    loc = tuple(part for part in detail["loc"] if isinstance(part, (str, int)))
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, TwiceError):
        loc = cause.loc
    message, hint = _words(detail, loc)
    variable = _PREFIX + "__".join(str(part) for part in loc).upper()
    if loc and variable in {name.upper() for name in os.environ}:
        return Problem(path=f"environment {variable}", line=0, column=0, message=message, hint=hint)
    line, column, source, width = places.find(loc)
    if _SECRET_KEYS.intersection(map(str, loc)):
        source, column = "", 0
    return Problem(
        path=str(file) if file else "configuration",
        line=line,
        column=column,
        message=message,
        source=redact(source),
        hint=hint,
        width=width,
    )


def problem_at(config: Config, loc: tuple[str | int, ...], message: str) -> Problem:
    """A mistake that only shows beside other files, at its place in ``monitor.toml``."""
    text = ""
    if config.file is not None:
        with suppress(OSError, UnicodeDecodeError):
            text = config.file.read_text(encoding="utf-8")
    line, column, source, width = Places(text).find(loc)
    return Problem(
        path=str(config.file or "configuration"),
        line=line,
        column=column,
        message=message,
        source=redact(source),
        width=width,
    )


def _words(detail: dict[str, Any], loc: tuple[str | int, ...]) -> tuple[str, str]:
    """A pydantic finding in words for a person: (message, hint)."""
    kind, name = detail["type"], ".".join(str(part) for part in loc)
    if kind == "extra_forbidden":
        known = _siblings(loc)
        return f"unknown key {loc[-1]!r}" + values.did_you_mean(str(loc[-1]), known), (
            "known here: " + ", ".join(known)
        )
    if kind == "missing":
        return f"{loc[-1]!r} is missing", ""
    if kind == "value_error":
        return str(detail["ctx"]["error"]), ""
    message = str(detail["msg"])
    return f"{name}: {message[:1].lower()}{message[1:]}", ""


def _siblings(loc: tuple[str | int, ...]) -> list[str]:
    fields: Mapping[str, FieldInfo] = Config.model_fields
    for part in loc[:-1]:
        if isinstance(part, str) and part in fields:
            kind: Any = fields[part].annotation
            inner = getattr(kind, "__args__", (kind,))[0]
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                fields = inner.model_fields
    return list(fields)


# ── Values for the edges ─────────────────────────────────────────────────────────────────────────


def feed_headers(feed: FeedConfig) -> dict[str, str]:
    """The feed's own headers with its login; ``env:NAME`` takes a value from the environment."""
    headers = {name: from_environment(value) for name, value in feed.headers.items()}
    return login_headers(headers, feed.user, from_environment(feed.password.get_secret_value()))


def from_environment(value: str) -> str:
    """The value, or what ``env:NAME`` names. Raises ConfigError where that is not set."""
    if not value.startswith("env:"):
        return value
    name = value.removeprefix("env:")
    if name not in os.environ:
        raise ConfigError(
            f"the environment variable {name} is not set",
            subject="headers or password of a feed",
            remedy="Set it, or write the value itself.",
        )
    return os.environ[name]
