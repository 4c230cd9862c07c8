"""The parser's tables that come with packetlab are those of the grammar as it is, and parse as the grammar does."""

import pytest

from packetlab.analysis.filter import grammar, parser_tables

FILTERS = (
    "tcp.port == 80 && !(ip.src == 10.0.0.0/8) || udp", 'http.host contains "x" and len(dns.qry.name) > 3',
    "eth.addr[0:3] == 02:00:00", "tcp.port in {80, 443, 8000..8080}", "any tcp.flags & 0x12 == 0x12", "-1 + 2 * 3 == 5",
)  # fmt: skip


def test_the_tables_are_of_this_grammar() -> None:
    mark = parser_tables.FILE.read_bytes().split(b"\n", 1)[0].split()
    again = "run: python -m packetlab.analysis.filter.parser_tables"
    assert mark[2] == parser_tables.fingerprint(grammar._GRAMMAR).split()[2], again


def test_a_parser_from_tables_gives_the_trees_of_one_that_was_made_of_the_grammar() -> None:
    made, loaded = grammar.built(grammar._GRAMMAR), grammar._parser()
    for text in FILTERS:
        assert loaded.parse(text) == made.parse(text)


def test_tables_of_another_lark_or_grammar_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parser_tables.load(grammar._GRAMMAR + "\n") is None
    monkeypatch.setattr("lark.__version__", "0.1")
    assert parser_tables.load(grammar._GRAMMAR) is None
