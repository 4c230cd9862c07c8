"""`from packetlab import X` gives what type checkers believe it gives."""

import ast
import importlib
from pathlib import Path

import packetlab


def test_every_public_name_is_told_to_type_checkers_and_loads() -> None:
    tree = ast.parse(Path(packetlab.__file__).read_text())
    told = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("packetlab.")
        for alias in node.names
    }
    assert told == packetlab._HOMES
    for name, home in packetlab._HOMES.items():
        assert getattr(packetlab, name) is getattr(importlib.import_module(home), name)
