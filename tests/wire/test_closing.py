"""Packet sockets are closed behind our back: nobody waits, nothing is left, a fork finds no thread."""

import os
import socket
import threading
import time

import pytest

from packetlab.model.errors import NamespaceError
from packetlab.net import Network
from packetlab.wire.closing import close_soon, wait_until_closed
from packetlab.wire.packet_socket import PacketDevice
from tests.conftest import missing


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_a_socket_is_closed_once_and_closing_it_again_does_nothing() -> None:
    sock, other = socket.socketpair()
    with other:
        descriptor = sock.fileno()
        close_soon(sock)
        close_soon(sock)
        wait_until_closed()
        assert sock.fileno() == -1 and not is_open(descriptor)
        assert other.recv(1) == b""


def test_many_packet_sockets_close_in_the_time_of_one_and_a_fork_waits_for_them() -> None:
    network = Network()
    network.host("a", "10.0.0.1/24")
    network.host("b", "10.0.0.2/24")
    network.link("a", "b")
    try:
        network.start()
    except NamespaceError as error:
        missing(f"virtual networks are not there: {error}")
    with network:
        devices = [PacketDevice("eth0", network["a"]) for _ in range(20)]
        descriptors = [device.fileno() for device in devices]
        started = time.perf_counter()
        for device in devices:
            device.close()
        assert time.perf_counter() - started < 0.5
        child = os.fork()  # Python 3.12 and later warn, here an error, where there are other threads
        if child == 0:
            os._exit(sum(thread.name == "closes a packet socket" for thread in threading.enumerate()))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert not any(map(is_open, descriptors))


def test_where_no_thread_can_be_started_it_is_closed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    sock, other = socket.socketpair()
    with other:
        close_soon(sock)
        assert other.recv(1) == b""
