"""What is declared of a parameter: name, description, unit, range; and the check of a value against it."""

from collections.abc import Sequence
from dataclasses import Field, dataclass, field
from typing import Any, TypeAlias

Value: TypeAlias = "str | int | float | bool | Sequence[float]"


@dataclass(frozen=True)
class Declaration:
    """What is known of a parameter besides its value.

    Attributes:
        name: ROS name, such as "sync.slop".
        description: what it decides.
        unit: unit of the value; empty where it has none.
        choices: allowed strings; empty where any is allowed.
        lowest: smallest allowed number, inclusive; None where there is no limit.
        highest: largest allowed number, inclusive.
        live: may be changed while the node is configured; the others are built into it.
    """

    name: str
    description: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    live: bool = False

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

    def check(self, value: Value) -> str | None:
        """Return what is wrong with a value, in one sentence, or None."""
        if self.choices and value not in self.choices:
            return f"parameter {self.name} is {value!r}; expected one of {', '.join(self.choices)}"
        numbers = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        for number in numbers:
            if not isinstance(number, (int, float)) or isinstance(number, bool):
                continue
            if self.lowest is not None and not number >= self.lowest:
                return f"parameter {self.name} is {number}; expected at least {self.lowest:g} {self.unit}".rstrip()
            if self.highest is not None and not number <= self.highest:
                return f"parameter {self.name} is {number}; expected at most {self.highest:g} {self.unit}".rstrip()
        return None


def parameter(default: Value, declaration: Declaration) -> Any:  # noqa: ANN401 - the type that `field` has
    """Return a dataclass field that carries its declaration."""
    return field(default=default, metadata={"declaration": declaration})


def declaration(of: "Field[Any]") -> Declaration:
    """Return the declaration of a field of `parameter`."""
    found = of.metadata["declaration"]
    assert isinstance(found, Declaration)
    return found


def ros_default(of: "Field[Any]") -> Value:
    """Return the default as ROS and YAML take it: a list for a tuple."""
    default: Any = of.default
    value: Value = list(default) if isinstance(default, tuple) else default
    return value
