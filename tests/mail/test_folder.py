"""Mail as files."""

from __future__ import annotations

import asyncio
import os

import pytest

from monitor.errors import MailError
from monitor.mail import FolderMailer


def test_a_message_is_a_file_with_its_very_bytes(tmp_path, message):
    mailer = FolderMailer(tmp_path / "outbox")
    asyncio.run(mailer.send(message()))
    [path] = (tmp_path / "outbox").iterdir()
    assert path == mailer.path_of(message())
    assert path.name.startswith("2026-11-25T0700-daily-ana@example.org-")
    assert path.suffix == ".eml"
    assert path.read_bytes() == message().body


def test_the_same_message_again_is_the_same_file(tmp_path, message):
    mailer = FolderMailer(tmp_path)
    for _ in range(2):
        asyncio.run(mailer.send(message()))
    assert len(list(tmp_path.iterdir())) == 1


NAMES = {
    "a slot that differs": {"slot": "other", "message_id": "<2@example.org>"},
    "another recipient": {"recipient": "ben@example.org", "message_id": "<2@example.org>"},
    "names alike once cleaned": {"recipient": "ana/@example.org", "message_id": "<2@example.org>"},
}


@pytest.mark.parametrize("other", NAMES.values(), ids=NAMES)
def test_distinct_messages_are_distinct_files(tmp_path, message, other):
    mailer = FolderMailer(tmp_path)
    assert mailer.path_of(message()) != mailer.path_of(message(**other))


@pytest.mark.parametrize("word", ["../../etc/passwd", "a/b", "..", "\x00", "پیام", "x" * 4000])
def test_no_name_leads_out_of_the_folder(tmp_path, message, word):
    mailer = FolderMailer(tmp_path)
    path = mailer.write(message(subscription=word, recipient=word, slot=word))
    assert path.parent == tmp_path
    assert path.exists()


def test_a_folder_that_cannot_be_written_says_so(tmp_path, message):
    (tmp_path / "outbox").write_text("a file where the folder should be")
    with pytest.raises(MailError, match="outbox") as caught:
        asyncio.run(FolderMailer(tmp_path / "outbox").send(message()))
    assert not caught.value.permanent


def test_nothing_half_written_is_left(tmp_path, message, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MailError, match="no space left"):
        asyncio.run(FolderMailer(tmp_path).send(message()))
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".eml"]
