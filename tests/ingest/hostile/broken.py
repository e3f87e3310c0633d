"""XML that is broken, or built to break its readers."""

from __future__ import annotations

from tests.ingest.hostile.server import (
    item,
    plain,
    rss,
)

# ── Broken XML ───────────────────────────────────────────────────────────────────────────────────

plain("bare ampersand", rss("<item><title>AT&T results</title><guid>1</guid></item>"), items=1)
plain(
    "undeclared entity",
    rss("<item><title>a&nbsp;b &mdash; c</title><guid>1</guid></item>"),
    items=1,
)
plain("blank lines first", b"\n\n  \r\n" + rss())
plain("a notice first", b"<br />\n<b>Notice</b>: Undefined index in feed.php\n" + rss())
plain("sixty comments first", rss(prolog="<?xml version='1.0'?>\n" + "<!-- c -->\n" * 60))
plain(
    "sixty comments before a page", b"<!-- c -->\n" * 60 + b"<html><body>Hi</body></html>", "html"
)
_QUOTE = (
    "<item><title>Quote {n}</title><guid>q{n}</guid><description><![CDATA[ <rss><item>x</item></rss> ]]>"
    "</description></item>"
)
_QUOTING = rss("".join(_QUOTE.format(n=n) for n in (1, 2)) + item(3))
plain("a feed that quotes a feed", _QUOTING)
plain("cut after it quotes a feed", _QUOTING[: _QUOTING.index(b"Title 3")], "truncated")
plain("cut while it quotes a feed", _QUOTING[: _QUOTING.rindex(b"]]>")], "truncated")
plain("cut within an item that quotes", _QUOTING[: _QUOTING.rindex(b"]]>") + 9], "truncated")
plain("cut between two items", _QUOTING[: _QUOTING.rindex(b"<item>")], "truncated")
plain(
    "cut after a comment with its end",
    rss(item(1) + "<!-- </rss> -->" + item(2))[:-60],
    "truncated",
)
plain(
    "a comment that is never closed",
    rss(item(1) + item(2) + "<item><title>One<!-- more</title></item>"),
    items=2,
)
plain("a feed that ends in a comment", rss(more="<!-- </rss> <item> --> "))
plain("a comment last", rss(more="<!-- cached -->\n<!-- served in 0.3 s -->"))
plain("rubbish last", rss(more="<script>track()</script>"))
plain(
    "unclosed element",
    rss("<item><title>One<link>https://outlet.example/1</link></item>" + item(2)),
    items=1,
)
plain(
    "broken beyond feedparser",  # which fails on the second of these with a KeyError
    rss(item(1) + "<item></link><pubDate></rss></item><</link>" + item(2)),
    items=2,
)
plain(
    "undeclared prefix",
    rss("<item><title>One</title><media:title>x</media:title><guid>1</guid></item>"),
    items=1,
)
plain(
    "honest entities",
    rss(
        "<item><title>&org; says &copyright;</title><guid>1</guid></item>",
        prolog='<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY org "Agency">'
        '<!ENTITY copyright "&#169;">]>',
    ),
    items=1,
)
plain(
    "a dtd of long ago",
    rss(prolog='<?xml version="1.0"?><!DOCTYPE rss SYSTEM "http://127.0.0.1:1/rss-0.91.dtd">'),
)
_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
plain(
    "billion laughs",
    rss(
        "<item><title>&l9;</title><guid>1</guid></item>",
        prolog=f'<!DOCTYPE rss [<!ENTITY l0 "ha">{_LAUGHS}]>',
    ),
    items=1,
)
plain(
    "quadratic blow up",
    rss(
        f"<item><title>{'&a;' * 50_000}</title><guid>1</guid></item>",
        prolog=f'<!DOCTYPE rss [<!ENTITY a "{"x" * 50_000}">]>',
    ),
    items=1,
)
plain(
    "a local file as entity",
    rss(
        "<item><title>x &f; y</title><guid>1</guid></item>",
        prolog='<!DOCTYPE rss [<!ENTITY f SYSTEM "file:///etc/passwd">]>',
    ),
    items=1,
)
plain(
    "parameter entities",
    rss(
        "<item><title>One</title><guid>1</guid></item>",
        prolog='<!DOCTYPE rss [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x"> %p;]>',
    ),
    items=1,
)
plain(
    "deep nesting",
    rss("<item><title>One</title><description>" + "<b>" * 20_000 + "x</description></item>"),
    items=1,
)
plain(
    "one huge attribute",
    rss(f"<item><title>One</title><guid a='{'x' * 2_000_000}'>1</guid></item>"),
    items=1,
)
plain(
    "ten thousand items",
    rss("".join(f"<item><guid>{n}</guid><title>T{n}</title></item>" for n in range(10_000))),
    items=5_000,
)
plain(
    "text of a megabyte",
    rss(f"<item><title>One</title><description>{'word ' * 200_000}</description></item>"),
    items=1,
)
plain(
    "script in a title",
    rss("<item><title>&lt;script&gt;alert(1)&lt;/script&gt;News</title><guid>1</guid></item>"),
    items=1,
)
plain(
    "a javascript link",
    rss("<item><title>One</title><link>javascript:alert(1)</link><guid>1</guid></item>"),
    items=1,
)
plain("the same guid three times", rss(item(1) + item(1) + item(1)), items=1)
plain(
    "entries that say nothing",
    rss("<item></item><item><pubDate>x</pubDate></item>" + item(1)),
    items=1,
)
