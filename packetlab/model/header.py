"""Header: the base of every protocol header, and the metaclass that turns a declaration into one.

Making the class only collects its `FieldSpec`s; the codec (model/compiler.py) is compiled at first use, so
that importing a hundred protocols stays cheap. Objects are frozen values with slots. A codec fills a *draft*
(same slots, no lock) and then turns it into the frozen class by assigning `__class__`, which costs about a
tenth of setting frozen slots one by one.

Class keywords: see `HeaderMeta`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, dataclass_transform

from packetlab.model.errors import UsageError
from packetlab.model.fault import CUT, Fault
from packetlab.model.fields import REQUIRED, FieldSpec, FixedBytes, Key, Length, Octets, field

if TYPE_CHECKING:
    from packetlab.model.packet import Packet

ANY = -1
"""In `rides`: also where no key says so, if `accepts` recognises the bytes."""

Decoded = tuple[Any, int, int, Any]
"""A decoder's answer: header, where its body starts, where its body ends, class of the next header or None."""

Keys = int | tuple[int, ...]


def _as_tuple(keys: Keys) -> tuple[int, ...]:
    return keys if isinstance(keys, tuple) else (keys,)


def _annotations(namespace: dict[str, Any]) -> dict[str, Any]:
    if "__annotations__" in namespace:
        return dict(namespace["__annotations__"])
    annotate = namespace.get("__annotate_func__") or namespace.get("__annotate__")  # Python 3.14
    return dict(annotate(1)) if annotate else {}


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
class HeaderMeta(type):
    """Makes a header class of a declaration.

    ref           where it is specified: "RFC 768"
    rides         what it rides on, and under which key(s): {IPv4: 17, IPv6: 17}, {TCP: (80, 8080)}
    link_types    the LINKTYPE_ numbers of capture files in which it comes first
    carries_like  share the table of another header (IPv6's extension headers carry what IPv6 carries)
    next_by       fields whose values are looked up in the table, first hit wins (ports)
    family        name of the field by whose value subclasses (with `key=`) are chosen
    key           this subclass's value(s) of the family's key field; ANY: all that no other member has
    variant       variant(data, pos, end) -> another class that should decode these bytes instead, or None
    accepts       accepts(data, pos, end) -> whether these bytes look like this protocol
    opaque        a field's name, or opaque(header): true where what is inside cannot be read
    quotes        the class with which the packet quoted in the body begins (ICMP errors)
    body          the class of the body, where it is always the same
    bodyless      nothing is ever inside: what follows is padding of the layer around it (ARP)
    pseudo        the address fields of the pseudo-header over which transports sum
    rebase        positions inside count from the header's own first byte (DNS compression)
    name          its name in filters, columns and `explain`; the class name in small letters otherwise
    wireshark     the name with which Wireshark filters for its presence
    """

    fields: tuple[FieldSpec, ...]

    def __new__(
        mcs,
        class_name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        /,
        *,
        carries_like: Any = None,
        **options: Any,
    ) -> "HeaderMeta":
        parent = next((b for b in bases if isinstance(b, HeaderMeta)), None)
        specs: list[FieldSpec] = list(parent.fields) if parent else []
        if parent is not None:
            for field_name, annotation in _annotations(namespace).items():
                value = namespace.get(field_name, REQUIRED)
                if not isinstance(value, FieldSpec):
                    continue
                value.name = field_name
                if value.variable is None:
                    value.kind = annotation.__metadata__[0]
                if any(spec.name == field_name for spec in specs):  # declared again: it stays where it was
                    specs = [value if spec.name == field_name else spec for spec in specs]
                else:
                    specs.append(value)
                del namespace[field_name]
        own = [spec for spec in specs if parent is None or spec not in parent.fields]
        slots = [spec.slot for spec in own]
        bounded = any(_bounds_header(spec) for spec in specs)
        takes_rest = bool(specs) and _takes_rest(specs[-1])
        if bounded and not takes_rest and not getattr(parent, "has_excess", False):
            slots.append("excess")
        namespace["__slots__"] = tuple(slots)
        for spec in own:
            if spec.slot != spec.name:
                namespace[spec.name] = _lazy_property(spec)
        cls = super().__new__(mcs, class_name, bases, namespace)
        cls.fields = tuple(specs)
        if parent is None:
            return cls
        cls._set_up(parent, class_name, options, carries_like)  # type: ignore[attr-defined]
        cls.has_excess = hasattr(cls, "excess")  # type: ignore[attr-defined]
        cls.draft = _draft_of(cls)  # type: ignore[attr-defined]
        return cls

    def __init__(cls, class_name: str, bases: tuple[type, ...], namespace: dict[str, Any], /, **options: Any) -> None:
        super().__init__(class_name, bases, namespace)


def _bounds_header(spec: FieldSpec) -> bool:
    return isinstance(spec.fill, Length) and spec.fill.counts in ("header", "after")


