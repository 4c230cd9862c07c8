"""Lines of frames that are longer than a terminal is wide: what is about the frame above, its facts together below."""

import re
import textwrap

_FACT = re.compile(r" (?=[a-z][\w-]*=)")
_TOGETHER = re.compile(r"(?<=\d) (?=bytes?\b)|(?<=[A-Z]) (?=[A-Z ]+\])")
"""Blanks within "56 bytes" and "[SYN ACK]": half of either, alone in a line, says nothing."""
_HELD = "\N{NO-BREAK SPACE}"


def parted(line: str) -> tuple[str, str]:
    """A line, divided before its first fact (`seq=1`); the second part is "" where there is none."""
    found = _FACT.search(line)
    return (line[: found.start()], line[found.end() :]) if found else (line, "")


def folded(line: str, width: int, hang: int) -> list[str]:
    """Lines of at most `width`, a longer word being broken; those below the first are indented by `hang` blanks."""
    if len(line) <= width:
        return [line]
    head, facts = parted(line)
    if not facts or len(head) > width:
        return _filled(line, width, "", hang)
    return [head, *_filled(facts, width, " " * hang, hang)]


def _filled(text: str, width: int, first: str, hang: int) -> list[str]:
    held = _TOGETHER.sub(_HELD, text)
    lines = textwrap.wrap(held, width, initial_indent=first, subsequent_indent=" " * hang, break_on_hyphens=False)
    return [each.replace(_HELD, " ") for each in lines]
