"""Closing packet sockets without waiting for the kernel.

The kernel ends a packet socket only after every processor has passed a quiet point (packet_release, an RCU grace
period): 10 to 30 ms in `close`, during which nothing else happens. So the descriptor is closed by a thread of its
own, and many at once wait for the same quiet point. Nothing is received any more as far as our caller can tell.
"""

import contextlib
import os
import socket
import threading

_closing: set[threading.Thread] = set()


def close_soon(sock: socket.socket) -> None:
    """Closes it, in the background; closing twice does nothing."""
    descriptor = sock.detach()
    if descriptor < 0:
        return
    thread = threading.Thread(target=_close, args=(descriptor,), name="closes a packet socket", daemon=True)
    _closing.add(thread)
    try:
        thread.start()
    except RuntimeError:  # no more threads, or the interpreter is ending
        _closing.discard(thread)
        os.close(descriptor)


def _close(descriptor: int) -> None:
    os.close(descriptor)
    _closing.discard(threading.current_thread())


def wait_until_closed() -> None:
    """Waits for what is being closed now."""
    for thread in list(_closing):
        with contextlib.suppress(RuntimeError):  # another thread has added it and not started it yet
            thread.join(1)


# A fork while there are threads is what Python warns of.
os.register_at_fork(before=wait_until_closed)