def _takes_rest(spec: FieldSpec) -> bool:
    codec = spec.variable
    if isinstance(codec, Octets):
        return codec.size is None
    return codec is not None and getattr(codec, "count", None) is None and getattr(codec, "more", None) is None


def _lazy_property(spec: FieldSpec) -> property:
    slot, codec = spec.slot, spec.variable
    assert codec is not None

    def read(self: Any) -> Any:
        value = getattr(self, slot)
        if type(value) is bytes:
            value, _ = codec.take(value, 0, len(value), self, [])
            object.__setattr__(self, slot, value)
        return value

    return property(read, doc=spec.text)


def _draft_of(cls: HeaderMeta) -> type:
    """A class whose objects `__class__ = cls` may be assigned to: same base, same slots, and no lock.

    CPython allows the assignment only between classes of one base that add the same slots.
    """
    own: dict[str, Any] = {name: value for name, value in cls.__dict__.items() if isinstance(value, property)}
    own |= {"__slots__": cls.__dict__["__slots__"]}
    own |= {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}  # both share one C slot
    own |= {"__new__": object.__new__}
    return type.__new__(HeaderMeta, "Draft", (cls.__mro__[1],), own)


class Header(metaclass=HeaderMeta):
    """A protocol header: a frozen value whose fields stand in the order of its RFC figure."""

    __slots__ = ()

    name: ClassVar[str] = "header"
    ref: ClassVar[str] = ""
    wireshark: ClassVar[str] = ""
    rides: ClassVar[Mapping[Any, Keys]] = {}
    link_types: ClassVar[tuple[int, ...]] = ()
    table: ClassVar[dict[int, type["Header"]]] = {}
    keys: ClassVar[dict[type["Header"], int]] = {}
    guesses: ClassVar[list[type["Header"]]] = []
    next_by: ClassVar[tuple[str, ...]] = ()
    family: ClassVar[str] = ""
    members: ClassVar[dict[int, type["Header"]]] = {}
    family_base: ClassVar[type["Header"] | None] = None
    other_member: ClassVar[type["Header"] | None] = None
    element_base: ClassVar[type["Header"]]
    family_keys: ClassVar[tuple[int, ...]] = ()
    variant: ClassVar[Callable[[bytes, int, int], Any] | None] = None
    accepts: ClassVar[Callable[[bytes, int, int], bool] | None] = None
    opaque: ClassVar[Callable[[Any], Any] | str | None] = None
    quotes: ClassVar[type["Header"] | None] = None
    body: ClassVar[type["Header"] | None] = None
    bodyless: ClassVar[bool] = False
    pseudo: ClassVar[tuple[str, ...]] = ()
    rebase: ClassVar[bool] = False
    has_excess: ClassVar[bool] = False
    draft: ClassVar[type[Any]]
    subclasses: ClassVar[list[type["Header"]]] = []
    """Every declared header, in the order of declaration."""

    if TYPE_CHECKING:
        fields: ClassVar[tuple[FieldSpec, ...]]
        _decode: ClassVar[Callable[[bytes, int, int, list[Fault]], Decoded]]

        def _assemble(self, body: bytes, layers: tuple["Header", ...], index: int) -> bytes: ...

    @classmethod
    def _set_up(cls, parent: type["Header"], class_name: str, options: dict[str, Any], carries_like: Any) -> None:
        from packetlab.model.compiler import install_trampolines

        cls.name = options.pop("name", class_name.lower())
        cls.ref = options.pop("ref", parent.ref)
        rides = options.pop("rides", {})
        key = options.pop("key", None)
        for option in ("variant", "accepts", "opaque"):
            # Inherited by a family's members as a plain function; `variant` is the base's affair alone.
            function = options.pop(option, None if option == "variant" else parent.__dict__.get(option))
            plain = function.__func__ if isinstance(function, staticmethod) else function
            setattr(cls, option, staticmethod(plain) if callable(plain) else plain)
        for option in ("wireshark", "link_types", "next_by", "quotes", "body", "bodyless", "pseudo", "rebase"):
            if option in options:
                setattr(cls, option, options.pop(option))
        if "family" in options:
            cls.family, cls.members, cls.family_base = options.pop("family"), {}, cls
            cls.other_member = None
        if options:
            raise TypeError(f"{class_name}: no such class keyword: {', '.join(options)}")
        if cls.family_base is not None and key is not None:
            cls.family_keys = _as_tuple(key) if key != ANY else ()
            if key == ANY:
                cls.family_base.other_member = cls
            for one in cls.family_keys:
                cls.members[one] = cls
        elif cls.family_base is not cls:
            cls.family_keys = ()
        if carries_like is not None:
            cls.table, cls.keys, cls.guesses = carries_like.table, carries_like.keys, carries_like.guesses
        elif cls.table is Header.table:  # inherited from nobody but Header itself, whose table stays empty
            cls.table, cls.keys, cls.guesses = {}, {}, []
        cls.rides = rides
        for carrier, keys in rides.items():
            cls.ride_on(carrier, keys)
        if parent is Header:
            cls.element_base = cls
        Header.subclasses.append(cls)
        install_trampolines(cls)

    @classmethod
    def ride_on(cls, carrier: type["Header"], keys: Keys) -> None:
        """What `rides` does, for a carrier that is declared later, or is this class itself (IP in IP)."""
        for number in _as_tuple(keys):
            if number == ANY:
                carrier.guesses.append(cls)
            else:
                carrier.table[number] = cls
                carrier.keys.setdefault(cls, number)

    # ------------------------------------------------------------ values

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a header is a value and cannot change: use .replace({name}=...)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a header is a value and cannot change")

    def _state(self) -> tuple[Any, ...]:
        return tuple(getattr(self, spec.name) for spec in self.fields) + (
            (self.excess,) if self.has_excess else ()  # type: ignore[attr-defined]
        )

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._state() == other._state()

    def __hash__(self) -> int:
        return hash((type(self), self._state()))

    def __repr__(self) -> str:
        parts = []
        for spec in self.fields:
            value = getattr(self, spec.name)
            if value is None or value == spec.default:
                continue
            shown = repr(spec.kind.text(value) if isinstance(spec.kind, FixedBytes) and value is not CUT else value)
            parts.append(f"{spec.name}={shown}")
        return f"{type(self).__name__}({', '.join(parts)})"

    def __reduce__(self) -> tuple[Any, ...]:
        state = {spec.name: getattr(self, spec.name) for spec in self.fields}
        if self.has_excess:
            state["excess"] = self.excess  # type: ignore[attr-defined]
        return _revive, (type(self), state)

    def replace(self, **changes: Any) -> Self:
        """The same header with other values; `None` for an automatic field lets it be filled again."""
        for name in changes:
            if name != "excess" and not any(spec.name == name for spec in self.fields):
                raise UsageError(f"{type(self).__name__} has no field {name!r}", remedy=_names(type(self)))
        state = {spec.name: getattr(self, spec.name) for spec in self.fields}
        if self.has_excess:
            state["excess"] = self.excess  # type: ignore[attr-defined]
        state.update(changes)
        return type(self)(**state)

    def refilled(self) -> Self:
        """The same header with all automatic fields to be filled again."""
        return self.replace(**{spec.name: None for spec in self.fields if _refillable(spec)})

    @property
    def is_cut(self) -> bool:
        """True where the captured bytes ended before this header did."""
        return any(getattr(self, spec.slot) is CUT for spec in self.fields)

    # ------------------------------------------------------------ composing and coding

    @staticmethod
    def compose(outer: "Header | Packet", inner: "Header | Packet | bytes | str") -> "Packet":
        """`outer / inner`. model/packet.py, which imports this module, puts its own function here."""
        from packetlab.model import packet

        return packet.compose(outer, inner)

    def __truediv__(self, inner: "Header | Packet | bytes | str") -> "Packet":
        return Header.compose(self, inner)

    def encode(self) -> bytes:
        """This header alone, its automatic fields filled for an empty body."""
        return type(self)._assemble(self, b"", (self,), 0)

    def pseudo_sum(self, layers: tuple["Header", ...], index: int) -> int:
        """The sum of this layer's part of the pseudo-header; not folded."""
        return int.from_bytes(b"".join([getattr(self, name) for name in self.pseudo]), "big")

    def encapsulate(self) -> bytes:
        """The same as `encode`: a packet of one layer."""
        return self.encode()

    @classmethod
    def spec(cls, name: str) -> FieldSpec:
        """The declaration of one field; KeyError where there is none of that name."""
        for spec in cls.fields:
            if spec.name == name:
                return spec
        raise KeyError(name)

    @classmethod
    def remainder(cls, data: bytes) -> "Header":
        """An element that only holds bytes nobody could read, so that nothing is lost."""
        return Remainder(data=data)


def _refillable(spec: FieldSpec) -> bool:
    return spec.fill is not None and not isinstance(spec.fill, Key)


def _names(cls: type[Header]) -> str:
    return "its fields are " + ", ".join(spec.name for spec in cls.fields)


def _revive(cls: type[Header], state: dict[str, Any]) -> Header:
    made = cls.draft()
    for spec in cls.fields:
        setattr(made, spec.slot, state[spec.name])
    if cls.has_excess:
        made.excess = state["excess"]
    made.__class__ = cls
    return made  # type: ignore[no-any-return]


def walk_fields(header: Header) -> Iterator[tuple[FieldSpec, Any]]:
    """Each field that is there, with its raw value."""
    for spec in header.fields:
        if spec.when is None or spec.when(header):
            yield spec, getattr(header, spec.name)


HeaderType = TypeVar("HeaderType", bound=Header)

from packetlab.model.fields import octets  # noqa: E402


class Remainder(Header, ref="packetlab", name="remainder"):
    """Bytes behind the last element that could be read, or behind the end mark of a list."""

    data: bytes = octets("bytes that are part of no element", unnamed="Wireshark shows them without a field")
