"""All that Arista's renderer (pyavd 6.4, eos_cli_config_gen) does not print as we do, each with its source."""

from __future__ import annotations

# No key of the schema (avd.arista.com, eos_cli_config_gen, "Input Variables") makes these; they go through `eos_cli`, which it
# prints as it stands: the seed of ECMP's hash (EOS manual, "Load Sharing"), and lines that an intent adds as `raw`.
BY_EOS_CLI = ("ip load-sharing trident ", "   logging event link-status")


def only_ours(line: str) -> bool:
    """The header by which Batfish and RANCID know an EOS file, the marks around raw lines, and the end."""
    return line.startswith("!") or line == "end"


def unordered(head: str) -> bool:
    """pyavd sorts neighbours as natural text, so that 2001:db8::7b (a 7 and a b) comes before ::71 (a 71); EOS by number."""
    return head.startswith("router bgp ")
