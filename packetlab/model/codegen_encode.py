"""Writes `assemble`: variable fields, sizes, automatic fields, one struct call per run, the checksum."""

from packetlab.model.codegen import Source
from packetlab.model.fields import Checksum, Count, FieldSpec, FixedBytes, Key, Length, NextProtocol
from packetlab.model.layout import Loose, Run, Word
from packetlab.model.support import protocol_number


class EncodeWriter(Source):
    """The encoding half."""

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
            there = f" and when_field_{number}(h)" if spec.when is not None else ""
            self.out(f"{pad}wanted = {name} is None{there}")
            self.out(f"{pad}if {name} is None: {name} = 0")

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

    def is_even(self) -> bool:
        """Whether every header of this class is a whole number of 16-bit words."""
        return any(
            isinstance(spec.fill, Length) and spec.fill.counts == "header" and spec.fill.unit % 2 == 0
            for spec in self.specs
        )

    def write_checksum(self, spec: FieldSpec, pad: str) -> None:
        fill = spec.fill
        assert isinstance(fill, Checksum)
        offset = int(self._fixed_up_to(spec)) - 2
        self.scope["from_bytes"] = int.from_bytes
        self.out(f"{pad}if not wanted: return head + body")
        if fill.over == "header":
            self.out(f"{pad}total = from_bytes(head, 'big')")
            if not self.is_even():
                self.out(f"{pad}if len(head) & 1: total <<= 8")
        else:
            self.out(f"{pad}message = head + body")
            self.out(f"{pad}total = from_bytes(message, 'big')")
            self.out(f"{pad}if len(message) & 1: total <<= 8")
        if fill.over == "pseudo":
            self.out(f"{pad}total += pseudo_sum_of(layers, index) + len(message) + {protocol_number(self.cls)}")
        self.out(f"{pad}checksum = 0xFFFF - (total % 0xFFFF or (0xFFFF if total else 0))")
        if fill.zero_as is not None:
            self.out(f"{pad}if checksum == 0: checksum = {fill.zero_as}")
        rest = "head" if fill.over == "header" else "message"
        tail = " + body" if fill.over == "header" else ""
        self.out(f"{pad}return {rest}[:{offset}] + checksum.to_bytes(2, 'big') + {rest}[{offset + 2}:]{tail}")
