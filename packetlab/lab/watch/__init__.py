"""`packetlab lab watch`: a lab on one screen - its network, the step, every frame as it passes, checked by itself.

`Watcher` follows the lab's background process and knows nothing of screens; `WatchApp` shows it with textual, which
is imported only here. Commands are typed in the screen and run on hosts (commands.py), so a learner needs no second
window; whatever is typed in another one is seen here all the same.
"""

import os
import select
import signal
import sys
import threading
from typing import TYPE_CHECKING

from packetlab.lab.watch.watcher import Watcher

if TYPE_CHECKING:
    from packetlab.lab.watch.app import WatchApp

__all__ = ["Watcher", "run_screen"]


def run_screen() -> None:
    """Shows the running lab until the learner leaves. UsageError where none runs."""
    import packetlab.protocols  # noqa: F401
    from packetlab.lab.client import request
    from packetlab.lab.watch.app import WatchApp

    app = WatchApp(Watcher(request))
    threading.Thread(target=_until_hung_up, args=(app,), daemon=True).start()
    app.run()


def _until_hung_up(app: "WatchApp") -> None:
    """Ends this process when its terminal is gone, as the signal for that would, which does not reach everybody.

    textual would read the end of its input again and again, and wait for ever to write.
    """
    poll = select.poll()
    poll.register(sys.stdin, 0)  # that a terminal has hung up is always reported
    poll.poll()
    if app.command is not None:
        app.command.stop()
    os._exit(128 + signal.SIGHUP)
