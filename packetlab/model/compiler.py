"""Turns a declaration into code: one generated `__new__`, `_decode` and `_assemble` per header class.

The source of each function goes to `linecache`, so that tracebacks and debuggers show it. The generated code
handles sound bytes only. Whatever does not fit (a cut header, a value out of range) goes to the readable,
slower code in model/trace.py and to `refuse` in model/support.py, so the fast path stays short.
"""

import linecache
from typing import Any

from packetlab.model.codegen_decode import DecodeWriter
from packetlab.model.codegen_encode import EncodeWriter
from packetlab.model.fault import Fault
from packetlab.model.fields import Key


class _Writer(DecodeWriter, EncodeWriter):
    def source(self) -> str:
        self.write_new()
        self.write_decode()
        self.write_assemble()
        if self.cls.pseudo:
            self.scope["from_bytes"] = int.from_bytes
            self.out("def own_pseudo_sum(h, layers, index):")
            self.out(f"    return from_bytes({' + '.join('h.' + name for name in self.cls.pseudo)}, 'big')")
        return "\n".join(self.lines) + "\n"


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
    exec(compile(source, filename, "exec"), scope)
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
