"""Filters and columns against tshark, on a sample; in full: python -m tests.oracle.display_filters, ...columns."""

from pathlib import Path

import pytest

from tests.oracle import columns, display_filters
from tests.oracle.filter_expressions import EXPRESSIONS
from tests.oracle.tshark_fields import corpus_files


@pytest.mark.needs("tshark")
def test_filters_select_the_frames_that_tshark_selects(corpora: Path) -> None:
    del corpora
    outcome = display_filters.compare(corpus_files(every=60), EXPRESSIONS[::40])
    assert outcome.expressions > 12 and outcome.equal > 300
    assert not outcome.differences and not outcome.not_understood


@pytest.mark.needs("tshark")
def test_columns_hold_what_tshark_prints(corpora: Path) -> None:
    del corpora
    (row,) = columns.verdict(every=60)
    assert row.equal > 10_000 and not row.unexplained, row.example


def test_a_difference_without_a_reason_is_one() -> None:
    assert len(EXPRESSIONS) > 600
    assert columns.same("ip.ttl", [64], ["64"]) and columns.same("eth.type", [2048], ["0x0800"])
    assert not columns.same("ip.ttl", [64], ["63"]) and not columns.same("tcp.port", [80, 80], ["80"])
