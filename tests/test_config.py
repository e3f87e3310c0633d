"""Configuration: layers, and one clear message for every mistake."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from monitor import config
from monitor.errors import ConfigError


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    import os

    for name in list(os.environ):
        if name.startswith("MONITOR_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _file(folder: Path, text: str) -> Path:
    path = folder / "monitor.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_everything_has_a_default() -> None:
    found = config.load()
    assert found.watches == ("indicators/russia-iran",)
    assert found.fetch.interval == timedelta(minutes=15)
    assert found.mail.url == "file:outbox/"
    assert found.web.bind == "127.0.0.1:8080"


def test_the_file_in_the_working_folder_is_used(clean: Path) -> None:
    _file(clean, '[fetch]\ninterval = "1h30m"\n')
    assert config.load().fetch.interval == timedelta(minutes=90)


def test_the_environment_goes_before_the_file(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _file(clean, '[fetch]\ninterval = "1h"\ntimeout = "9s"\n')
    monkeypatch.setenv("MONITOR_FETCH__INTERVAL", "2h")
    found = config.load().fetch
    assert (found.interval, found.timeout) == (timedelta(hours=2), timedelta(seconds=9))


def test_flags_go_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITOR_WEB__BIND", "127.0.0.1:1")
    assert config.load(flags={"web": {"bind": "127.0.0.1:2"}}).web.port == 2


def test_lists_in_the_environment_are_json_or_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITOR_WATCHES", "a, b")
    assert config.load().watches == ("a", "b")
    monkeypatch.setenv("MONITOR_WATCHES", '["c"]')
    assert config.load().watches == ("c",)


def test_monitor_config_names_the_file(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clean / "elsewhere").mkdir()
    path = _file(clean / "elsewhere", 'watches = ["x"]')
    monkeypatch.setenv("MONITOR_CONFIG", str(path))
    found = config.load()
    assert found.watches == ("x",)
    assert found.root == clean / "elsewhere"


def test_a_secret_may_come_from_a_file(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clean / "secret").write_text("hunter2\n")
    monkeypatch.setenv("MONITOR_MAIL__PASSWORD_FILE", str(clean / "secret"))
    found = config.load().mail.password
    assert found.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(config.load())


def test_a_relative_sqlite_path_stands_beside_the_file(clean: Path) -> None:
    path = _file(clean, "")
    assert config.load(path).database_url() == f"sqlite:///{clean}/db/monitor.db"


def test_the_shipped_file_is_all_defaults() -> None:
    from monitor import resources

    shipped = config.load(resources.path("templates/init/monitor.toml")).model_dump()
    assert shipped.pop("feed_files") == {"paths": ("indicators/russia-iran/feeds.yaml",)}
    plain = config.load().model_dump()
    assert plain.pop("feed_files") == {"paths": ()}  # no file: poll what was asked for, no more
    assert shipped == plain


MISTAKES = {
    "unknown key": (
        '[fetch]\ntimeot = "30s"\n',
        "monitor.toml:2:1: error: unknown key 'timeot'; did you mean 'timeout'?",
    ),
    "unknown table": ("[fetsh]\n", "monitor.toml:1:1: error: unknown key 'fetsh'; did you mean"),
    "not TOML": ("[fetch\n", "monitor.toml:1:"),
    "wrong time zone": (
        '[[digests]]\nname = "d"\nto = ["a@b.c"]\ntimezone = "Europe/Brusels"\n',
        "monitor.toml:4:1: error: 'Europe/Brusels' is not a time zone; "
        "did you mean 'Europe/Brussels'?",
    ),
    "wrong cron line": (
        '[[digests]]\nname = "a"\nto = ["a@b.c"]\n[[digests]]\nname = "d"\nto = ["a@b.c"]\n'
        'schedule = "0 25 * * *"\n',
        "monitor.toml:7:1: error: '0 25 * * *' is not a cron line",
    ),
    "a cron line with six fields": (
        '[[digests]]\nname = "d"\nto = ["a@b.c"]\nschedule = "0 0 7 * * *"\n',
        "it needs five fields",
    ),
    "wrong scheme of a feed": (
        '[[feeds]]\nurl = "ftp://example.org/feed"\n',
        "monitor.toml:2:1: error: 'ftp://example.org/feed' is not a web address",
    ),
    "wrong database": (
        '[database]\nurl = "mysql://root:hunter2@host/db"\n',
        "monitor.toml:2:1: error: 'host/db' is not a database URL this product knows",
    ),
    "wrong mail server": ('[mail]\nurl = "http://host"\n', "a mail URL begins with smtp://"),
    "a delivery longer than its lease": (
        '[mail]\ntimeout = "10m"\n',
        "monitor.toml:2:1: error: timeout of a whole delivery must be between 1s and 4m",
    ),
    "wrong address": (
        '[[digests]]\nname = "d"\nto = ["nobody"]\n',
        "monitor.toml:3:1: error: 'nobody' is not a mail address",
    ),
    "a duration without a unit": (
        "[fetch]\ninterval = 15\n",
        'monitor.toml:2:1: error: 15 is not a duration; write e.g. "30s"',
    ),
    "wrong network": ('[fetch]\nallow_networks = ["10.0.0.0/33"]\n', "write e.g."),
    "wrong bind": ('[web]\nbind = "8080"\n', "is not host:port"),
    "wrong level": ('[[alerts]]\nto = ["a@b.c"]\nmin_level = "hihg"\n', "is not a level"),
    "an alert to nobody": ('[[alerts]]\nmin_level = "high"\n', "needs someone to go to"),
    "the same digest twice": (
        '[[digests]]\nname = "d"\nto = ["a@b.c"]\n' * 2,
        "monitor.toml:5:1: error: digest name 'd' is given twice",
    ),
    "the same feed twice": (
        '[[feeds]]\nurl = "http://x/"\n[[feeds]]\nname = "X"\nurl = "http://x/"\n',
        "monitor.toml:5:1: error: feed url 'http://x/' is given twice",
    ),
    "a city in the wrong part of the world": (
        '[[digests]]\nname = "d"\nto = ["a@b.c"]\ntimezone = "Asia/Brussels"\n',
        "monitor.toml:4:1: error: 'Asia/Brussels' is not a time zone; did you mean 'Europe/Brussels'",
    ),
    "a place that no zone is near": (
        '[[digests]]\nname = "d"\nto = ["a@b.c"]\ntimezone = "Mars/One"\n',
        '\'Mars/One\' is not a time zone; write e.g. "Europe/Brussels" or "UTC"',
    ),
    "half a second reader": ('[reader]\nurl = "http://x"\n', "needs both url and model"),
    "a second reader on no port": (
        '[reader]\nurl = "http://127.0.0.1:99999/v1"\nmodel = "m"\n',
        "2:1: error: 'http://127.0.0.1:99999/v1' is not a web address: a port is 0 to 65535",
    ),
    "a key that is no header": (
        '[reader]\nurl = "http://x"\nmodel = "m"\nkey = "ключ"\n',
        "a key goes into a header: ASCII only",
    ),
    "login in an address": (
        '[[feeds]]\nurl = "https://reader:hunter2@outlet.example/rss"\n',
        "monitor.toml:2:1: error: holds a login, which would be shown; write it as user and password",
    ),
    "wrong grade": ('[[feeds]]\nurl = "http://x/"\nreliability = "Z"\n', "monitor.toml:3:1"),
}


@pytest.mark.parametrize(("text", "expected"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_names_its_line_and_the_remedy(clean: Path, text: str, expected: str) -> None:
    path = _file(clean, text)
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    words = str(caught.value).replace(str(clean) + "/", "")
    assert expected in words
    assert "hunter2" not in words
    assert caught.value.exit_code == 2


def test_all_mistakes_are_told_at_once(clean: Path) -> None:
    path = _file(clean, '[fetch]\nintervl = "1h"\n[web]\nbind = "x"\n')
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert [problem.line for problem in caught.value.problems] == [2, 4]


def test_a_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITOR_DATABSE__URL", "sqlite:///x.db")
    with pytest.raises(ConfigError, match="did you mean 'MONITOR_DATABASE__URL'"):
        config.load()


def test_variables_that_a_platform_injects_are_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITOR_PORT", "tcp://10.0.0.1:80")
    config.load()


def test_a_wrong_value_of_a_variable_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITOR_FETCH__INTERVAL", "soon")
    with pytest.raises(ConfigError, match="environment MONITOR_FETCH__INTERVAL"):
        config.load()


def test_a_missing_file_says_how_to_get_one(clean: Path) -> None:
    with pytest.raises(ConfigError, match="monitor init"):
        config.load(clean / "nowhere.toml")


def test_a_secret_file_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITOR_MAIL__PASSWORD_FILE", "/nowhere")
    with pytest.raises(ConfigError, match="MONITOR_MAIL__PASSWORD_FILE"):
        config.load()
