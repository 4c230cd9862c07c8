"""The control channel: who may speak, what travels, what is said when it does not work; and going to the background."""

import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from packetlab.model.errors import PacketLabError, PrivilegeError, UsageError
from packetlab.net.channel import LARGEST, Channel, Gone
from packetlab.net.control import Control
from packetlab.net.control_server import MOST_CLIENTS, Client, ControlServer, Last, Taken
from tests.conftest import OrdinaryUser

Serve = Callable[[Callable[[dict[str, Any], Client], Any]], Control]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[ControlServer] = []

    def start(answer: Callable[[dict[str, Any], Client], Any]) -> Control:
        name = f"packetlab-test-{os.getpid()}-{time.monotonic_ns()}"
        servers.append(ControlServer(name, answer))
        servers[-1].start()
        return Control(name, "the well", absent="no well is dug", remedy="dig")

    yield start
    for server in servers:
        server.close()
        for channel in server._kept:  # elsewhere the end of the process does that
            channel.close()


def test_values_travel_small_and_large(serve: Serve) -> None:
    control = serve(lambda request, client: request["value"])
    for value in (None, [1, "ü", {"a": []}], "x" * 3_000_000):
        assert control.ask({"value": value}) == value
    with pytest.raises(UsageError, match="larger than can be"):
        control.ask({"value": "x" * LARGEST})


def test_an_answer_that_cannot_be_sent_is_said(serve: Serve) -> None:
    with pytest.raises(PacketLabError, match=r"cannot be sent.*larger"):
        serve(lambda request, client: "x" * LARGEST).ask({})
    with pytest.raises(PacketLabError, match=r"cannot be sent.*serializable"):
        serve(lambda request, client: b"bytes").ask({})


@pytest.mark.parametrize("kind", [PacketLabError, UsageError, PrivilegeError])
def test_an_error_keeps_its_cause_remedy_and_exit_code(serve: Serve, kind: type[PacketLabError]) -> None:
    def answer(request: dict[str, Any], client: Client) -> Any:
        raise kind("the rope is short", remedy="tie two")

    with pytest.raises(kind, match="the rope is short") as caught:
        serve(answer).ask({})
    assert caught.value.remedy == "tie two" and caught.value.exit_code == kind.exit_code


def test_an_error_of_the_system_keeps_its_number_and_any_other_is_no_traceback(serve: Serve) -> None:
    def answer(request: dict[str, Any], client: Client) -> Any:
        return Path("/no/such/file").read_text() if request["do"] == "read" else request["no such key"]

    control = serve(answer)
    with pytest.raises(FileNotFoundError):
        control.ask({"do": "read"})
    with pytest.raises(PacketLabError, match="KeyError: 'no such key'"):
        control.ask({"do": "other"})


def test_open_files_travel_in_both_directions(serve: Serve) -> None:
    def answer(request: dict[str, Any], client: Client) -> Any:
        for number, descriptor in enumerate(client.files):
            os.write(descriptor, b"from there %d" % number)
        here, there = socket.socketpair()
        with there:
            there.sendall(b"through a socket")
        return here

    pipes = [os.pipe() for _ in range(3)]
    control = serve(answer)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    value, files = control.answer(control.open({}, [writable for _, writable in pipes]), 10)
    for number, (readable, writable) in enumerate(pipes):
        os.close(writable)
        assert os.read(readable, 100) == b"from there %d" % number
        assert os.read(readable, 100) == b""  # the other side has closed its copy
        os.close(readable)
    assert value is None and len(files) == 1 and not os.get_inheritable(files[0])
    with socket.socket(fileno=files[0]) as opened:
        assert opened.recv(100) == b"through a socket"
    assert len(os.listdir("/proc/self/fd")) <= before - 5  # noqa: PTH208


def test_the_server_knows_when_the_client_is_gone_and_hears_what_it_says(serve: Serve) -> None:
    heard: list[Any] = []
    gone = threading.Event()

    def answer(request: dict[str, Any], client: Client) -> Any:
        while select.select([client], [], [], 10)[0]:
            heard.append(client.hear())
            if heard[-1] is None:
                gone.set()
                break

    channel = serve(answer).open({})
    channel.send({"signal": 2})
    channel.send({"signal": 15})
    channel.close()
    assert gone.wait(10) and heard == [{"signal": 2}, {"signal": 15}, None]


def test_a_process_ends_once_its_last_answer_was_sent(serve: Serve) -> None:
    received, in_order = threading.Event(), []
    control = serve(lambda request, client: Last("farewell", lambda: in_order.append(received.wait(10))))
    channel = control.open({})
    with channel:
        assert channel.receive()[0] == {"ok": "farewell"}
        received.set()
        deadline = time.monotonic() + 10
        while not in_order and time.monotonic() < deadline:
            time.sleep(0.01)
    assert in_order == [True]


def test_errors_say_what_the_caller_calls_it(serve: Serve) -> None:
    absent = Control(f"packetlab-test-nobody-{os.getpid()}", "the well", absent="no well is dug", remedy="dig")
    with pytest.raises(Gone, match=r"^no well is dug$") as caught:
        absent.ask({})
    assert caught.value.remedy == "dig" and caught.value.exit_code == 2
    control = serve(lambda request, client: time.sleep(1))
    with pytest.raises(Gone, match=r"^the well does not answer: it broke off"):
        control.ask({}, timeout=0.05)


