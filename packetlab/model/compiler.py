"""Turns a declaration into code: one generated `__new__`, `_decode` and `_assemble` per header class.

Fields of fixed width that follow each other form a *run*, read and written with one `struct` call; fields
narrower than their neighbours share a *word* of the run. Fields of variable length and conditional fields
end a run. The source of each function goes to `linecache`, so that tracebacks and debuggers show it.

The generated code handles sound bytes only. Whatever does not fit (a cut header, a value out of range) goes
to the readable, slower code in model/trace.py and to `_refuse` below, so the fast path stays short.
"""

import linecache
import struct
from dataclasses import dataclass
from typing import Any

from packetlab.model.errors import UsageError
from packetlab.model.fault import CUT, Fault
from packetlab.model.fields import (
    REQUIRED,
    Checksum,
    Count,
    FieldSpec,
    FixedBytes,
    Key,
    Length,
    NeedMore,
    NextProtocol,
    UInt,
    bits_from_text,
)

_CODES = {8: "B", 16: "H", 32: "I", 64: "Q"}


@dataclass
class Word:
    """One struct item: the fields that share it, most significant first, and its size in bytes."""

    fields: list[FieldSpec]
    size: int
    code: str


@dataclass
class Run:
    """Words of fixed size in a row, all present or all absent."""

    words: list[Word]
    little: bool
    when: Any

    @property
    def size(self) -> int:
        return sum(word.size for word in self.words)

    @property
    def format(self) -> str:
        return ("<" if self.little else "!") + "".join(word.code for word in self.words)


@dataclass
class Loose:
    """One field of variable length."""

    spec: FieldSpec


Part = Run | Loose


def layout(cls: Any) -> list[Part]:
    """The runs and variable fields of a header, in order."""
    parts: list[Part] = []
    word: list[FieldSpec] = []
    bits = 0
    for spec in cls.fields:
        if spec.kind is None:
            _whole(cls, word, bits)
            parts.append(Loose(spec))
            continue
        little = isinstance(spec.kind, UInt) and spec.kind.little
        last = parts[-1] if parts else None
        if not word and not (isinstance(last, Run) and last.little == little and last.when is spec.when):
            last = Run([], little, spec.when)
            parts.append(last)
        run = parts[-1]
        assert isinstance(run, Run)
        word.append(spec)
        bits += spec.kind.bits
        if bits % 8 == 0:
            size = bits // 8
            plain = isinstance(spec.kind, UInt) and bits in _CODES
            run.words.append(Word(word, size, _CODES[bits] if plain else f"{size}s"))
            word, bits = [], 0
    _whole(cls, word, bits)
    return parts


def _whole(cls: Any, word: list[FieldSpec], bits: int) -> None:
    if word:
        raise TypeError(f"{cls.__name__}: the fields up to {word[-1].name} end inside a byte ({bits} bits)")


def minimum_size(cls: Any) -> int:
    """The fewest bytes a header of this class can have."""
    total = 0
    for part in layout(cls):
        if isinstance(part, Run):
            total += part.size if part.when is None else 0
        elif part.spec.variable is not None:
            total += part.spec.variable.minimum if part.spec.when is None else 0
    return total


def install_trampolines(cls: Any) -> None:
    """Until a class is first used its codec is a function that compiles it."""

    def decode(data: bytes, pos: int, end: int, faults: list[Fault]) -> Any:
        compile_codec(cls)
        return cls._decode(data, pos, end, faults)

    def assemble(self: Any, body: bytes, layers: Any, index: int) -> bytes:
        compile_codec(cls)
        return cls._assemble(self, body, layers, index)  # type: ignore[no-any-return]

    def new(klass: Any, **values: Any) -> Any:
        compile_codec(cls)
        return cls.__new__(klass, **values)

    cls._decode = staticmethod(decode)
    cls._assemble = assemble
    cls.__new__ = staticmethod(new)


