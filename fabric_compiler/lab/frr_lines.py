"""Which lines of a foreign frr.conf a daemon of ours is given.

FRR's language can write files (`log file`, `dump bgp`), read them (`banner motd file`), set passwords and open doors
(`agentx`, `line vty`). A line is taken where its first words are below: what our targets write, and of the rest of the language
what routes. None of them names a file, in any of FRR's modes, so it does not matter in which mode a line ends up.
"""

from __future__ import annotations

import re
from typing import Final

# docs.frrouting.org: basic.html, zebra.html, static.html, bgp.html, filter.html, routemap.html, bfd.html
_TAKEN: Final = re.compile(
    r"""
    !.* | \#.*
    | end | exit | exit-address-family | exit-vrf
    | frr\ (?:defaults|version)\ \S+
    | hostname\ [A-Za-z0-9.-]+
    | log\ syslog(?:\ [a-z]+)?                          # the lab hides the host's
    | service\ integrated-vtysh-config
    | (?:no\ )?fpm\ (?:use-next-hop-groups|use-route-replace|address\ 127\.0\.0\.1(?:\ port\ \d+)?)
    | (?:no\ )?zebra\ nexthop\ (?:kernel\ enable|proto\ only)
    | (?:no\ )?(?:ip|ipv6)\ (?:route|prefix-list|nht|address|nd|forwarding|router-id|protocol|access-list)(?:\ .*)?
    | (?:no\ )?access-list\ .*
    | bgp\ (?:as-path\ access-list|(?:large-|ext)?community-list)\ .*
    | (?:interface|vrf|vni|router\ bgp|router-id)\ .*
    | (?:no\ )?route-map\ .*
    | (?:no\ )?(?:match|set|on-match|call|continue)\ .*
    | (?:no\ )?(?:bgp|neighbor|network|address-family|maximum-paths|timers|redistribute|aggregate-address|advertise
        |distance|table-map|coalesce-time|update-delay|read-quanta|write-quanta)(?:\ .*)?
    | (?:no\ )?(?:advertise-all-vni|advertise-default-gw|advertise-svi-ip|rd|route-target|import|export|rt|label
        |nexthop)(?:\ .*)?
    | (?:no\ )?(?:description|shutdown|bandwidth|multicast|link-detect)(?:\ .*)?
    | (?:no\ )?(?:bfd|peer|profile|detect-multiplier|transmit-interval|receive-interval|echo-mode|echo|passive-mode
        |minimum-ttl)(?:\ .*)?
    """,
    re.VERBOSE | re.ASCII,
)
_LONGEST: Final = 1000


def refused(text: str) -> list[tuple[int, str]]:
    """Number and text of each line that is not taken."""
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        said = line.strip(" ")
        if said and not (len(said) <= _LONGEST and said.isascii() and said.isprintable() and _TAKEN.fullmatch(said)):
            found.append((number, said[:80]))
    return found


def daemons(text: str) -> tuple[str, ...]:
    """Those that the lines need, in the order of their start."""
    discards = re.search(r"(?m)^(?:ip|ipv6) route ", text) is not None
    watched = re.search(r"(?m)^ *neighbor \S+ bfd\b", text) is not None
    return ("zebra", *(("staticd",) if discards else ()), "bgpd", *(("bfdd",) if watched else ()))
