"""The report as an attachment: the page itself, zipped where it is long, none where that is too much."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime

from monitor.digest.letters import MAX_BYTES, Attachment

_PLAIN = 400_000  # bytes of a page that goes as it is
_PACKED = MAX_BYTES * 6 // 10  # a message grows by a third in transport, and the digest needs room


def packed(html: str, as_of: datetime) -> Attachment | None:
    """``report-2026-11-25.html`` or ``….zip``; None for one that no mail should carry."""
    name = f"report-{as_of:%Y-%m-%d}.html"
    data = html.encode()
    if len(data) <= _PLAIN:
        return Attachment(name=name, data=data)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name, as_of.timetuple()[:6]), data, zipfile.ZIP_DEFLATED)
    data = buffer.getvalue()
    if len(data) > _PACKED:
        return None
    return Attachment(name=name.replace(".html", ".zip"), data=data, subtype="zip")