def compile_codec(cls: Any) -> None:
    """Generate and install `__new__`, `_decode` and `_assemble` of one class."""
    from packetlab.model.trace import decode_slowly

    _check_names(cls)
    writer = _Writer(cls)
    source = writer.source()
    filename = f"<packetlab codec of {cls.__module__}.{cls.__qualname__}>"
    scope = writer.scope | {"decode_slowly": decode_slowly}
    exec(compile(source, filename, "exec"), scope)  # noqa: S102 - our own source, made of declarations
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    cls._decode = staticmethod(scope["decode"])
    cls._assemble = scope["assemble"]
    cls.__new__ = staticmethod(scope["new"])
    if cls.pseudo and "pseudo_sum" not in cls.__dict__:
        cls.pseudo_sum = scope["own_pseudo_sum"]


def _check_names(cls: Any) -> None:
    for spec in cls.fields:
        if spec.fill is not None and isinstance(spec.fill, Key) and not cls.family:
            raise TypeError(f"{cls.__name__}.{spec.name} is a key, but the class has no family")


# ---------------------------------------------------------------- helpers that generated code calls


def _number(value: Any, spec: FieldSpec, cls: Any) -> int:
    """An int that fits its field, of whatever the caller gave; raises UsageError."""
    bits = spec.kind.bits if isinstance(spec.kind, UInt) else 0
    if isinstance(value, str):
        if spec.bits:
            return bits_from_text(value, spec.bits)
        named = [number for number, name in (spec.values or {}).items() if name.split(":")[0].lower() == value.lower()]
        if not named:
            raise UsageError(f"{cls.__name__}.{spec.name} is a number, not {value!r}")
        return named[0]
    try:
        number = value.__index__()
    except AttributeError:
        raise UsageError(f"{cls.__name__}.{spec.name} is a number, not {value!r}") from None
    if not 0 <= number < 1 << bits:
        raise UsageError(
            f"{cls.__name__}.{spec.name} = {number} does not fit its {bits} bits",
            remedy=f"give a number from 0 to {(1 << bits) - 1}",
        )
    return int(number)


def _numbers(cls: Any, values: dict[str, Any]) -> list[Any]:
    """The slow way through the integer fields of a constructor, after the quick check failed."""
    return [
        value if value is None and cls.spec(name).fill is not None else _number(value, cls.spec(name), cls)
        for name, value in values.items()
    ]


def next_key(carrier: Any, inside: Any, otherwise: int) -> int:
    """The number under which a class, or the family it is of, rides on `carrier`."""
    for klass in inside.__mro__ if inside is not None else ():
        if klass in carrier.keys:
            return carrier.keys[klass]  # type: ignore[no-any-return]
    return otherwise


def pseudo_sum(layers: Any, index: int) -> int:
    """The sum of the addresses of the nearest layer outside that has some (RFC 768, RFC 8200 section 8.1)."""
    while index > 0:
        index -= 1
        outer = layers[index]
        if outer.pseudo:
            return outer.pseudo_sum(layers, index)  # type: ignore[no-any-return]
    return 0


def _refuse(cls: Any, header: Any, error: Exception) -> bytes:
    """A value that cannot be encoded: either the header is cut, or our caller gave something odd."""
    from packetlab.model.trace import encode_cut

    if header.is_cut:
        return encode_cut(header)
    raise UsageError(f"{header!r} cannot be encoded: {error}") from error


# ---------------------------------------------------------------- the generator


