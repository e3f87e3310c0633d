"""Formats and encodings, right and wrong."""

from __future__ import annotations

import json

from tests.ingest.hostile.server import (
    atom,
    plain,
    rss,
)

# ── Formats ──────────────────────────────────────────────────────────────────────────────────────

plain("rss 2", rss())
plain(
    "rss 091",
    rss().replace(b'version="2.0"', b'version="0.91"').replace(b"isPermaLink='false'", b""),
)
plain("atom 1", atom(), items=2)
plain(
    "rdf",
    b"""<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel rdf:about="https://outlet.example/"><title>Outlet</title><link>https://outlet.example/</link>
<description>News</description></channel>
<item rdf:about="https://outlet.example/1"><title>One</title><link>https://outlet.example/1</link>
<description>Text</description><dc:date>2026-11-25T05:00:00Z</dc:date></item></rdf:RDF>""",
    items=1,
)
plain(
    "json feed",
    json.dumps(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": "Outlet",
            "home_page_url": "https://outlet.example/",
            "items": [
                {"id": 1, "url": "https://outlet.example/1", "content_text": "a < b & c"},
                {"id": "2", "title": "Two", "content_html": "<p>Text</p>"},
                "no item",
            ],
        }
    ).encode(),
    items=2,
    Content_Type="application/feed+json",
)
plain("called html", rss(), Content_Type="text/html; charset=utf-8")
plain("called plain text", rss(), Content_Type="text/plain")
plain("broken media type", rss(), Content_Type="application/rss+xml;;charset=;")
plain("no items yet", rss(""), items=0)
plain(
    "prefixed rss",
    rss().replace(b"<rss ", b"<x:rss xmlns:x='urn:x' ").replace(b"</rss>", b"</x:rss>"),
)

# ── Encodings ────────────────────────────────────────────────────────────────────────────────────

_RU = "<item><guid>1</guid><title>Иран передал России</title></item>"
plain("utf-8 with mark".replace("-", " "), b"\xef\xbb\xbf" + rss())
plain(
    "utf 16 with mark",
    rss(prolog='<?xml version="1.0" encoding="UTF-16"?>').decode().encode("utf-16"),
)
plain("utf 16 without a word", rss(prolog=" ").decode().lstrip().encode("utf-16-le"))
plain(
    "windows 1251 by prolog",
    rss(_RU, prolog='<?xml version="1.0" encoding="windows-1251"?>').decode().encode("cp1251"),
    items=1,
)
plain(
    "windows 1251 by header",
    rss(_RU, prolog='<?xml version="1.0"?>').decode().encode("cp1251"),
    items=1,
    Content_Type="text/xml; charset=windows-1251",
)
plain(
    "windows 1251 by nobody",
    rss(_RU * 9, prolog='<?xml version="1.0"?>').decode().encode("cp1251"),
    items=1,
)
plain(
    "koi8 r",
    rss(_RU, prolog='<?xml version="1.0" encoding="koi8-r"?>').decode().encode("koi8-r"),
    items=1,
)
plain("false prolog", rss(_RU, prolog='<?xml version="1.0" encoding="iso-8859-1"?>'), items=1)
plain("false header", rss(_RU), items=1, Content_Type="text/xml; charset=iso-8859-1")
plain("unknown encoding name", rss(_RU, prolog='<?xml version="1.0" encoding="martian"?>'), items=1)
plain(
    "damaged utf 8",
    rss(_RU + _RU.replace("1", "2") * 3).replace("России".encode(), b"\xd0\xa0\xff\xd0", 1),
    items=2,
)
plain(
    "control characters", rss("<item><title>a\x00b\x08c\x1b</title><guid>1</guid></item>"), items=1
)
