"""The devices of a graph as columns, so that what follows is computed for all of them at once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from fabric_compiler.diagnostics import Span
from fabric_compiler.ir.graph import Graph

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_K = TypeVar("_K", bound=Hashable)


class Positions(Protocol):
    """Where the intent states something; the nearest place that it does state."""

    def at(self, *path: str | int) -> Span: ...


@dataclass(frozen=True, slots=True)
class DeviceColumns:
    """One row a device; the tuples hold what the columns of the same name index."""

    sites: tuple[str, ...]
    pods: tuple[str, ...]
    models: tuple[tuple[str, str], ...]  # kind, name in the catalogue
    roles: tuple[str, ...]
    site: Ints
    pod: Ints
    model: Ints
    role: Ints
    network: Ints  # index into Graph.networks, -1 for servers in pods
    index: Ints
    slot: Ints
    server: Bools  # in a pod; hosts of a subnet manager stand with the switches


def device_columns(graph: Graph) -> DeviceColumns:
    devices = graph.devices
    sites, site = intern(d.site for d in devices)
    pods, pod = intern(d.pod for d in devices)
    models, model = intern((d.kind, d.model) for d in devices)
    roles, role = intern(d.role for d in devices)
    networks = {name: number for number, name in enumerate(graph.networks)}
    return DeviceColumns(
        sites=sites, pods=pods, models=models, roles=roles, site=site, pod=pod, model=model, role=role,
        network=np.array([networks.get(d.network, -1) for d in devices], dtype=np.int64),
        index=np.array([d.index for d in devices], dtype=np.int64),
        slot=np.array([d.slot for d in devices], dtype=np.int64),
        server=np.array([d.role == "server" for d in devices], dtype=np.bool_),
    )  # fmt: skip


def intern(keys: Iterable[_K]) -> tuple[tuple[_K, ...], Ints]:
    """The distinct keys in the order of their first occurrence, and for each key its number."""
    known: dict[_K, int] = {}
    numbers = np.array([known.setdefault(key, len(known)) for key in keys], dtype=np.int64)
    return tuple(known), numbers


def ranks(*keys: Ints) -> Ints:
    """For each row its place, from 0, among the rows that agree in all keys but the last, in the order of the last."""
    order = np.lexsort(tuple(reversed(keys)))
    fresh = np.ones(len(order), dtype=np.bool_)
    fresh[1:] = np.any([key[order][1:] != key[order][:-1] for key in keys[:-1]], axis=0)
    starts = np.flatnonzero(fresh)
    out = np.empty(len(order), dtype=np.int64)
    out[order] = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    return out
