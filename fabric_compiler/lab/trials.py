"""What a user asks of a lab, whatever its protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fabric_compiler.lab.slices import Slice


@dataclass(frozen=True, slots=True)
class Trial:
    """A test. `sample`: pairs of NICs to try, between the servers of `part`; None: all, of large fabrics many.

    Seconds: `wait` for the network to converge or to heal, `patience` for packets that do not arrive.
    """

    sample: int | None = None
    seed: int = 1
    part: Slice = field(default_factory=Slice)
    faults: bool = True
    wait: float = 90.0
    patience: float = 5.0


@dataclass(frozen=True, slots=True)
class Shell:
    """A command in a network namespace, where it has one, with variables of its environment besides."""

    namespace: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
