"""The grammar of display filters, and the tree it gives. Syntax only: what names mean is asked in names.py.

After Wireshark's user's guide, section 6.4 (building display filter expressions): comparisons in words and
signs, ranges, sets, slices, bitwise and, `contains`, `matches`, functions, `any` and `all`, not/and/xor/or.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from packetlab.model.errors import UsageError

_GRAMMAR = r"""
?start: or_
?or_: xor_ (OR xor_)*
?xor_: and_ (XOR and_)*
?and_: not_ (AND not_)*
?not_: NOT not_ -> negation
     | "(" or_ ")"
     | test
?test: quantifier? sum_ COMPARE sum_          -> comparison
     | quantifier? sum_ IN "{" [range_ (","? range_)*] "}" -> membership
     | quantifier? sum_ OUTSIDE "{" [range_ (","? range_)*] "}" -> exclusion
     | sum_                                   -> existence
quantifier: ANY | ALL
range_: single (".." single)?
?single: MINUS unit                           -> negative
      | unit
?sum_: product ((PLUS | MINUS) product)*       -> arithmetic
?product: factor ((STAR | SLASH | PERCENT) factor)* -> arithmetic
?factor: signed (AMP signed)*                  -> masking
?signed: MINUS signed                          -> negative
       | unit
?unit: atom slice_*                            -> sliced
slice_: "[" part ("," part)* "]"
part: NUMBER                                   -> one
    | NUMBER COLON NUMBER                      -> length
    | NUMBER COLON                             -> from_
    | COLON NUMBER                             -> up_to
    | NUMBER "-" NUMBER                        -> to
?atom: FUNCTION "(" sum_ ("," sum_)* ")"       -> call
     | "{" sum_ "}"
     | STRING                                  -> string
     | CHARACTER                               -> character
     | WORD LAYER                              -> layered
     | WORD                                    -> word

OR.2: /\|\||or\b/i
XOR.2: /\^\^|xor\b/i
AND.2: /&&|and\b/i
NOT.2: /!(?!=)|not\b/i
IN.2: /in\b/i
ANY.2: /any\b/i
ALL.2: /all\b/i
OUTSIDE.2: /not\s+in\b/i
LAYER: /#\s*(-?\d+|\[[-\d\s,:]+\])/
PLUS: "+"
MINUS: "-"
STAR: "*"
SLASH: "/"
PERCENT: "%"
FUNCTION.3: /(len|lower|upper|count|string|max|min|abs)(?=\s*\()/
COMPARE.2: /===|!==|==|!=|~=|~|>=|<=|>|<|(any_eq|all_eq|any_ne|all_ne|eq|ne|gt|lt|ge|le|contains|matches)\b/i
AMP: /&(?!&)|bitand\b/i
COLON: ":"
NUMBER.1: /-?\d+(?=\s*[\]:,-])/
STRING.3: /r?"(\\.|[^"\\])*"/
CHARACTER: /'(\\.|[^'\\])+'/
WORD: /[0-9A-Za-z_:](?:[0-9A-Za-z_:\/%+]|-(?=\w)|\.(?!\.))*/
%ignore /\s+/
"""

COMPARISONS = {"eq": "==", "any_eq": "==", "===": "all_eq", "ne": "!=", "all_ne": "!=", "~=": "any_ne", "!==": "any_ne",
               "gt": ">", "lt": "<", "ge": ">=", "le": "<=", "~": "matches"}  # fmt: skip


class FilterError(UsageError):
    """A filter that cannot be understood; `column` counts from 1."""

    def __init__(self, text: str, column: int, why: str, remedy: str = "") -> None:
        self.column = column
        pointer = f"\n  {text}\n  {' ' * (column - 1)}^"
        super().__init__(f"the filter cannot be understood at column {column}: {why}{pointer}", remedy=remedy)


@dataclass(frozen=True, slots=True)
class Word:
    """A bare word: the name of a field or protocol, or a value."""

    text: str
    column: int


@dataclass(frozen=True, slots=True)
class Quoted:
    """Text in quotes."""

    text: str
    column: int


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes of a value: (start, stop) pairs, stop None for the rest; negative counts from the end."""

    of: Any
    parts: tuple[tuple[int, int | None], ...]


