"""Which headers can lead to the ones that a scan looks for, so that it need not read the others."""

from functools import lru_cache

from packetlab.model.header import Header


@lru_cache(32)
def reach_of(targets: frozenset[type[Header]], quoted: bool, _known_classes: int) -> "Reach":
    """The same for the same targets; `_known_classes` is how many headers are declared, which may grow."""
    return Reach(targets, quoted)


class Reach:
    """Which headers lead, by what they may carry, to one of those that were asked for."""

    def __init__(self, targets: frozenset[type[Header]], quoted: bool) -> None:
        self.targets = targets
        self.quoted = quoted
        self._known: dict[type[Header], bool] = {}

    def leads(self, cls: type[Header]) -> bool:
        """Whether the class, or something that may be inside it, was asked for."""
        if cls not in self._known:
            self._known[cls] = False  # while we look: a circle leads nowhere by itself
            seen, queue = {cls}, [cls]
            found = False
            while queue and not found:
                one = queue.pop()
                found = any(issubclass(one, target) or issubclass(target, one) for target in self.targets)
                for inner in _carried(one, self.quoted):
                    if inner not in seen:
                        seen.add(inner)
                        queue.append(inner)
            self._known[cls] = found
        return self._known[cls]

    def ends_at(self, cls: type[Header]) -> bool:
        """Whether nothing of interest is inside the class or any member of its family."""
        members = [one for one in cls.members.values() if one is not cls] if cls.family_base is cls else []
        inside = [one for one in _carried(cls, self.quoted) if one not in members]
        return not any(self.leads(one) for one in inside) and all(self.ends_at(one) for one in members)

    def leads_on(self, cls: type[Header]) -> bool:
        """Whether something inside the class was asked for."""
        return any(self.leads(inner) for inner in _carried(cls, self.quoted))


def _carried(cls: type[Header], quoted: bool) -> list[type[Header]]:
    inside = [*cls.table.values(), *cls.members.values()] if cls.family_base in (None, cls) else [*cls.table.values()]
    inside += [one for one in (cls.body, cls.quotes if quoted else None) if one is not None]
    if cls.next_by:
        inside += cls.guesses
    if cls.variant is not None:  # which other class the bytes may stand for: every first byte is tried
        size = 64 if cls.fields else 1
        inside += {one for first in range(256) if (one := cls.variant(bytes([first]) * size, 0, size)) is not None}
    return inside
