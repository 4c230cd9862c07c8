"""One line per comparison with another program, and the table that shows them all."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """What one comparison came to; what is neither equal nor explained is a shortfall."""

    what: str
    files: int
    compared: int
    equal: int
    explained: int = 0
    """Different for a reason that was checked (and is written where it is checked)."""
    example: str = ""
    """One difference that is not explained."""

    @property
    def unexplained(self) -> int:
        return self.compared - self.equal - self.explained


def print_table(rows: list[Row]) -> None:
    """The rows, with the share that is equal or explained."""
    width = max((len(row.what) for row in rows), default=0)
    print(f"{'':{width}}  {'files':>6} {'compared':>10} {'equal':>10} {'explained':>9} {'left':>7}  agreement")
    for row in rows:
        share = 100 * (row.equal + row.explained) / row.compared if row.compared else 0.0
        print(f"{row.what:{width}}  {row.files:6} {row.compared:10} {row.equal:10} {row.explained:9} "
              f"{row.unexplained:7}  {share:.3f} %")  # fmt: skip
        if row.example:
            print(f"{'':{width}}    {row.example}")
