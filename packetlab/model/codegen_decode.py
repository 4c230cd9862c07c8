"""Writes `decode`: one struct call per run of fixed fields, then limits, body, next header."""

from packetlab.model.codegen import Source
from packetlab.model.fields import FieldSpec, FixedBytes, Length, NextProtocol
from packetlab.model.layout import Loose, Part, Run, bounds_header, minimum_size
from packetlab.model.support import word_parts


class DecodeWriter(Source):
    """The decoding half."""

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
        # A field with only one right value tells variants apart: then they are asked first.
        late = self.looks_up_next() and all(spec.expect is None for spec in self.specs)
        if cls.variant is not None:
            self.scope["variant"] = cls.variant
        if cls.variant is not None and not late:
            self.out("    other = variant(data, pos, end)")
            self.out("    if other is not None: return other._decode(data, pos, end, faults)")
        if cls.family and cls.family_base is cls:
            self.write_family()
        minimum = minimum_size(cls)
        self.out(f"    if end - pos < {minimum}: return decode_slowly(cls, data, pos, end, faults)")
        self.out("    h = Draft()")
        guarded = any(isinstance(part, Loose) or part.when is not None for part in self.parts)
        bounded = [spec for spec in self.specs if bounds_header(spec)]
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
                    self.out(f"{inner}h.{spec.slot} = data[{here}:{limit}] if {limit} > {here} else b''")
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
                    read = (
                        f"data[pos + {at}]"
                        if word.size == 1
                        else (
                            f"int.from_bytes(data[pos + {at}:pos + {at + word.size}], "
                            f"{'little' if part.little else 'big'!r})"
                        )
                    )
                    self.scope["other_member"] = self.cls.other_member
                    self.out(f"        member = members.get({read}, other_member)")
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
            if shift <= 16 and len(word.fields) > 1:
                # A word shared by several fields: looking its parts up is quicker than shifting and masking.
                widths = tuple(spec.width or 0 for spec in word.fields)
                self.scope[f"parts_{number}_{count}"] = word_parts(shift, widths)
                names = ", ".join(f"h.{spec.slot}" for spec in word.fields)
                after.append(f"{names} = parts_{number}_{count}[{name}]")
                continue
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
        amount = (
            f"h.{spec.name}" + (f" * {fill.unit}" if fill.unit != 1 else "") + (f" + {fill.plus}" if fill.plus else "")
        )
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
        self.out("    body_end = at" if self.cls.bodyless else "    body_end = end")
        for spec in self.specs:
            fill = spec.fill
            if not isinstance(fill, Length) or fill.counts not in ("header+body", "body"):
                continue
            start = "pos" if fill.counts == "header+body" else "at"
            amount = (
                f"h.{spec.name}"
                + (f" * {fill.unit}" if fill.unit != 1 else "")
                + (f" + {fill.plus}" if fill.plus else "")
            )
            condition = f"h.{spec.name}" if fill.zero_is_rest else "True"
            self.out(f"    if {condition}:")
            self.out(f"        body_end = {start} + {amount}")
            self.out("        if body_end > end or body_end < at: return decode_slowly(cls, data, pos, end, faults)")

    def write_next(self) -> None:
        cls = self.cls
        key = next((spec for spec in self.specs if isinstance(spec.fill, NextProtocol)), None)
        if cls.body is not None:
            self.scope["body_class"] = cls.body
            self.out("    next_class = body_class if at < body_end else None")
        elif cls.next_by:
            self.write_next_by()
        elif key is not None:
            self.scope["table"] = cls.table
            self.out(f"    next_class = table.get(h.{key.name}) if at < body_end else None")
        else:
            self.out("    next_class = None")
            return
        if isinstance(cls.opaque, str):
            self.out(f"    if h.{cls.opaque}: next_class = None")
        elif cls.opaque is not None:
            self.scope["opaque"] = cls.opaque
            self.out("    if opaque(h): next_class = None")

    def write_next_by(self) -> None:
        """Ports: the first that is known, if the bytes look like its protocol; else whoever recognises them."""
        self.scope["table"], self.scope["guesses"] = self.cls.table, self.cls.guesses
        self.out("    next_class = None")
        self.out("    if at < body_end:")
        word = "if"
        for name in self.cls.next_by:
            self.out(f"        {word} h.{name} in table: next_class = table[h.{name}]")
            word = "elif"
        self.out("        if next_class is not None:")
        self.out("            accepts = next_class.accepts")
        self.out("            if accepts is not None and not accepts(data, at, body_end): next_class = None")
        self.out("        if next_class is None:")
        self.out("            for guess in guesses:")
        self.out("                if guess.accepts(data, at, body_end):")
        self.out("                    next_class = guess")
        self.out("                    break")
