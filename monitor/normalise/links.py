"""Links: absolute, http or https, and the canonical form that tells one page from another. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qsl, urljoin, urlsplit

_CONTROL = re.compile('[\x00-\x20\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\\\\<>"]')
_MOST = 2_048
_SIMPLE = re.compile(
    r"https?://(?P<host>[a-z0-9-]+(?:\.[a-z0-9-]+)+)(?P<path>/[A-Za-z0-9._~/-]*)"
    r"(?:\?(?P<query>[A-Za-z0-9._~=&-]*))?(?:#(?P<fragment>[A-Za-z0-9._~=&-]*))?"
)
_DOTS = re.compile(r"/\.\.?(?:/|$)")
# Parameters that say how a reader came, never what is read.
_TRACKING = frozenset(
    {
        "fbclid", "gclid", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "ysclid", "twclid",
        "igshid", "igsh", "mc_cid", "mc_eid", "mkt_tok", "_hsenc", "_hsmi", "hsctatracking",
        "oly_enc_id", "oly_anon_id", "vero_id", "vero_conv", "wickedid", "rb_clickid", "s_cid",
        "ocid", "ncid", "cmpid", "cmp", "cid", "ito", "ftag", "xtor", "at_medium", "at_campaign",
        "at_custom1", "at_custom2", "at_custom3", "at_custom4", "ns_campaign", "ns_mchannel",
        "ns_source", "ns_linkname", "ns_fee", "from", "ref_src", "ref_url", "referrer", "feature",
        "spm", "scm", "share", "sharetype", "smid", "smtyp", "partner", "source", "src", "rss",
        "maca", "traffic_source", "taid", "guccounter", "guce_referrer", "guce_referrer_sig",
        "phpsessid", "jsessionid", "sid", "sessionid", "aspsessionid", "_ga", "_gl", "amp",
        "output", "syn-25a6b1a6=1", "mod", "soc_src", "soc_trk", "tag", "campaign_id",
    }
)  # fmt: skip
_AMBIGUOUS = frozenset(
    {
        "from",
        "source",
        "src",
        "cid",
        "sid",
        "tag",
        "share",
        "output",
        "mod",
        "rss",
        "cmp",
        "feature",
        "partner",
        "amp",
    }
)
_TRACKING_PREFIXES = ("utm_", "pk_", "mtm_", "piwik_", "hsa_", "ga_", "wt_", "stm_", "itm_", "at_")
_SESSION_PATH = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/?#]*", re.I)
_SLASHES = re.compile("/{2,}")
_INDEX = re.compile(r"/(?:index|default)\.(?:html?|php|aspx?)$")
_INDEXES = (".html", ".htm", ".php", ".asp", ".aspx")
_SUBDOMAIN = re.compile(r"^(?:www\d?|m|amp)\.(?=[^.]+\.)")
_SAME_SITE = ("www", "m.", "amp.")
_DEFAULT_PORTS = {("http", 80), ("https", 443)}


def absolute(link: str, *, base: str) -> str:
    """The link as an absolute http(s) URL, or ""."""
    link = link.strip()
    if not link:
        return ""
    if "\n" in link or "\r" in link or "\t" in link:  # as browsers do; a line break in <link>
        link = re.sub(r"[\r\n\t]+\s*", "", link)
    if _SIMPLE.fullmatch(link) and len(link) <= _MOST:
        return link
    link = _CONTROL.sub(lambda found: f"%{ord(found[0]):02X}" if found[0] in ' <>"\\' else "", link)
    try:
        if link[:5].lower() in ("http:", "https") and not urlsplit(link).netloc:
            return ""
        found = urljoin(base, link) if base else link
        parts = urlsplit(found)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host or len(found) > _MOST:
        return ""
    return found


@lru_cache(maxsize=16_384)  # most links of a poll were in the last one
def link_key(link: str) -> str:
    """The canonical form of an absolute link: the same for the same page; "" = identifies nothing.

    Scheme, ``www.``, default port, order of parameters, tracking, fragment and a last slash do not
    tell pages apart; a fragment that holds a path does.
    """
    if not link:
        return ""
    simple = _SIMPLE.fullmatch(link)
    if simple is not None:
        host, path, query, _ = simple.groups("")
        rest = None if "/." in path and _DOTS.search(path) else _simple_query(query)
        if rest is not None:
            return _key(host, path, rest=rest)
    try:
        parts = urlsplit(link)
        host = (parts.hostname or "").rstrip(".")
        port = parts.port
    except ValueError:
        return ""
    from w3lib.url import canonicalize_url, url_query_cleaner  # when needed: it imports a lot

    names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    tracking = [name for name in names if _is_tracking(name, names)]
    clean = _SESSION_PATH.sub("", link)
    try:
        if tracking:
            clean = url_query_cleaner(
                clean, tracking, remove=True, unique=False, keep_fragments=True
            )
        keep = parts.fragment[:1] in ("!", "/")
        canonical = urlsplit(canonicalize_url(clean, keep_fragments=keep))
    except (ValueError, UnicodeError):
        return ""
    rest = f"?{canonical.query}" if canonical.query else ""
    rest += f"#{canonical.fragment}" if keep and canonical.fragment else ""
    named = "" if port is None or (parts.scheme, port) in _DEFAULT_PORTS else f":{port}"
    return _key(host.lower(), canonical.path, named, rest)


def _simple_query(query: str) -> str | None:
    """Parameters in order, without tracking; None where they need a closer look."""
    if not query:
        return ""
    kept: list[tuple[str, str]] = []
    names: list[str] = []
    parameters = query.split("&")
    for each in parameters:
        name, equals, value = each.partition("=")
        if not name or not equals or "=" in value:
            return None
        if name.startswith("utm_"):
            continue
        if name.lower() in _AMBIGUOUS:  # it depends on the others
            names = names or [other.partition("=")[0] for other in parameters]
        if not _is_tracking(name, names):
            kept.append((name, value))
    if len(kept) > 1:
        kept.sort()
    return "?" + "&".join([f"{name}={value}" for name, value in kept]) if kept else ""


def _key(host: str, path: str, port: str = "", rest: str = "") -> str:
    if "//" in path:
        path = _SLASHES.sub("/", path)
    path = path.rstrip("/")
    if path.endswith(_INDEXES):
        path = _INDEX.sub("", path)
    if not path and not rest:
        return ""  # a home page is no article
    if host.startswith(_SAME_SITE):
        host = _SUBDOMAIN.sub("", host)
    return f"{host}{port}{path}{rest}"[:_MOST]


def _is_tracking(name: str, names: list[str]) -> bool:
    """An ambiguous name ("source", "cid") tells pages apart where it is the only one."""
    low = name.lower()
    if low.startswith(_TRACKING_PREFIXES):
        return True
    if low not in _TRACKING:
        return False
    return low not in _AMBIGUOUS or any(each.lower().startswith("utm_") for each in names)
