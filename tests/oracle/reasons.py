"""Why packetlab and tshark may differ: a table of reasons, each with the check that proves it on the packet.

A reason that explains everything explains nothing: the check looks at the field, at both values and at the
packet. What no check accepts is a difference without a reason, and fails the comparison.
"""

from collections.abc import Callable
from typing import Any


def _same(difference: Any, *names: str) -> bool:
    return difference.name in names


REASONS: list[tuple[str, Callable[[Any], bool]]] = []
"""(reason, check of a Difference), the first that fits is given."""


def reason_for(difference: Any) -> str:
    """The first reason whose check accepts the difference; empty where there is none."""
    return next((text for text, check in REASONS if check(difference)), "")
