"""When an answer is shorter than the page: it has not changed, or only a part is asked for (RFC 9110, 13 and 14)."""

import re
from email.utils import parsedate_to_datetime

from packetlab.net.servers.http_messages import Request

_TAG = re.compile(r'(?:W/)?("[^"]*")')
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
UNSATISFIABLE = (0, 0)


def is_known(request: Request, tag: str, modified: float | None = None) -> bool:
    """Whether the client has this page already: `tag` is its ETag, `modified` its time in seconds since 1970."""
    given = request.headers.get("if-none-match")
    if given is not None:  # section 13.1.3: then "A recipient MUST ignore If-Modified-Since"
        return given.strip() == "*" or tag.removeprefix("W/") in _TAG.findall(given)
    since = request.headers.get("if-modified-since")
    if since is None or modified is None:
        return False
    try:
        return int(modified) <= parsedate_to_datetime(since).timestamp()
    except (ValueError, TypeError, OverflowError):
        return False


def wanted_range(request: Request, length: int, tag: str) -> tuple[int, int] | None:
    """(start, stop) of the one range that is asked for; None for the whole; UNSATISFIABLE where it lies outside.

    What is not understood, and several ranges in one request, mean the whole, as section 14.2 allows.
    """
    match = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if match is None or request.method != "GET" or request.headers.get("if-range", tag) != tag:
        return None
    first, last = match.groups()
    if not first:
        if not last:
            return None
        return (max(0, length - int(last)), length) if int(last) and length else UNSATISFIABLE
    start, stop = int(first), min(length, int(last) + 1) if last else length
    if last and int(last) < int(first):
        return None
    return (start, stop) if start < length else UNSATISFIABLE
