"""Chats and webhooks: what was refused, what was never posted, and what nobody can know."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest

from monitor.errors import MailError
from monitor.mail import LostReplyError
from monitor.mail.chat import ChatMailer, chat_name

pytestmark = pytest.mark.filterwarnings(
    "ignore:'imghdr' is deprecated"  # apprise looks whether it is there
)


@contextmanager
def answering(answer):
    """A webhook that reads a request whole and answers with these bytes; None = never."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)  # the first of all loads the notification library

        def serve():
            connection, _ = server.accept()
            with connection:
                data = b""
                while b"\r\n\r\n" not in data or not data.rstrip().endswith(b"}"):
                    data += connection.recv(65536)
                if answer is None:
                    ended.wait(20)
                else:
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"json://127.0.0.1:{server.getsockname()[1]}/hook"
        ended.set()
        thread.join()


def post(url, message, *, timeout=60.0):
    noted = []

    async def noting():
        noted.append(True)

    mailer = ChatMailer([url], timeout=timedelta(seconds=timeout))
    try:
        asyncio.run(mailer.send(message(recipient=chat_name(url)), handing_over=noting))
    finally:
        assert noted == [True]  # before the answer, whatever that is


ANSWERS = {
    "refused by its status": (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", MailError),
    "hung up without an answer": (b"", LostReplyError),
    "hung up within its answer": (b"HTTP/1.1 2", LostReplyError),
    "never answered": (None, LostReplyError),
}


@pytest.mark.parametrize(("answer", "kind"), ANSWERS.values(), ids=ANSWERS)
def test_what_became_of_it_is_told_apart(message, answer, kind):
    with answering(answer) as url, pytest.raises(MailError) as caught:
        post(url, message)
    assert type(caught.value) is kind
    assert not caught.value.permanent


def test_an_answer_later_than_the_time_allowed_is_unknown_too(message):
    with answering(None) as url, pytest.raises(LostReplyError, match="no answer within 1 s"):
        post(url, message, timeout=1.0)


def test_taken(message):
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as url:
        post(url, message)


def test_nobody_listens_so_nothing_was_posted(message):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(MailError) as caught:
        post(f"json://127.0.0.1:{port}/hook", message)
    assert type(caught.value) is MailError
