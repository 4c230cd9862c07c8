"""The house rules that a program can check: arrows of imports, sockets, sizes, import cost, links."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "packetlab"
MODULES = sorted(PACKAGE.rglob("*.py"))

PROTOCOLS = {"link", "internet", "transport", "application", "protocols"}
RANK = {"model": 0, **dict.fromkeys(PROTOCOLS, 1), "wire": 2,
        **dict.fromkeys(("net", "capture", "analysis", "show", "interop"), 3), "lab": 4, "cli": 5}  # fmt: skip
"""model <- protocols <- wire <- (net, capture, analysis, show, interop) <- lab <- cli."""

ALLOWED = {
    ("wire", "capture"): "the recorder writes what a device saw to a file",
}
"""Arrows against the order, each with its reason; only inside a function, never when the module is imported."""

VERBS = {"__init__", "__main__", "verbs", "protocols"}
"""Modules at the top of the package, which join the parts; they may import anything, inside functions."""


def part_of(path: Path) -> str:
    inside = path.relative_to(PACKAGE)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def imports(path: Path) -> Iterator[tuple[str, bool, int]]:
    """(module, whether at import time, line) of each import, relative ones resolved."""
    tree = ast.parse(path.read_text(), str(path))
    inside_functions: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        ):
            inside_functions |= {id(child) for child in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) not in inside_functions, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield base, id(node) not in inside_functions, node.lineno
            if base == "packetlab":
                for alias in node.names:
                    yield f"packetlab.{alias.name}", id(node) not in inside_functions, node.lineno


def module_id(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", MODULES, ids=module_id)
def test_imports_follow_the_arrows(path: Path) -> None:
    part = part_of(path)
    if part in VERBS:
        return
    assert part in RANK, f"{part} has no place among the parts"
    for name, at_import, line in imports(path):
        assert not name.startswith("."), f"{path}:{line}: imports are absolute"
        if not name.startswith("packetlab."):
            continue
        other = name.split(".")[1]
        if other == part or other not in RANK:
            continue
        good = RANK[other] <= RANK[part] if part not in PROTOCOLS else RANK[other] <= 1
        if not good and not at_import:
            good = (part, other) in ALLOWED
        assert good, f"{module_id(path)}:{line}: {part} must not import {other}"


SOCKET_USERS = {"wire", "net"}
PURE = {"AF_INET", "AF_INET6", "inet_ntop", "inet_pton", "inet_aton", "inet_ntoa", "if_nametoindex", "if_indextoname"}
"""Names of the socket module that open nothing."""


@pytest.mark.parametrize("path", [p for p in MODULES if part_of(p) not in SOCKET_USERS], ids=module_id)
def test_only_wire_and_net_open_sockets(path: Path) -> None:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "socket":
            used = {alias.name for alias in node.names}
            assert used <= PURE, f"{module_id(path)}:{node.lineno}: {used - PURE}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "socket":
            assert node.attr in PURE or not any(name == "socket" for name, _, _ in imports(path)), (
                f"{module_id(path)}:{node.lineno}: socket.{node.attr}"
            )


def test_no_file_is_over_about_500_lines() -> None:
    long = {module_id(path): count for path in MODULES if (count := len(path.read_text().splitlines())) > 510}
    assert not long


@pytest.mark.parametrize("path", [p for p in MODULES if p.read_text().strip()], ids=module_id)
def test_each_module_opens_with_its_strategy(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text()))
    assert text and len(text) > 20, f"{module_id(path)} has no docstring"


HEAVY = {"numpy", "scapy", "pyroute2", "rich", "dpkt", "duckdb", "pyarrow", "lark", "h11", "cryptography", "hypothesis"}


def loaded_by(code: str) -> set[str]:
    probe = f"{code}\nimport sys; print(' '.join(sorted({{m.partition('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.splitlines()[-1].split())


def test_importing_packetlab_loads_nothing_heavy() -> None:
    assert not loaded_by("import packetlab") & (HEAVY | {"click"})


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import io, contextlib\nfrom packetlab.cli.main import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    try: main(['--help'])\n"
        "    except SystemExit: pass"
    )
    assert not loaded_by(code) & HEAVY


def test_a_filter_asked_of_packets_one_by_one_loads_no_numpy() -> None:
    """A lab asks hundreds of them, and is over before NumPy would be there."""
    code = (
        "from packetlab import IPv4, UDP, decapsulate\nfrom packetlab.analysis.filter import parse\n"
        "sent = IPv4(src='10.0.0.1', dst='10.0.0.2') / UDP(src_port=9, dst_port=7) / b'hello'\n"
        "packet = decapsulate(sent.encapsulate(), IPv4)\n"
        "assert parse('udp.payload contains \"hello\" && udp.dstport == 7').matches(packet)"
    )
    assert "numpy" not in loaded_by(code)


def tree() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode == 0 and listing.stdout:
        return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]
    skip = {".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
    return [path for path in ROOT.rglob("*") if path.is_file() and not skip & set(path.parts)]


ONE_MACHINE = re.compile(r"/(?:root|home/(?!USER|you|user\b)\w+|work|opt/pl|Users/\w+)/[\w.]")


def test_no_path_of_one_machine_is_in_the_tree() -> None:
    found = []
    for path in tree():
        if path.suffix in (".pcap", ".pcapng", ".gz", ".png", ".svg") or path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if ONE_MACHINE.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    assert not found, "\n".join(found)


def test_every_relative_link_of_the_readme_resolves() -> None:
    text = re.sub(r"```.*?```", "", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)|<[^>]*(?:src|href)=\"([^\"#]+)\"", text):
        link = target[0] or target[1]
        if "://" not in link and not link.startswith("mailto:"):
            assert (ROOT / link).exists(), f"README.md links to {link}"


def test_the_licence_is_mit() -> None:
    assert "MIT License" in (ROOT / "LICENSE").read_text()
