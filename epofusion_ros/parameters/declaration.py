"""What is declared of a parameter: default, description, unit, range. Its name follows from the groups it lies in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any, TypeAlias, TypeVar

Value: TypeAlias = "str | int | float | bool | Sequence[float]"

T = TypeVar("T")


@dataclass(frozen=True)
class Declaration:
    """What is known of a parameter besides its name and value.

    Attributes:
        default: its value where none is given.
        description: what it decides.
        unit: unit of the value; empty where it has none.
        choices: allowed strings; empty where any is allowed.
        lowest: smallest allowed number, inclusive; None where there is no limit.
        highest: largest allowed number, inclusive.
        live: may be changed while the node is configured; the others are built into it.
        at_start: counts when the process starts; it cannot be changed later.
    """

    default: Value
    description: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    live: bool = False
    at_start: bool = False

    @property
    def ros_default(self) -> Value:
        """The default as ROS and YAML take it: a list for a tuple."""
        return list(self.default) if isinstance(self.default, tuple) else self.default

    @property
    def description_with_unit(self) -> str:
        """The description, and the unit in brackets where there is one."""
        return self.description + (f" [{self.unit}]" if self.unit else "")

    @property
    def extent(self) -> str:
        """The allowed values in words; empty where any is allowed."""
        if self.choices:
            return ", ".join(self.choices)
        if self.lowest is None and self.highest is None:
            return ""
        return f"{self.lowest:g} to {self.highest:g}"

    def check(self, name: str, value: Value) -> str | None:
        """Return what is wrong with the value of a parameter of this name, in one sentence, or None."""
        if self.choices and value not in self.choices:
            return f"parameter {name} is {value!r}; expected one of {', '.join(self.choices)}"
        numbers = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        for number in numbers:
            if not isinstance(number, (int, float)) or isinstance(number, bool):
                continue
            if self.lowest is not None and not number >= self.lowest:
                return f"parameter {name} is {number}; expected at least {self.lowest:g} {self.unit}".rstrip()
            if self.highest is not None and not number <= self.highest:
                return f"parameter {name} is {number}; expected at most {self.highest:g} {self.unit}".rstrip()
        return None


def parameter(
    default: Value,
    description: str,
    unit: str = "",
    *,
    choices: tuple[str, ...] = (),
    lowest: float | None = None,
    highest: float | None = None,
    live: bool = False,
    at_start: bool = False,
) -> Any:  # noqa: ANN401 - the type that `field` has
    """Return a dataclass field that carries its declaration; see `Declaration` for the arguments."""
    declared = Declaration(default, description, unit, choices, lowest, highest, live, at_start)
    return field(default=default, metadata={"declaration": declared})


def declarations(kind: type[Any], prefix: str = "") -> Iterator[tuple[str, Declaration]]:
    """Yield name and declaration of each parameter of a group, in order.

    A group is a dataclass whose fields are parameters or, by their default factory, groups. A name is the path of
    attributes that leads to the value: "sync.slop" is `parameters.sync.slop`.
    """
    for each in fields(kind):
        name = f"{prefix}{each.name}"
        if declared := each.metadata.get("declaration"):
            yield name, declared
        else:
            yield from declarations(_group(each), f"{name}.")


def build(kind: type[T], values: Mapping[str, Value], prefix: str = "") -> T:
    """Return a group with values by name, and defaults where there is none."""
    arguments: dict[str, Any] = {}
    for each in fields(kind):  # type: ignore[arg-type]  # a dataclass, which a type variable cannot say
        name = f"{prefix}{each.name}"
        if "declaration" not in each.metadata:
            arguments[each.name] = build(_group(each), values, f"{name}.")
        elif name in values:
            value = values[name]
            arguments[each.name] = value if isinstance(value, (str, int, float)) else tuple(value)
    return kind(**arguments)


def _group(of: "Field[Any]") -> type[Any]:
    """Return the class of a field that is a group."""
    kind: Any = of.default_factory
    assert isinstance(kind, type)
    return kind
