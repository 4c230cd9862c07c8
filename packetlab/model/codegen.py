"""What the writers of generated code share: the scope, the lines, and the constructor."""

import struct
from typing import Any

from packetlab.model.fault import CUT
from packetlab.model.fields import REQUIRED, FieldSpec, FixedBytes, Key, NeedMore, UInt
from packetlab.model.layout import Run, layout
from packetlab.model.support import next_key, numbers, pseudo_sum, refuse


class Source:
    """The source of one class's codec, and the names it uses."""

    def __init__(self, cls: Any) -> None:
        self.cls = cls
        self.parts = layout(cls)
        self.specs: tuple[FieldSpec, ...] = cls.fields
        self.index = {spec.name: number for number, spec in enumerate(self.specs)}
        self.scope: dict[str, Any] = {
            "cls": cls,
            "Draft": cls.draft,
            "CUT": CUT,
            "NeedMore": NeedMore,
            "numbers": numbers,
            "refuse": refuse,
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
        self.out("    made_ = Draft()")
        for spec in self.specs:
            self.out(f"    made_.{spec.slot} = {spec.name}")
        if self.cls.has_excess:
            self.out("    made_.excess = excess")
        self.out("    made_.__class__ = klass")
        self.out("    return made_")
