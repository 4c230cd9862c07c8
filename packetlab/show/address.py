"""The facts about an address (internet/address.py) as a view."""

from packetlab.internet.address import Address
from packetlab.show.block import Block, View
from packetlab.show.safe import cells

MOST_PER_LINE = 4


def address_view(address: Address) -> View:
    """Kind and meaning first, then facts, ranges and bits."""

    def make(width: int) -> Block:
        block = Block(width)
        block.line((address.text, "layer0"), (f"  {address.family}, ", "note"), (address.kind, "head"))
        block.wrapped((f"  {address.meaning}", ""), (f" [{address.ref}]", "note"), hang=2)
        rows = list(address.facts)
        if address.ranges:
            rows.insert(0, ("In the range", ", inside ".join(f"{prefix} ({kind})" for prefix, kind in address.ranges)))
        if address.inside:
            rows.append(("Special parts", ", ".join(f"{prefix} ({kind})" for prefix, kind in address.inside)))
        names = max((cells(name) for name, _ in rows), default=0)
        for name, text in rows:
            block.wrapped((f"  {name:<{names}}  ", "name"), (text, ""), hang=names + 4)
        widest = max((len(bits) for _, bits in address.bits), default=8) + 1
        per_line = max(1, (block.width - names - 4) // widest)
        if len(address.bits) > per_line > MOST_PER_LINE:
            per_line = MOST_PER_LINE
        for start in range(0, len(address.bits), per_line):
            group = address.bits[start : start + per_line]
            widths = [max(len(text), len(bits)) for text, bits in group]
            label = "Bits" if not start else ""
            first = " ".join(f"{text:^{size}}" for (text, _), size in zip(group, widths, strict=True))
            second = " ".join(f"{bits:^{size}}" for (_, bits), size in zip(group, widths, strict=True))
            block.line((f"  {label:<{names}}  ", "name"), (first, "value"))
            block.line((" " * (names + 4), ""), (second, "meaning"))
        return block

    return View(make)
