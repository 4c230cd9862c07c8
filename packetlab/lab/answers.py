"""Answers of learners: read as what the question asks for, and compared with what this run's packets say."""

import ipaddress
import math
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from packetlab.lab.evidence import Evidence
from packetlab.lab.format import Question, Step
from packetlab.lab.verdict import NotYet, Statement
from packetlab.model.addresses import mac_bytes, mac_text
from packetlab.model.errors import UsageError

EXAMPLES = {"number": "4", "mac": "02:1f:40:11:22:33", "ip": "10.0.0.2", "yes or no": "yes", "word": "a word"}
KINDS = {"number": "a number", "mac": "a MAC address", "ip": "an IP address", "yes or no": "yes or no"}
_HEX = re.compile(r"0x[0-9a-f]+", re.IGNORECASE)


class Unanswered(UsageError):
    """Not all questions of a step have an answer."""


def read_answer(question: Question, text: str) -> Any:
    """What an answer says, in a form that can be compared; UsageError where it is not of the kind asked for."""
    clean = text.strip()
    try:
        if question.kind == "number":
            number = float(int(clean, 16) if _HEX.fullmatch(clean) else clean.replace("_", ""))
            if not math.isfinite(number):
                raise ValueError("float takes inf and nan, too")
            return number
        if question.kind == "mac":
            return mac_bytes(clean.lower().replace("-", ":"))
        if question.kind == "ip":
            return ipaddress.ip_address(clean)
        if question.kind == "yes or no":
            return {"yes": True, "y": True, "true": True, "no": False, "n": False, "false": False}[clean.lower()]
        if question.kind == "one of":
            begun = [choice for choice in question.choices if choice.lower().startswith(clean.lower())]
            exact = [choice for choice in begun if choice.lower() == clean.lower()]
            return (exact or (begun if clean and len(begun) == 1 else []))[0]
    except (ValueError, OverflowError, UsageError, KeyError, IndexError):
        if question.choices:
            remedy = f"one of {', '.join(question.choices)}"
            raise UsageError(f"{text!r} is no choice for {question.name}", remedy=remedy) from None
        asked, neither = KINDS[question.kind], "neither" if question.kind == "yes or no" else "none"
        words = f"{question.name} asks for {asked}, and {text!r} is {neither}"
        raise UsageError(words, remedy=f"as {EXAMPLES[question.kind]}") from None
    return clean.casefold()


def understood(step: Step, given: Mapping[str, str]) -> dict[str, Any]:
    """All answers of a step; UsageError for unknown names, and Unanswered where one is missing."""
    names = [question.name for question in step.questions]
    for name in given:
        if name not in names:
            raise UsageError(f"{step.id} has no question {name!r}", remedy=f"there are: {', '.join(names)}")
    missing = [name for name in names if not given.get(name, "").strip()]
    if missing:
        whole = [f"{name}={'...' if name in missing else shlex.quote(given[name])}" for name in names]
        raise Unanswered(f"no answer to {' and '.join(missing)}; nothing was judged or sent",
                         remedy=f"all at once: packetlab lab answer {' '.join(whole)}")  # fmt: skip
    return {question.name: read_answer(question, given[question.name]) for question in step.questions}


def in_full(step: Step, given: Mapping[str, str], read: Mapping[str, Any]) -> dict[str, str]:
    """The answers as lab.py compares them with text: 38 for 0x26, yes for Y, a choice that was shortened whole."""
    return {question.name: _in_full(question.kind, given[question.name].strip(), read[question.name])
            for question in step.questions}  # fmt: skip


def _in_full(kind: str, typed: str, read: Any) -> str:
    if kind == "number" and read.is_integer():
        return str(int(read))
    if kind == "mac":
        return mac_text(read)
    if kind == "yes or no":
        return "yes" if read else "no"
    return str(read) if kind in ("ip", "one of") else typed


def as_right(question: Question, right: Any) -> Any:
    """What lab.py says is right, in the same form: bool for yes/no, (low, high) for a range of numbers."""
    if isinstance(right, tuple):
        return right
    if isinstance(right, bool):
        return right
    if question.kind == "mac" and isinstance(right, bytes):
        return right
    return read_answer(question, str(right))


def compare(step: Step, given: Mapping[str, Any], right: Mapping[str, Any], evidence: Evidence,
            diagnose: Callable[..., str | None] | None = None) -> None:  # fmt: skip
    """States for each question whether the answer is right; ends the check at the first that is not."""
    quoted = tuple(dict.fromkeys(frame for statement in evidence.statements for frame in statement.frames))
    for question in step.questions:
        said = given[question.name]
        true = as_right(question, right[question.name])
        good = true[0] <= said <= true[1] if isinstance(true, tuple) else said == true
        typed = evidence.given[question.name]
        if good:
            evidence.statements.append(Statement(True, "", "", f"{question.name} = {typed} is right", quoted[:1]))
            continue
        message = diagnose(evidence, dict(evidence.given), dict(right)) if diagnose else None
        words = f"the answer to: {evidence.fill(question.text)}"
        seen = f"you said {typed}; this run's packets say something else"
        raise NotYet(Statement(False, words, seen, "", quoted), message or "")