def test_a_name_is_one_server_s(serve: Serve) -> None:
    with pytest.raises(Taken):
        ControlServer(serve(lambda request, client: None).name, lambda request, client: None)


def test_what_is_no_message_harms_nobody(serve: Serve) -> None:
    control = serve(lambda request, client: "here")
    for noise in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\xff\xff\xff\xff", b"\0\0\0\4}{}{", b"\0\0\0\2[]", b"\0\0\0\1"):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect("\0" + control.name)
            sock.sendall(noise)
    assert control.ask({}) == "here"


def test_so_many_clients_are_answered_and_the_next_one_is_told(serve: Serve) -> None:
    release = threading.Event()

    def answer(request: dict[str, Any], client: Client) -> Any:
        return release.wait(20)

    control = serve(answer)
    waiting = [control.open({}) for _ in range(MOST_CLIENTS)]
    with pytest.raises(PacketLabError, match=f"{MOST_CLIENTS} commands wait"):
        control.ask({}, timeout=10)
    release.set()
    assert all(control.answer(channel, 10)[0] for channel in waiting)
    assert control.ask({}) is True


SERVER = """
import os, sys, threading
from packetlab.net.control_server import ControlServer
server = ControlServer(sys.argv[1], lambda request, client: "secret")
server.start()
print("ready", flush=True)
sys.stdin.read()
"""


def _speak(name: str) -> str:
    """What a client without any check of its own hears."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect("\0" + name)
        try:
            Channel(sock).send({"do": "describe"})
            return str(Channel(sock).receive()[0])
        except Gone as error:
            return f"Gone: {error}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_another_user_s_process_is_turned_away(ordinary_user: OrdinaryUser) -> None:
    name = f"packetlab-test-{os.getpid()}-{time.monotonic_ns()}"
    with subprocess.Popen([sys.executable, "-c", SERVER, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as server:  # fmt: skip
        assert server.stdout and server.stdout.readline() == "ready\n"
        assert "secret" in _speak(name)
        heard = ordinary_user.call(_speak, name)
        assert heard.startswith("Gone") and "secret" not in heard
        server.communicate("")


LISTENER = """
import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
sock = socket.socket(socket.AF_UNIX)
sock.bind("\\0" + sys.argv[1]); sock.listen()
print("ready", flush=True)
connection, _ = sock.accept()
print(connection.recv(100), flush=True)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_nothing_is_told_to_another_user_s_process_that_listens() -> None:
    name = f"packetlab-test-{os.getpid()}-{time.monotonic_ns()}"
    with subprocess.Popen([sys.executable, "-c", LISTENER, name], stdout=subprocess.PIPE, text=True) as listener:
        assert listener.stdout and listener.stdout.readline() == "ready\n"
        with pytest.raises(Gone, match="another user's process listens there"):
            Control(name, "the well", absent="no well is dug").ask({"do": "describe"})
        assert listener.stdout.readline() == "b''\n"


def background(script: str) -> dict[str, Any]:
    """Runs a script that goes to the background, with warnings as errors; what it prints as JSON."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", "import json, os, sys, time\n"
                           "from packetlab.model.errors import UsageError\n"
                           "from packetlab.net.background import in_background\n" + script],
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    assert done.returncode == 0 and not done.stderr, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_the_process_in_the_background_has_no_terminal_no_files_and_no_parent_of_ours() -> None:
    found = background("""
readable, writable = os.pipe()
os.set_inheritable(writable, True)
def main(ready):
    ready()
    time.sleep(60)
pid = in_background(main)
os.close(writable)
def files():
    try:
        return sorted({os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")})
    except FileNotFoundError:
        return ["one that is just being closed", "others"]
until = time.monotonic() + 15
while len(files()) > 1 and time.monotonic() < until:
    time.sleep(0.01)  # it has said that it is ready, and lets go of where it said so
print(json.dumps({"pid": pid, "session": os.getsid(pid) not in (os.getsid(0), pid), "end": os.read(readable, 1).hex(),
                  "cwd": os.readlink(f"/proc/{pid}/cwd"), "files": files()}))
os.kill(pid, 9)
""")
    assert found["session"] and found["end"] == "" and found["cwd"] == "/" and found["files"] == ["/dev/null"]


def test_what_it_raises_before_it_is_ready_is_raised_here() -> None:
    found = background("""
def main(ready):
    raise UsageError("no way", remedy="another")
try:
    in_background(main)
except UsageError as error:
    print(json.dumps([str(error), error.remedy]))
""")
    assert found == ["no way", "another"]


def test_one_that_dies_and_one_that_takes_too_long_are_told_apart() -> None:
    found = background("""
said = []
for main in (lambda ready: os._exit(3), lambda ready: (time.sleep(0.5), ready(), time.sleep(60))):
    try:
        in_background(main, patience=0.2)
    except Exception as error:
        said.append(str(error))
print(json.dumps(said))
""")
    assert found == ["the process in the background ended before it was ready", "it was not ready after 0.2 s"]
