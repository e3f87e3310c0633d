"""A web page is told by what comes first, past anything that may stand before it."""

from __future__ import annotations

import pytest

from monitor.text.webpage import is_web_page

PAGES = {
    "a doctype": "<!DOCTYPE html><html>",
    "a doctype over two lines": "<!doctype\n  HTML PUBLIC '-//W3C//DTD'>",
    "no doctype": "<html lang='ru'>",
    "only a head": " \r\n<head><title>x</title>",
    "a prolog": "<?xml version='1.0'?>\n<html>",
    "a style sheet": "<?xml version='1.0'?><?xml-stylesheet href='a.css'?><!DOCTYPE html>",
    "comments": "<!-- a --><!-- > --> <!----><body>",
    "a byte order mark": "\ufeff<html>",
}
OTHERS = {
    "a feed": "<?xml version='1.0'?><rss><channel><description><html></description>",
    "a feed after sixty comments": "<!-- c -->\n" * 60 + "<rss>",
    "a comment without an end": "<!-- <html> ",
    "a prolog without an end": "<?xml version='1.0'",
    "a page in a comment": "<!-- <html> --><feed>",
    "nothing": "",
    "blanks": " \n" * 1_000,
    "another doctype": "<!DOCTYPE rss>",
}


@pytest.mark.parametrize("name", PAGES)
def test_it_is_a_web_page_with(name: str) -> None:
    assert is_web_page(PAGES[name])


@pytest.mark.parametrize("name", OTHERS)
def test_it_is_none_with(name: str) -> None:
    assert not is_web_page(OTHERS[name])
