"""Reading labs."""

from pathlib import Path

from packetlab.lab.format import read_lab

LAB = """---
id: sample
title: A sample
concepts: [1]
minutes: 5
values:
  lan: network
  count: number 100 to 900
net:
  hosts:
    h1: {lan.h1}/24
    h2: {lan.h2}/24
  links: [h1 -- h2]
steps:
  guess: {kind: predict, ask: {much: (number) How much is {count} here?}}
  look:
    kind: predict
    ask:
      who: (ip) Who is in {lan}, {h1.ip} or {lan.h2}?
---
Introduction.

## guess: One
Text.

## look: Two
Text.
"""


def test_questions_name_the_values_of_the_attempt_and_not_those_of_another(tmp_path: Path) -> None:
    folder = tmp_path / "sample"
    folder.mkdir()
    (folder / "lab.md").write_text(LAB)
    lab = read_lab(folder)
    asked = [question.text for step in lab.steps for question in step.questions]
    assert asked == ["How much is {count} here?", "Who is in {lan}, {h1.ip} or {lan.h2}?"]
    for seed in (1, 2):
        values, _ = lab.values(seed)
        assert values.fill(asked[0]) == f"How much is {values.text('count')} here?"
    assert lab.values(1)[0].text("count") != lab.values(2)[0].text("count")
