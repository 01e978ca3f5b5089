"""A real subnet, as ibnetdiscover prints it, against the compiled one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fabric_compiler.diagnostics import CompileError, Diagnostic, Severity
from fabric_compiler.ir.graph import Graph
from fabric_compiler.model.subnet import Subnet
from fabric_compiler.verify.identity import identify, places, wires
from fabric_compiler.verify.readback import ibnetdiscover
from fabric_compiler.verify.wiring import Difference, compare


@dataclass(frozen=True, slots=True)
class Comparison:
    """`subnet` is the one that the file shows; `nodes` and `links` are how many of it there are in the intent."""

    subnet: Subnet
    nodes: int
    links: int
    differences: tuple[Difference, ...]


def compare_subnet(content: bytes, name: str, graph: Graph, subnets: Sequence[Subnet], inventory: bool) -> Comparison:
    """`content` is that of the file `name`; `inventory`: the GUIDs of the plan are real ones.

    A file shows one subnet: the one of the fabric with which it has the most nodes in common. Raises CompileError: FC1001 for a
    file that is none of ibnetdiscover's, FC2008 for a fabric without InfiniBand, FC7040 where no node is the fabric's.
    """
    if not subnets:
        raise _error("FC2008", f"{name} is compared with InfiniBand networks, and the fabric has none")
    real = ibnetdiscover.read(content, name)
    found = [(subnet, identify(real, places(graph, subnet), inventory)) for subnet in subnets]
    subnet, known = max(found, key=lambda one: len(one[1].places))
    if not known.places:
        hint = "give the GUIDs of the real nodes (`guids:`), or name the nodes as the intent does"
        raise _error("FC7040", f"none of the {len(real.nodes)} nodes in {name} is of this fabric", hint)
    meant = wires(graph, subnet)
    differences = (*known.strange, *compare(meant, known.wires, known.seen))
    return Comparison(subnet, len(subnet.nodes), len(meant), differences)


def diagnostics(found: Comparison) -> list[Diagnostic]:
    """The differences for every form of findings."""
    return [Diagnostic("FC7040", Severity.ERROR, difference.message) for difference in found.differences]


def _error(code: str, message: str, hint: str = "") -> CompileError:
    return CompileError([Diagnostic(code, Severity.ERROR, message, hint=hint)])