@dataclass(frozen=True, slots=True)
class Mask:
    """Bitwise and."""

    of: Any
    mask: Any


@dataclass(frozen=True, slots=True)
class Call:
    """A function of one or more values."""

    function: str
    arguments: tuple[Any, ...]
    column: int


@dataclass(frozen=True, slots=True)
class Sum:
    """Two values joined by +, -, *, / or %."""

    of: Any
    sign: str
    other: Any


@dataclass(frozen=True, slots=True)
class Layered:
    """A field or protocol of some layers only: (first, last) counted from 1; from the end where negative."""

    of: Word
    layers: tuple[tuple[int, int | None], ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison; `quantifier` is "any", "all" or "" (as the sign says)."""

    left: Any
    sign: str
    right: Any
    quantifier: str


@dataclass(frozen=True, slots=True)
class Within:
    """Membership of a set of values and ranges (low, high or None)."""

    left: Any
    ranges: tuple[tuple[Any, Any], ...]
    quantifier: str


@dataclass(frozen=True, slots=True)
class Exists:
    """A field or protocol occurs; a masked or sliced value is not zero."""

    of: Any


@dataclass(frozen=True, slots=True)
class Not:
    """Negation."""

    of: Any


@dataclass(frozen=True, slots=True)
class Chain:
    """`and`, `or` or `xor` over several tests."""

    operator: str
    parts: tuple[Any, ...]


@cache
def _parser() -> Any:
    from packetlab.analysis.filter.parser_tables import load

    return load(_GRAMMAR) or built(_GRAMMAR)


def built(grammar: str) -> Any:
    """A parser of a grammar, made anew."""
    from lark import Lark

    return Lark(grammar, parser="lalr", propagate_positions=True)


def read(text: str) -> Any:
    """The tree of a filter; FilterError, with the column, where it is not one."""
    from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

    if not text.strip():
        raise UsageError("the filter is empty", remedy='write one, such as "tcp.port == 80"')
    try:
        tree = _parser().parse(text)
    except UnexpectedToken as error:
        if error.token.type == "$END":
            raise FilterError(text, len(text.rstrip()) + 1, "it ends too early") from None
        raise FilterError(text, error.column, f"{str(error.token)!r} cannot stand here") from None
    except UnexpectedCharacters as error:
        raise FilterError(text, error.column, f"{text[error.column - 1]!r} cannot stand here") from None
    except UnexpectedInput:
        raise FilterError(text, 1, "it is no filter") from None
    try:
        return _node(tree)
    except RecursionError:
        raise UsageError("the filter is nested too deeply") from None


def _node(tree: Any) -> Any:
    kind = getattr(tree, "data", None)
    return _MAKERS[str(kind)](tree.children)


def _chain(operator: str) -> Any:
    def make(children: list[Any]) -> Any:
        parts = tuple(_node(child) for child in children if hasattr(child, "data"))
        return parts[0] if len(parts) == 1 else Chain(operator, parts)

    return make


def _quantified(children: list[Any]) -> tuple[str, list[Any]]:
    first = children[0]
    if getattr(first, "data", None) == "quantifier":
        return str(first.children[0]).lower(), children[1:]
    return "", children


def _comparison(children: list[Any]) -> Compare:
    quantifier, (left, sign, right) = _quantified(children)
    word = str(sign).lower()
    return Compare(_node(left), COMPARISONS.get(word, word), _node(right), quantifier)


def _membership(children: list[Any]) -> Within:
    quantifier, (left, _, *ranges) = _quantified(children)
    pairs = []
    for one in ranges:
        if one is not None:
            ends = [_node(child) for child in one.children]
            pairs.append((ends[0], ends[1] if len(ends) > 1 else None))
    return Within(_node(left), tuple(pairs), quantifier)


def _exclusion(children: list[Any]) -> Not:
    return Not(_membership(children))


def _arithmetic(children: list[Any]) -> Any:
    made = _node(children[0])
    for sign, other in zip(children[1::2], children[2::2], strict=True):
        made = Sum(made, str(sign), _node(other))
    return made


def _negative(children: list[Any]) -> Any:
    inner = _node(children[1])
    if isinstance(inner, Word) and inner.text[:1].isdigit():
        return Word("-" + inner.text, children[0].column)
    return Sum(Word("0", children[0].column), "-", inner)


def _layered(children: list[Any]) -> Layered:
    text = str(children[1])[1:].strip().strip("[]")
    ranges: list[tuple[int, int | None]] = []
    for part in text.replace(" ", "").split(","):
        ends = _LAYERS.fullmatch(part)
        if ends is None:
            raise UsageError(f"#{text} names no layers", remedy="write #1, #[-1], #[1-2], #[2:] or #[1,3]")
        low, sign, high = ends.groups()
        first = int(low) if low else 1
        if not sign:
            ranges.append((first, first))
        elif sign == "-":
            ranges.append((first, int(high)) if high else (first, first))
        else:
            ranges.append((first, first + int(high) - 1 if low else int(high)) if high else (first, None))
    return Layered(Word(str(children[0]), children[0].column), tuple(ranges))


_LAYERS = re.compile(r"(-?\d+)?(?:([-:])(\d+)?)?")


def _masking(children: list[Any]) -> Any:
    parts = [_node(child) for child in children if hasattr(child, "data")]
    made = parts[0]
    for mask in parts[1:]:
        made = Mask(made, mask)
    return made


def _sliced(children: list[Any]) -> Any:
    made = _node(children[0])
    for one in children[1:]:
        made = Slice(made, tuple(_part(str(part.data), [int(n) for n in part.children if n.type == "NUMBER"])
                                 for part in one.children))  # fmt: skip
    return made


def _part(kind: str, numbers: list[int]) -> tuple[int, int | None]:
    if kind == "one":
        return numbers[0], None if numbers[0] == -1 else numbers[0] + 1
    if kind == "length":
        stop = numbers[0] + numbers[1]
        return numbers[0], None if numbers[0] < 0 <= stop else stop
    if kind == "from_":
        return numbers[0], None
    if kind == "up_to":
        return 0, numbers[0]
    return numbers[0], None if numbers[1] == -1 else numbers[1] + 1


def _call(children: list[Any]) -> Call:
    return Call(str(children[0]), tuple(_node(child) for child in children[1:]), children[0].column)


def _string(children: list[Any]) -> Quoted:
    token = str(children[0])
    raw, body = token[0] == "r", token[token.index('"') + 1 : -1]
    return Quoted(body if raw else _unescaped(body), children[0].column)


def _unescaped(body: str) -> str:
    escapes = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}

    def one(match: re.Match[str]) -> str:
        code = str(match.group(1))
        return chr(int(code[1:], 16)) if code[0] == "x" and len(code) == 3 else str(escapes.get(code, code))

    return re.sub(r"\\(x[0-9a-fA-F]{2}|.)", one, body)


_MAKERS = {
    "or_": _chain("or"),
    "xor_": _chain("xor"),
    "and_": _chain("and"),
    "negation": lambda children: Not(_node(children[1])),
    "comparison": _comparison,
    "membership": _membership,
    "exclusion": _exclusion,
    "arithmetic": _arithmetic,
    "negative": _negative,
    "layered": _layered,
    "existence": lambda children: Exists(_node(children[0])),
    "masking": _masking,
    "sliced": _sliced,
    "call": _call,
    "string": _string,
    "character": lambda children: Quoted(_unescaped(str(children[0])[1:-1]), children[0].column),
    "word": lambda children: Word(str(children[0]), children[0].column),
}
