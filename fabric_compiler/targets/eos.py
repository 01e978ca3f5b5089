"""Arista EOS: one whole configuration a device, for `configure replace`, in the order in which EOS prints it.

Syntax is that of Arista's EOS manual; the tests compare it with Arista's own renderer (pyavd) line by line. What is the
same for a role is made once and looked up by value; a device pays for its ports, sessions and addresses.
"""

from __future__ import annotations

from functools import lru_cache

from fabric_compiler.model.device import RawSnippet, SwitchModel
from fabric_compiler.targets import eos_bgp, eos_interfaces, eos_qos, eos_system
from fabric_compiler.targets.base import Target
from fabric_compiler.targets.eos_text import block, rest_of_line, word
from fabric_compiler.targets.text import line


def render(model: SwitchModel) -> dict[str, bytes]:
    """{"<name>.cfg": configuration}. Raises ValueError for a decision that EOS has no line for."""
    return {f"{word(model.name)}.cfg": configuration(model).encode()}


def configuration(model: SwitchModel) -> str:
    """The sections in print order."""
    routing, qos = model.routing, model.qos
    # RFC 8950: IPv4 goes out of ports that have IPv6 addresses only
    unnumbered = any(group.extended_nexthop for group in routing.bgp.peer_groups)
    ipv6 = unnumbered or any(group.ipv6 for group in routing.bgp.peer_groups)
    system = eos_system.sections(
        eos_system.shared(model.management),
        model.platform,
        model.lldp,
        unnumbered,
        model.load_balancing == "dynamic",
        model.hash_seed,
    )
    return "".join(
        (
            system.head % {"hostname": word(model.name)},
            eos_qos.profiles(qos, model.platform, model.interfaces) if qos else "",
            eos_interfaces.vlans(tuple((vlan.id, vlan.name) for vlan in model.vlans)) if model.vlans else "",
            system.access,
            eos_interfaces.ports(model.interfaces, qos),
            eos_interfaces.logical(model),
            system.filters,
            eos_bgp.filters(routing.prefix_lists, routing.community_lists, ipv6),
            eos_bgp.static_routes(routing, model.management),
            system.ntp,
            eos_qos.maps(eos_qos.key(qos)) if qos else "",
            system.radius_source,
            eos_bgp.route_maps(routing.policies, eos_bgp.prepending_asn(routing.policies, routing.bgp.asn)),
            eos_bgp.router_bgp(model),
            system.tail,
            _raw(model.raw),
        )
    )


@lru_cache(maxsize=64)
def _raw(snippets: tuple[RawSnippet, ...]) -> str:
    """Lines of the intent as they stand, but each on its own line; and the end of the configuration."""
    ours = [snippet for snippet in snippets if snippet.nos == "eos"]
    return block("raw", raw=[[_indented(text) for text in snippet.lines] for snippet in ours]) % {}


def _indented(text: str) -> str:
    """A raw line keeps its indentation, which is the mode that it stands in."""
    printable = line(text)
    return printable[: len(printable) - len(printable.lstrip())] + rest_of_line(printable)


TARGET = Target("eos", "devices", render)
