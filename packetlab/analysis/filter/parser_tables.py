"""The parser of filters, made beforehand: lark takes 80 ms to make its tables of the grammar, and 6 ms to read them.

`grammar.tables` holds what `Lark.save` wrote, behind a line that says of which lark and which grammar. Where that is
another, there are no tables, and the parser is made of the grammar as ever. After a change of the grammar:
`python -m packetlab.analysis.filter.parser_tables`; a test fails until then.
"""

import hashlib
import io
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("grammar.tables")


def fingerprint(grammar: str) -> bytes:
    """What tables of this grammar by this lark are marked with."""
    import lark

    return f"lark {lark.__version__} {hashlib.sha256(grammar.encode()).hexdigest()}\n".encode()


def load(grammar: str) -> Any:
    """The parser from its tables, or None where there are none of this lark and this grammar."""
    from lark import Lark

    try:
        data = FILE.read_bytes()
    except OSError:
        return None
    mark = fingerprint(grammar)
    return Lark.load(io.BytesIO(data[len(mark) :])) if data.startswith(mark) else None


def write() -> None:
    """Makes the tables of the grammar as it is."""
    from packetlab.analysis.filter import grammar

    text = grammar._GRAMMAR
    made = io.BytesIO()
    grammar.built(text).save(made)
    FILE.write_bytes(fingerprint(text) + made.getvalue())


if __name__ == "__main__":
    write()
