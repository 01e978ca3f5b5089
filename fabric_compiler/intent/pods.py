"""The names that pods expand to: su with a count of 4 is su1, su2, su3 and su4."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from fabric_compiler.intent.schema import Pod


def names(pod: Pod) -> Iterator[str]:
    """Always numbered, from 1."""
    return (f"{pod.name}{number}" for number in range(1, pod.count + 1))


def collision(pod: Pod, others: Mapping[str, Pod]) -> tuple[Pod, str] | None:
    """Another pod (`others` are by name) that expands to one of this pod's names, and that name, without expanding either.

    su with a count of 12 and su1 both have an su11.
    """
    base = pod.name
    while base and base[-1].isdigit():
        base = base[:-1]
        digits = pod.name[len(base) :]
        other = others.get(base)
        # Numbers have no leading zero, and the pod's own first one is the lowest of its names.
        if other is not None and digits[0] != "0" and int(digits + "1") <= other.count:
            return other, f"{pod.name}1"
    return None


def of_network(pods: Sequence[Pod], network: str) -> Iterator[Pod]:
    """The pods with a leg in a network."""
    return (pod for pod in pods if network in pod.connect)
