"""Every golden, cut and noisy ones too, is shown in every view without an exception or a control character."""

import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from packetlab import show
from packetlab.model.packet import Packet, decapsulate
from tests.contracts.registry import mutated
from tests.goldens import GOLDENS

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
VIEWS = [name for name in ("layers", "bytes_view", "figure", "explain", "summary", "as_dict")
         if callable(getattr(show, name, None))]  # fmt: skip


def shown(view: Callable[[Packet], Any], packet: Packet) -> None:
    made = view(packet)
    if isinstance(made, dict):
        assert json.loads(json.dumps(made)) == made
        return
    assert not CONTROL.search(str(made))
    for form in ("_repr_html_", "html", "json", "to_json"):
        method = getattr(made, form, None)
        if callable(method):
            text = method()
            if not isinstance(text, str):
                text = json.dumps(text)
            assert text


def test_there_are_views() -> None:
    assert "layers" in VIEWS and "summary" in VIEWS


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", list(GOLDENS))
def test_a_golden_is_shown(view: str, name: str) -> None:
    data, first, _ = GOLDENS[name]
    chance = random.Random(name + view)
    function = getattr(show, view)
    shown(function, decapsulate(data, first))
    for _ in range(4):
        shown(function, decapsulate(mutated(data, chance), first))
        shown(function, decapsulate(data[: chance.randrange(len(data))], first))
