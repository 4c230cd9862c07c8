"""Virtual networks: topologies in namespaces, the userspace wire, the small servers that hosts run."""

from typing import Any

__all__ = ["Network", "Process", "VirtualHost", "probe"]


def __getattr__(name: str) -> Any:
    # Imported when first used: reading a topology or starting a small server needs none of it.
    if name in ("Network", "VirtualHost"):
        from packetlab.net import network

        return getattr(network, name)
    if name == "Process":
        from packetlab.net.process import Process

        return Process
    if name == "probe":
        from packetlab.net.capabilities import probe

        return probe
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
