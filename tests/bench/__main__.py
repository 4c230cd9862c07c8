"""`python -m tests.bench`: the tables of ratios; exit code 1 where one misses what is asked."""

import importlib
import sys

from tests.bench.rounds import HEAD

BENCHES = ("decode", "start", "live", "net", "analysis")
"""Modules of this folder; each has ROWS."""


def main(names: list[str]) -> int:
    unknown = set(names) - set(BENCHES)
    if unknown:
        print(f"no such bench: {', '.join(unknown)}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    print(HEAD)
    missed = 0
    for name in names or BENCHES:
        for function in importlib.import_module(f"tests.bench.{name}").ROWS:
            for row in function():
                print(row.line(), flush=True)
                missed += not row.met
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