class _Writer:
    def __init__(self, cls: Any) -> None:
        self.cls = cls
        self.parts = layout(cls)
        self.specs: tuple[FieldSpec, ...] = cls.fields
        self.index = {spec.name: number for number, spec in enumerate(self.specs)}
        self.scope: dict[str, Any] = {
            "cls": cls,
            "Draft": cls.draft,
            "new_object": object.__new__,
            "CUT": CUT,
            "NeedMore": NeedMore,
            "numbers": _numbers,
            "refuse": _refuse,
            "next_key": next_key,
            "pseudo_sum_of": pseudo_sum,
            "struct_error": struct.error,
            # A field may be called `type`: inside the constructor built-ins have other names.
            "type_of": type,
            "length_of": len,
            "REQUIRED": REQUIRED,
        }
        self.lines: list[str] = []
        for number, part in enumerate(self.parts):
            if isinstance(part, Run):
                compiled = struct.Struct(part.format)
                self.scope[f"unpack_{number}"] = compiled.unpack_from
                self.scope[f"pack_{number}"] = compiled.pack
                self.scope[f"when_{number}"] = part.when
        for number, spec in enumerate(self.specs):
            self.scope[f"default_{number}"] = spec.default
            self.scope[f"when_field_{number}"] = spec.when
            if spec.variable is not None:
                self.scope[f"take_{number}"] = spec.variable.take
                self.scope[f"build_{number}"] = spec.variable.build
                self.scope[f"convert_{number}"] = spec.variable.convert
            elif isinstance(spec.kind, FixedBytes):
                self.scope[f"convert_{number}"] = spec.kind.convert

    def out(self, line: str) -> None:
        self.lines.append(line)

    def source(self) -> str:
        self.write_new()
        self.write_decode()
        self.write_assemble()
        if self.cls.pseudo:
            self.scope["from_bytes"] = int.from_bytes
            self.out("def own_pseudo_sum(h, layers, index):")
            self.out(f"    return from_bytes({' + '.join('h.' + name for name in self.cls.pseudo)}, 'big')")
        return "\n".join(self.lines) + "\n"

    # ---- construction

    def write_new(self) -> None:
        parameters = []
        for number, spec in enumerate(self.specs):
            if isinstance(spec.fill, Key):
                keys = self.cls.family_keys
                self.scope[f"default_{number}"] = keys[0] if keys else None
                parameters.append(f"{spec.name}=" + (f"default_{number}" if len(keys) == 1 else "REQUIRED"))
            elif spec.default is REQUIRED:
                parameters.append(spec.name)
            else:
                parameters.append(f"{spec.name}=default_{number}")
        if self.cls.has_excess:
            parameters.append("excess=b''")
        star = ", *" if parameters else ""
        self.out(f"def new(klass, /{star}{''.join(', ' + p for p in parameters)}):")
        for spec in self.specs:
            if isinstance(spec.fill, Key) and len(self.cls.family_keys) != 1:
                self.out(f"    if {spec.name} is REQUIRED: raise TypeError('{self.cls.__name__}() needs {spec.name}=')")
        plain = [spec for spec in self.specs if isinstance(spec.kind, UInt)]
        by_width: dict[int, list[FieldSpec]] = {}
        for spec in plain:
            if spec.default is not None:
                by_width.setdefault(spec.kind.bits, []).append(spec)  # type: ignore[union-attr]
        tests = [f"({' | '.join(s.name for s in specs)}) >> {bits}" for bits, specs in by_width.items()]
        tests += [
            f"{s.name} is not None and {s.name} >> {s.kind.bits}"  # type: ignore[union-attr]
            for s in plain
            if s.default is None
        ]
        if plain:
            names = ", ".join(spec.name for spec in plain)
            given = "{" + ", ".join(f"{spec.name!r}: {spec.name}" for spec in plain) + "}"
            self.out("    try:")
            self.out(f"        odd_ = {' or '.join(tests)}")
            self.out("    except TypeError:")
            self.out("        odd_ = True")
            self.out("    if odd_:")
            self.out(f"        {names}, = numbers(klass, {given})")
        for number, spec in enumerate(self.specs):
            if isinstance(spec.kind, FixedBytes):
                self.out(f"    if type_of({spec.name}) is not bytes or length_of({spec.name}) != {spec.kind.size}:")
                self.out(f"        {spec.name} = convert_{number}({spec.name})")
            elif spec.variable is not None:
                same = f"{spec.name} is not default_{number}"
                self.out(f"    if {same}: {spec.name} = convert_{number}({spec.name})")
        self.out("    made_ = new_object(Draft)")
        for spec in self.specs:
            self.out(f"    made_.{spec.slot} = {spec.name}")
        if self.cls.has_excess:
            self.out("    made_.excess = excess")
        self.out("    made_.__class__ = klass")
        self.out("    return made_")

    # ---- decoding

    def write_decode(self) -> None:
        cls = self.cls
        self.out("def decode(data, pos, end, faults):")
        if cls.rebase:
            self.out("    if pos:")
            self.out("        mine = []")
            self.out("        h, at, body_end, next_class = decode(data[pos:end], 0, end - pos, mine)")
            self.out("        if mine: faults.extend(shifted(mine, pos))")
            self.out("        return h, at + pos, body_end + pos, next_class")
            from packetlab.model.trace import shifted

            self.scope["shifted"] = shifted
        late = self.looks_up_next()
        if cls.variant is not None:
            self.scope["variant"] = cls.variant
        if cls.variant is not None and not late:
            self.out("    other = variant(data, pos, end)")
            self.out("    if other is not None: return other._decode(data, pos, end, faults)")
        if cls.family and cls.family_base is cls:
            self.write_family()
        minimum = minimum_size(cls)
        self.out(f"    if end - pos < {minimum}: return decode_slowly(cls, data, pos, end, faults)")
        self.out("    h = new_object(Draft)")
        guarded = any(isinstance(part, Loose) or part.when is not None for part in self.parts)
        bounded = [spec for spec in self.specs if _bounds(spec)]
        indent = "    "
        if guarded:
            self.out("    try:")
            indent = "        "
        at: int | None = 0  # distance from pos while everything so far has a fixed size
        limited = False
        for number, part in enumerate(self.parts):
            here = (f"pos + {at}" if at else "pos") if at is not None else "at"
            if isinstance(part, Run):
                inner = indent
                if part.when is not None:
                    if at is not None:
                        self.out(f"{indent}at = {here}")
                        at, here = None, "at"
                    self.out(f"{indent}if when_{number}(h):")
                    inner = indent + "    "
                    limit = "limit" if limited else "end"
                    self.out(f"{inner}if at + {part.size} > {limit}: raise NeedMore({part.size}, {limit} - at)")
                elif at is None:
                    limit = "limit" if limited else "end"
                    self.out(f"{inner}if at + {part.size} > {limit}: raise NeedMore({part.size}, {limit} - at)")
                self.write_run(number, part, here, inner)
                if at is not None:
                    at += part.size
                else:
                    self.out(f"{inner}at += {part.size}")
                if part.when is not None:
                    self.out(f"{indent}else:")
                    self.out(f"{indent}    " + " = ".join(f"h.{s.slot}" for w in part.words for s in w.fields) + " = 0")
            else:
                spec, index = part.spec, self.index[part.spec.name]
                limit = "limit" if limited else "end"
                inner = indent
                if spec.when is not None:
                    if at is not None:
                        self.out(f"{indent}at = {here}")
                        at, here = None, "at"
                    self.out(f"{indent}if when_field_{index}(h):")
                    inner = indent + "    "
                if spec.variable is not None and spec.variable.lazy:
                    self.out(f"{inner}h.{spec.slot} = data[{here}:{limit}]")
                    self.out(f"{inner}at = {limit}")
                else:
                    self.out(f"{inner}h.{spec.slot}, at = take_{index}(data, {here}, {limit}, h, faults)")
                at = None
                if spec.when is not None:
                    self.out(f"{indent}else:")
                    self.out(f"{indent}    h.{spec.slot} = default_{index}")
            for spec in bounded:
                if not limited and self._is_in(part, spec):
                    self.write_header_limit(spec, at, indent)
                    limited = True
        if at is not None:
            self.out(f"{indent}at = pos + {at}" if at else f"{indent}at = pos")
        if guarded:
            self.out("    except NeedMore:")
            self.out("        return decode_slowly(cls, data, pos, end, faults)")
        if limited:
            if cls.has_excess:
                self.out("    h.excess = data[at:limit] if at < limit else b''")
            self.out("    at = limit" if cls.has_excess else "    if at < limit: at = limit")
        for spec in self.specs:
            if spec.expect is not None:
                self.out(f"    if h.{spec.name} != {spec.expect}: return decode_slowly(cls, data, pos, end, faults)")
        self.write_body_end()
        self.write_next()
        if cls.variant is not None and late:
            # Bytes whose next protocol is known are of this class: only others are asked about, which is cheap.
            self.out("    if next_class is None:")
            self.out("        other = variant(data, pos, end)")
            self.out("        if other is not None: return other._decode(data, pos, end, faults)")
        self.out("    h.__class__ = cls")
        self.out("    return h, at, body_end, next_class")

    def looks_up_next(self) -> bool:
        """Whether a field's value says which header follows."""
        return any(isinstance(spec.fill, NextProtocol) for spec in self.specs)

    def _is_in(self, part: Part, spec: FieldSpec) -> bool:
        if isinstance(part, Loose):
            return part.spec is spec
        return any(spec is one for word in part.words for one in word.fields)

    def write_family(self) -> None:
        """Look at the key field, at its fixed offset, and hand over to the member of that key."""
        at = 0
        for part in self.parts:
            if isinstance(part, Loose):
                return  # the key is behind something variable: `variant` chooses
            for word in part.words:
                if word.fields[0].name == self.cls.family and len(word.fields) == 1:
                    self.scope["members"] = self.cls.members
                    self.out(f"    if end - pos >= {at + word.size}:")
                    read = f"data[pos + {at}]" if word.size == 1 else (
                        f"int.from_bytes(data[pos + {at}:pos + {at + word.size}], "
                        f"{'little' if part.little else 'big'!r})"
                    )
                    self.out(f"        member = members.get({read})")
                    self.out("        if member is not None and member is not cls:")
                    self.out("            return member._decode(data, pos, end, faults)")
                    return
                at += word.size

    def write_run(self, number: int, run: Run, here: str, indent: str) -> None:
        targets, after = [], []
        for count, word in enumerate(run.words):
            first = word.fields[0]
            if len(word.fields) == 1 and (word.code[-1] != "s" or isinstance(first.kind, FixedBytes)):
                targets.append(f"h.{first.slot}")
                continue
            name = f"w{count}"
            targets.append(name)
            if word.code[-1] == "s":
                order = "little" if run.little else "big"
                after.append(f"{name} = from_bytes({name}, {order!r})")
                self.scope["from_bytes"] = int.from_bytes
            shift = word.size * 8
            for spec in word.fields:
                bits = spec.kind.bits  # type: ignore[union-attr]
                shift -= bits
                value = f"{name} >> {shift}" if shift else name
                if shift + bits < word.size * 8:
                    value = f"{value} & {hex((1 << bits) - 1)}"
                after.append(f"h.{spec.slot} = {value}")
        if targets:
            self.out(f"{indent}{', '.join(targets)}, = unpack_{number}(data, {here})")
        for line in after:
            self.out(indent + line)

    def write_header_limit(self, spec: FieldSpec, at: int | None, indent: str) -> None:
        fill = spec.fill
        assert isinstance(fill, Length)
        here = (f"pos + {at}" if at else "pos") if at is not None else "at"
        start = "pos" if fill.counts == "header" else here
        if fill.counts == "after":
            # The bytes counted begin behind the length field itself, wherever its run ends.
            behind = self._bytes_behind(spec)
            start = f"{here} - {behind}" if behind else here
        amount = f"h.{spec.name}" + (f" * {fill.unit}" if fill.unit != 1 else "") + (f" + {fill.plus}" if fill.plus else "")
        self.out(f"{indent}limit = {start} + {amount}")
        zero = f"h.{spec.name} == 0" if fill.zero_is_rest else ""
        if zero:
            self.out(f"{indent}if {zero}: limit = end")
        self.out(f"{indent}if limit > end or limit < {here}: return decode_slowly(cls, data, pos, end, faults)")

    def _bytes_behind(self, spec: FieldSpec) -> int:
        for part in self.parts:
            if isinstance(part, Run):
                seen, behind = False, 0
                for word in part.words:
                    if seen:
                        behind += word.size
                    seen = seen or any(spec is one for one in word.fields)
                if seen:
                    return behind
        return 0

    def write_body_end(self) -> None:
        self.out("    body_end = end")
        for spec in self.specs:
            fill = spec.fill
            if not isinstance(fill, Length) or fill.counts not in ("header+body", "body"):
                continue
            start = "pos" if fill.counts == "header+body" else "at"
            amount = f"h.{spec.name}" + (f" * {fill.unit}" if fill.unit != 1 else "") + (f" + {fill.plus}" if fill.plus else "")
            condition = f"h.{spec.name}" if fill.zero_is_rest else "True"
            self.out(f"    if {condition}:")
            self.out(f"        body_end = {start} + {amount}")
            self.out("        if body_end > end or body_end < at: return decode_slowly(cls, data, pos, end, faults)")

    def write_next(self) -> None:
        cls = self.cls
        key = next((spec for spec in self.specs if isinstance(spec.fill, NextProtocol)), None)
        if cls.body is not None:
            self.scope["body_class"] = cls.body
            choose = "body_class"
        elif key is not None or cls.next_by:
            self.scope["table"] = cls.table
            names = [key.name] if key is not None else list(cls.next_by)
            choose = " or ".join(f"table.get(h.{name})" for name in names)
        else:
            self.out("    next_class = None")
            return
        self.out(f"    next_class = {choose} if at < body_end else None")
        if cls.next_by:
            self.scope["guesses"] = cls.guesses
            self.out("    if next_class is not None:")
            self.out("        accepts = next_class.accepts")
            self.out("        if accepts is not None and not accepts(data, at, body_end): next_class = None")
            self.out("    if next_class is None and at < body_end:")
            self.out("        for guess in guesses:")
            self.out("            if guess.accepts(data, at, body_end):")
            self.out("                next_class = guess")
            self.out("                break")
        if isinstance(cls.opaque, str):
            self.out(f"    if h.{cls.opaque}: next_class = None")
        elif cls.opaque is not None:
            self.scope["opaque"] = cls.opaque
            self.out("    if opaque(h): next_class = None")

    # ---- encoding

    def write_assemble(self) -> None:
        cls = self.cls
        self.out("def assemble(h, body, layers, index):")
        self.out("    try:")
        pad = "        "
        for number, spec in enumerate(self.specs):
            if spec.variable is None:
                continue
            value = f"h.{spec.slot}"
            build = f"build_{number}({value}, h)"
            if spec.variable.lazy:
                build = f"{value} if type({value}) is bytes else {build} if {value} else b''"
            if spec.when is not None:
                build = f"({build}) if when_field_{number}(h) else b''"
            self.out(f"{pad}v{number} = {build}")
        self.write_sizes(pad)
        for number, spec in enumerate(self.specs):
            self.write_fill(number, spec, pad)
        checksum = next((spec for spec in self.specs if isinstance(spec.fill, Checksum)), None)
        pieces = []
        for number, part in enumerate(self.parts):
            if isinstance(part, Loose):
                pieces.append(f"v{self.index[part.spec.name]}")
                continue
            packed = f"pack_{number}({', '.join(self.word_value(word, part) for word in part.words)})"
            pieces.append(packed if part.when is None else f"({packed} if when_{number}(h) else b'')")
        if cls.has_excess:
            pieces.append("h.excess")
        self.out(f"{pad}head = {' + '.join(pieces) if pieces else repr(b'')}")
        if checksum is None:
            self.out(f"{pad}return head + body")
        else:
            self.write_checksum(checksum, pad)
        self.out("    except (struct_error, TypeError, AttributeError, OverflowError) as error:")
        self.out("        return refuse(cls, h, error) + body")

    def write_sizes(self, pad: str) -> None:
        if not any(isinstance(spec.fill, Length | Checksum) for spec in self.specs):
            return
        fixed, loose = 0, []
        for number, part in enumerate(self.parts):
            if isinstance(part, Loose):
                loose.append(f"len(v{self.index[part.spec.name]})")
            elif part.when is None:
                fixed += part.size
            else:
                loose.append(f"({part.size} if when_{number}(h) else 0)")
        if self.cls.has_excess:
            loose.append("len(h.excess)")
        self.out(f"{pad}size = {' + '.join([str(fixed), *loose])}")

    def write_fill(self, number: int, spec: FieldSpec, pad: str) -> None:
        fill = spec.fill
        if fill is None:
            return
        name = f"f_{spec.name}"
        self.out(f"{pad}{name} = h.{spec.name}")
        if isinstance(fill, Length):
            counted = {
                "header": "size",
                "body": "len(body)",
                "header+body": "size + len(body)",
                "after": f"size - {self._fixed_up_to(spec)}",
            }.get(fill.counts)
            if counted is None:
                counted = f"len(v{self.index[fill.counts.removeprefix('fields:')]})"
            if fill.plus:
                counted = f"{counted} - {fill.plus}"
            if fill.unit != 1:
                counted = f"-(-({counted}) // {fill.unit})"
            self.out(f"{pad}if {name} is None: {name} = {counted}")
        elif isinstance(fill, Count):
            self.out(f"{pad}if {name} is None: {name} = len(h.{fill.of})")
        elif isinstance(fill, NextProtocol):
            self.out(f"{pad}if {name} is None:")
            self.out(f"{pad}    inside = type(layers[index + 1]) if index + 1 < len(layers) else None")
            self.out(f"{pad}    {name} = keys.get(inside)")
            self.out(f"{pad}    if {name} is None: {name} = next_key(cls, inside, {fill.otherwise})")
            self.scope["keys"] = self.cls.keys
        elif isinstance(fill, Checksum):
            self.out(f"{pad}wanted = {name} is None")
            self.out(f"{pad}if wanted: {name} = 0")

    def _fixed_up_to(self, spec: FieldSpec) -> str:
        """Bytes of the header up to and with `spec`, as an expression."""
        total, loose = 0, []
        for part in self.parts:
            if isinstance(part, Loose):
                loose.append(f"len(v{self.index[part.spec.name]})")
                continue
            for word in part.words:
                total += word.size
                if any(spec is one for one in word.fields):
                    return " - ".join([str(total), *loose])
        raise TypeError(f"{self.cls.__name__}.{spec.name} must have a fixed width")

    def word_value(self, word: Word, run: Run) -> str:
        first = word.fields[0]
        if len(word.fields) == 1 and word.code[-1] != "s":
            return self.value_of(first)
        if isinstance(first.kind, FixedBytes):
            return self.value_of(first)
        shift, terms = word.size * 8, []
        for spec in word.fields:
            shift -= spec.kind.bits  # type: ignore[union-attr]
            terms.append(f"({self.value_of(spec)} << {shift})" if shift else self.value_of(spec))
        value = " | ".join(terms)
        if word.code[-1] == "s":
            return f"({value}).to_bytes({word.size}, {'little' if run.little else 'big'!r})"
        return value

    def value_of(self, spec: FieldSpec) -> str:
        return f"f_{spec.name}" if spec.fill is not None and not isinstance(spec.fill, Key) else f"h.{spec.slot}"

    def write_checksum(self, spec: FieldSpec, pad: str) -> None:
        fill = spec.fill
        assert isinstance(fill, Checksum)
        offset = int(self._fixed_up_to(spec)) - 2
        self.scope["from_bytes"] = int.from_bytes
        self.out(f"{pad}if not wanted: return head + body")
        if fill.over == "header":
            self.out(f"{pad}total = from_bytes(head, 'big')")
            self.out(f"{pad}if len(head) & 1: total <<= 8")
        else:
            self.out(f"{pad}message = head + body")
            self.out(f"{pad}total = from_bytes(message, 'big')")
            self.out(f"{pad}if len(message) & 1: total <<= 8")
        if fill.over == "pseudo":
            self.out(f"{pad}total += pseudo_sum_of(layers, index) + len(message) + {self._protocol_number()}")
        self.out(f"{pad}checksum = 0xFFFF - (total % 0xFFFF or (0xFFFF if total else 0))")
        if fill.zero_as is not None:
            self.out(f"{pad}if checksum == 0: checksum = {fill.zero_as}")
        rest = "head" if fill.over == "header" else "message"
        tail = " + body" if fill.over == "header" else ""
        self.out(
            f"{pad}return {rest}[:{offset}] + checksum.to_bytes(2, 'big') + {rest}[{offset + 2}:]{tail}"
        )

    def _protocol_number(self) -> int:
        """The number that the pseudo-header names: that under which this class rides on IP."""
        for klass in self.cls.__mro__:
            for carrier, keys in getattr(klass, "rides", {}).items():
                if carrier.pseudo:
                    return keys if isinstance(keys, int) else keys[0]  # type: ignore[no-any-return]
        return 0


def _bounds(spec: FieldSpec) -> bool:
    return isinstance(spec.fill, Length) and spec.fill.counts in ("header", "after")
