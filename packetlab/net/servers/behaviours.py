"""An HTTP handler that behaves as the path asks: slowly, wrongly, or not at all. For labs, and for trying clients.

    /                   a page that names the host and lists these paths
    /echo               the request as JSON; so is everything below /echo/
    /status/503         that status (200 to 599)
    /delay/0.5          waits half a second, then answers; at most 60
    /drip/10/2          ten bytes, spread over two seconds
    /bytes/1000         as many bytes, the same each time; at most 1000000
    /redirect/3         three redirects, one after the other; /redirect/loop never ends
    /chunked/5          five chunks; at most 1000
    /chunked/broken     the second chunk has no size
    /chunked/cut        the last chunk never comes
    /length/long        Content-Length says ten bytes more than there are
    /length/short       Content-Length says ten bytes fewer than there are
    /header/20000       a header field of that many bytes; at most 1000000
    /cut                closes in the middle of the body; /cut/head in the middle of the header
    /reset              resets the connection in the middle of the body
    /never              takes the request and never answers (for a minute; then it closes)
    /close              answers, and closes the connection: no keep-alive
    /nonsense           answers in something that is not HTTP

Everything is bounded in time and size; while one connection waits, others are served.
"""

import json
from collections.abc import Callable, Iterator

from packetlab.net.servers.http_messages import Request, response_head
from packetlab.net.servers.http_responses import CLOSE, RESET, Handler, Part, Response

MOST_BYTES = 1_000_000
MOST_REDIRECTS = 100
MOST_CHUNKS = 1000
LONGEST = 60.0
PAGE = b"0123456789" * 10
"""The body of what goes wrong."""
PATHS = (__doc__ or "").split("\n\n")[1]


def behaviours(name: str = "this server") -> Handler:
    """The handler; `name` is who says so on the front page."""

    def answer(request: Request) -> Response:
        words = request.path.strip("/").split("/")
        if words == [""]:
            text = f"This is {name}.\n\n{PATHS}\n"
            return Response(text.encode(), headers={"Content-Type": "text/plain; charset=utf-8"})
        behave = _TABLE.get(words[0])
        if behave is None:
            return Response(b"there is no such behaviour; / lists them\n", 404)
        try:
            return behave(request, words[1:])
        except (ValueError, IndexError) as error:
            return Response(f"{request.path}: {error or 'wrong'}; / lists what there is\n".encode(), 400)

    return answer


def _number(words: list[str], most: int, what: str) -> int:
    text = words[0] if words else ""
    if not (text.isascii() and text.isdecimal() and len(text) <= 9 and int(text) <= most):
        raise ValueError(f"{what} should be a number up to {most}")
    return int(text)


def _seconds(text: str) -> float:
    if len(text) > 12 or not text.isascii() or not text.replace(".", "", 1).isdecimal() or float(text) > LONGEST:
        raise ValueError(f"seconds should be a number up to {LONGEST:g}")
    return float(text)


def _echo(request: Request, words: list[str]) -> Response:
    told = {"method": request.method, "target": request.target, "version": request.version,
            "headers": dict(request.headers), "length": len(request.body),
            "body": request.body.decode("utf-8", "replace"), "from": request.peer}  # fmt: skip
    return Response((json.dumps(told, indent=2) + "\n").encode(), headers={"Content-Type": "application/json"})


def _status(request: Request, words: list[str]) -> Response:
    status = _number(words, 599, "a status")
    if status < 200:
        raise ValueError("a status should be a number from 200 to 599")
    headers = {"Location": "/"} if 300 < status < 309 and status != 304 else {}
    return Response(b"" if status in (204, 304) else f"{status}\n".encode(), status, headers)


def _delay(request: Request, words: list[str]) -> Response:
    seconds = _seconds(words[0] if words else "")
    return Response(f"{seconds:g} s later\n".encode(), delay=seconds)


def _drip(request: Request, words: list[str]) -> Response:
    count, seconds = _number(words, MOST_BYTES, "the bytes"), _seconds(words[1] if len(words) > 1 else "1")

    def parts() -> Iterator[Part]:
        sent, steps = 0, max(1, min(count, 100))
        for step in range(1, steps + 1):
            until = count * step // steps
            yield _bytes_from(sent, until)
            sent = until
            if step < steps:
                yield seconds / max(1, steps - 1)

    return Response(headers={"Content-Type": "text/plain"}, stream=parts(), length=count)


def _bytes_from(start: int, stop: int) -> bytes:
    return bytes(48 + position % 10 for position in range(start, stop))


def _bytes(request: Request, words: list[str]) -> Response:
    return Response(_bytes_from(0, _number(words, MOST_BYTES, "the bytes")), headers={"Content-Type": "text/plain"})


def _redirect(request: Request, words: list[str]) -> Response:
    if words == ["loop"]:
        return Response(b"again\n", 302, {"Location": "/redirect/loop"})
    left = _number(words, MOST_REDIRECTS, "the redirects")
    if left == 0:
        return Response(b"arrived\n")
    return Response(b"further\n", 302, {"Location": f"/redirect/{left - 1}"})


def _chunked(request: Request, words: list[str]) -> Response:
    head = response_head(200, {"Content-Type": "text/plain", "Transfer-Encoding": "chunked"})
    if words == ["broken"]:
        return Response(raw=(head + b"5\r\nfirst\r\nno size\r\nsecond\r\n0\r\n\r\n",))
    if words == ["cut"]:
        return Response(raw=(head + b"5\r\nfirst\r\n",))
    count = _number(words, MOST_CHUNKS, "the chunks")
    return Response(chunks=tuple(b"chunk %d\n" % number for number in range(1, count + 1)))


def _length(request: Request, words: list[str]) -> Response:
    if words not in (["long"], ["short"]):
        raise ValueError("a length is long or short")
    said = len(PAGE) + (10 if words == ["long"] else -10)
    head = response_head(200, {"Content-Type": "text/plain", "Content-Length": str(said)})
    return Response(raw=(head + PAGE,))


def _header(request: Request, words: list[str]) -> Response:
    return Response(b"see the header\n", headers={"X-Long": "x" * _number(words, MOST_BYTES, "the bytes")})


def _half(request: Request, words: list[str]) -> bytes:
    head = response_head(200, {"Content-Type": "text/plain", "Content-Length": str(len(PAGE))})
    return head[: len(head) // 2] if words == ["head"] else head + PAGE[: len(PAGE) // 2]


def _cut(request: Request, words: list[str]) -> Response:
    return Response(raw=(_half(request, words), CLOSE))


def _reset(request: Request, words: list[str]) -> Response:
    # The reset would overtake what is still on its way.
    return Response(raw=(_half(request, words), 0.1, RESET))


def _never(request: Request, words: list[str]) -> Response:
    return Response(raw=(LONGEST,))


def _finally(request: Request, words: list[str]) -> Response:
    return Response(b"and that is all\n", headers={"Connection": "close"})


def _nonsense(request: Request, words: list[str]) -> Response:
    return Response(raw=(b"220 this is another protocol\r\n\r\n",))


_TABLE: dict[str, Callable[[Request, list[str]], Response]] = {
    "echo": _echo, "status": _status, "delay": _delay, "drip": _drip, "bytes": _bytes, "redirect": _redirect,
    "chunked": _chunked, "length": _length, "header": _header, "cut": _cut, "reset": _reset, "never": _never,
    "close": _finally, "nonsense": _nonsense,
}  # fmt: skip
