"""Asking a background process of our own user: how commands reach a network that is up, or the lab that runs.

One connection is one request. Its answer is the last message, and whoever asks waits for the connection's end: a
process that was asked to end closes it by ending.
"""

import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from packetlab.net.channel import PATIENCE, Channel, Gone, is_same_user, value_of


class Control:
    """A background process, by the name under which it listens (control_server.py), and what to call it in errors."""

    def __init__(self, name: str, what: str, *, absent: str, remedy: str = "") -> None:
        """`what`: "the lab"; `absent`: "no lab is running"; `remedy`: what to try then."""
        self.name, self._what, self._absent, self._remedy = name, what, absent, remedy

    def open(self, request: Mapping[str, Any], files: Sequence[int] = ()) -> Channel:
        """A connection on which the request was sent. Gone where nobody of this user listens."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        channel = Channel(sock)
        try:
            sock.settimeout(PATIENCE)
            sock.connect("\0" + self.name)
            if not is_same_user(sock):
                raise Gone("another user's process listens there")
            channel.send(request, files)
        except BaseException as error:
            channel.close()
            if isinstance(error, OSError):
                raise Gone(self._absent, remedy=self._remedy) from None
            if isinstance(error, Gone):
                raise Gone(f"{self._absent} ({error})", remedy=self._remedy) from None
            raise
        return channel

    def answer(self, channel: Channel, timeout: float | None = None) -> tuple[Any, list[int]]:
        """Waits for the answer: its value and open files. Gone where the process ends first or takes longer (s)."""
        with channel:
            channel.socket.settimeout(timeout)
            try:
                message, files = channel.receive()
            except Gone as error:
                raise Gone(f"{self._what} does not answer: {error}") from None
            try:
                channel.receive()
            except Gone:
                pass
        return value_of(message), files

    def ask(self, request: Mapping[str, Any], timeout: float | None = 60) -> Any:
        """The answer to a request; errors are raised as the other side raised them."""
        value, files = self.answer(self.open(request), timeout)
        for descriptor in files:
            os.close(descriptor)
        return value
