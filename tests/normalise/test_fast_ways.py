"""The short ways through markup and links give what the long ways give."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from w3lib.url import canonicalize_url

from monitor.normalise import links, markup

suite = settings(max_examples=150, deadline=None, derandomize=True, database=None)

_PIECES = (
    "<p>", "</p>", "<b>", "</b>", "<br/>", "<br>", "<a href='/x?a=1&amp;b'>", "</a>", "<img src=/a.png>",
    "<div class=\"a b\" id=x>", "</div>", "<ul>", "<li>", "<span >", "<h2>", "</h2>", "<hr />", "text",
    " ", "\n\t", "&amp;", "&nbsp;", "a &lt; b", "1 < 2", "ایران", "<script>", "<table>", "<!-- x -->",
    "<p", ">", "\"", "'", "<B>", "<blockquote>", "&#8217;", "<a title='a > b'>",
)  # fmt: skip


@suite
@given(st.lists(st.sampled_from(_PIECES), max_size=12).map("".join))
def test_markup(html: str) -> None:
    simple = markup._stripped_simple(html)
    if simple is not None:
        assert " ".join(simple.split()) == " ".join(markup._stripped_by_parser(html).split())


_PATHS = st.lists(
    st.sampled_from(["a", "B", "1", ".", "..", "", "index.html", "x-y_z", "~u"]), max_size=5
)
_QUERIES = st.lists(
    st.sampled_from(["a=1", "b=2", "a=0", "utm_source=x", "c=", "id=7", "fbclid=q", "d"]),
    max_size=5,
)


@suite
@given(_PATHS, _QUERIES, st.sampled_from(["", "#top", "#!/a", "#/a"]))
def test_links(path: list[str], query: list[str], fragment: str) -> None:
    """Percent-encoding one letter of the host's path sends the same link the long way."""
    link = (
        f"https://outlet.example/{'/'.join(path)}{'?' if query else ''}{'&'.join(query)}{fragment}"
    )
    long = link.replace("outlet.example/", "outlet.example/%7A/")
    short = link.replace("outlet.example/", "outlet.example/z/")
    if canonicalize_url(long).startswith("https://outlet.example/z/"):
        assert links.link_key(short) == links.link_key(long)
