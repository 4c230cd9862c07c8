"""`packetlab lab watch`: a lab on one screen - its network, the step, every frame as it passes, checked by itself.

`Watcher` follows the lab's background process and knows nothing of screens; `WatchApp` shows it with textual, which
is imported only here. Commands are typed in the screen and run on hosts (commands.py), so a learner needs no second
window; whatever is typed in another one is seen here all the same.
"""

from packetlab.lab.watch.watcher import Watcher

__all__ = ["Watcher", "run_screen"]


def run_screen() -> None:
    """Shows the running lab until the learner leaves. UsageError where none runs."""
    import packetlab.protocols  # noqa: F401
    from packetlab.lab.client import request
    from packetlab.lab.watch.app import WatchApp

    WatchApp(Watcher(request)).run()
