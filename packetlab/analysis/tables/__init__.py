"""Captures as tables: Arrow record batches, made in bounded memory as the capture is read.

    for batch in batches(Reading("big.pcapng"), spec("packets"), ["number", "src", "dst"]):
        ...

What tables there are and what their columns mean stands in one place (schema.py and the module of each table).
"""

from packetlab.analysis.tables.reading import Reading
from packetlab.analysis.tables.schema import TABLES, ColumnSpec, TableSpec, arrow_schema, batches, spec, type_name

__all__ = ["TABLES", "ColumnSpec", "Reading", "TableSpec", "arrow_schema", "batches", "spec", "type_name"]
