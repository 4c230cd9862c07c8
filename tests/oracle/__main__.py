"""Everything that is compared with tshark on the corpora, as one table.

    python -m tests.oracle [--every N] [NAME ...]
"""

import argparse
import importlib

from tests.oracle.table import Row, print_table

COMPARISONS = (
    "segments", "columns", "display_filters", "conversations", "tcp_analysis", "follow", "messages",
)  # fmt: skip

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compare packetlab with tshark on the corpora.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(COMPARISONS)}; all without one")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th capture")
    chosen = parser.parse_args()
    rows: list[Row] = []
    for name in chosen.names or COMPARISONS:
        rows += importlib.import_module(f"tests.oracle.{name}").verdict(chosen.every)
    print_table(rows)
    raise SystemExit(0 if all(row.compared and not row.unexplained for row in rows) else 1)
