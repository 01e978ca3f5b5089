"""The intent that `fabricc init` writes: small, commented, and compiling as it stands."""

from __future__ import annotations

from fabric_compiler.catalog import loader as catalogue
from fabric_compiler.intent.loader import loads

_TEXT = """\
# yaml-language-server: $schema=intent.schema.json
version: 1
fabric: {fabric}
sites:
  site1: {{power: 300 kW}}                # checked against servers, switches and optics
networks:
  backend:                              # the GPUs' network: NIC k of every server on rail k
    topology: {{kind: rail-optimized, oversubscription: 1:1, reserve: {{pods: 4}}}}
    leaf: {{switch: sn5600, nos: sonic}}  # `fabricc catalog` lists what there is
    spine: {{switch: sn5600, nos: sonic}}
    addressing: {{loopbacks: 10.254.0.0/16, links: unnumbered, hosts: 10.0.0.0/12}}
    qos: roce-lossless
pods:
  - {{name: su, count: 2, servers: 8, server: dgx-b200, connect: {{backend: gpu-nics}}}}
management:
  pool: 172.16.0.0/24
  ntp: 192.0.2.10
"""


def intent(fabric: str) -> str:
    return _TEXT.format(fabric=fabric)


def check(text: str) -> None:
    """Raises CompileError: the name of the fabric may not do."""
    loads(text, catalog=catalogue.load())
