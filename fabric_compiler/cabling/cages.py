"""Which links meet in a cage and must be carried by the same medium, and how: directly, as a splitter, or meshed.

A module serves all ports of its cage, so links that share a cage share their medium, and so do those that share a cage with
them: a bundle is a connected component of the graph whose nodes are cages and whose edges are links.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fabric_compiler.cabling.columns import Ints, intern
from fabric_compiler.ir.graph import Graph

MESHED, DIRECT, SPLIT = 0, 1, 2
STRUCTURES = ("meshed", "direct", "split")


@dataclass(frozen=True, slots=True)
class Cages:
    """Columns a and b have a row a link; cages are counted through all devices."""

    forms: tuple[tuple[str, int], ...]  # form factor, ports in the cage
    device: Ints  # by cage
    first: Ints  # by device: the number of its first cage
    a: Ints
    b: Ints
    a_form: Ints  # index into forms
    b_form: Ints
    a_subport: Ints
    b_subport: Ints
    a_ports: Ints
    b_ports: Ints


@dataclass(frozen=True, slots=True)
class Bundles:
    """`bundle` has a row a link, the others a row a bundle; `first` is its first link. Lengths in mm."""

    bundle: Ints
    structure: Ints
    length: Ints  # of its longest link
    first: Ints

    def __len__(self) -> int:
        return len(self.structure)


def cages(graph: Graph) -> Cages:
    """The cages at both ends of each link."""
    # Layouts are shared by shape, so that identity tells them apart cheaply.
    known = {id(d.layout): d.layout for d in graph.devices}
    _, layout = intern(id(d.layout) for d in graph.devices)
    layouts = list(known.values())
    forms, form = intern((c.form_factor, c.ports) for own in layouts for c in own.cages)
    held = np.array([len(own.cages) for own in layouts], dtype=np.int64)
    first_form = np.cumsum(held) - held
    port_count = np.array([len(own.ports) for own in layouts], dtype=np.int64)
    first_port = np.cumsum(port_count) - port_count
    port_cage = np.array([p.cage for own in layouts for p in own.ports], dtype=np.int64)
    port_sub = np.array([p.subport for own in layouts for p in own.ports], dtype=np.int64)
    count = held[layout] if len(layout) else held
    first = np.cumsum(count) - count
    size = np.array([ports for _, ports in forms], dtype=np.int64)

    def end(device: Ints, port: Ints) -> tuple[Ints, Ints, Ints]:
        own = layout[device]
        row = first_port[own] + port
        return first[device] + port_cage[row], form[first_form[own] + port_cage[row]], port_sub[row]

    a, a_form, a_sub = end(graph.links.a_device.astype(np.int64), graph.links.a_port.astype(np.int64))
    b, b_form, b_sub = end(graph.links.b_device.astype(np.int64), graph.links.b_port.astype(np.int64))
    device = np.repeat(np.arange(len(count)), count)
    return Cages(forms, device, first, a, b, a_form, b_form, a_sub, b_sub, size[a_form], size[b_form])


def bundles(cages: Cages, lengths: Ints) -> Bundles:
    """The bundles, in the order of their lowest cage, and what each one's structure allows."""
    root = components(cages.a, cages.b, len(cages.device))
    used = np.zeros(len(root), dtype=np.bool_)
    used[cages.a] = used[cages.b] = True
    number = np.cumsum(used & (root == np.arange(len(root)))) - 1
    count = int(number[-1]) + 1 if len(number) else 0
    bundle = number[root[cages.a]]

    ports = np.zeros(len(root), dtype=np.int64)
    ports[cages.a], ports[cages.b] = cages.a_ports, cages.b_ports
    of_cage = number[root[used]]
    in_bundle = np.bincount(of_cage, minlength=count)
    shared = np.bincount(of_cage[ports[used] > 1], minlength=count)  # cages of several ports
    crossed = np.bincount(bundle[cages.a_subport != cages.b_subport], minlength=count)

    longest = np.zeros(count, dtype=np.int64)
    shortest = np.full(count, np.iinfo(np.int64).max)
    np.maximum.at(longest, bundle, lengths)
    np.minimum.at(shortest, bundle, lengths)
    first = np.empty(count, dtype=np.int64)
    first[bundle[::-1]] = np.arange(len(bundle))[::-1]

    # Around a single cage of several ports, all others have one port, hence one link: a head with its tails. Legs of a
    # splitter are of one length. A cable with several ports at both ends joins each port with its like.
    structure = np.full(count, MESHED)
    structure[(shared == 1) & (longest == shortest)] = SPLIT
    structure[(in_bundle == 2) & (shared != 1) & ((shared == 0) | (crossed == 0))] = DIRECT
    return Bundles(bundle, structure, longest, first)


def components(a: Ints, b: Ints, count: int) -> Ints:
    """For each of `count` nodes the lowest node that the edges a-b connect it with.

    Roots hook onto lower roots and paths are halved (Shiloach and Vishkin, 1982): a few rounds of array operations.
    """
    root = np.arange(count)
    while True:
        of_a, of_b = root[a], root[b]
        low = np.minimum(of_a, of_b)
        if np.array_equal(of_a, of_b):
            return root
        np.minimum.at(root, of_a, low)
        np.minimum.at(root, of_b, low)
        while not np.array_equal(higher := root[root], root):
            root = higher
