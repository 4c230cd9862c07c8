"""The bounded form of the fuzz target."""

import pytest

from tests.fuzz import decapsulate


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_frames_raise_nothing_and_come_back_byte_for_byte(seed: int) -> None:
    outcome = decapsulate.run(8, seed, corpus=300, frames=8000)
    assert not outcome.failures, "\n".join(outcome.failures)
    assert outcome.frames > 500
    assert outcome.with_faults
