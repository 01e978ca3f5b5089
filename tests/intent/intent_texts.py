"""Small intents for tests."""

from __future__ import annotations

QUICKSTART = """\
version: 1
fabric: atlas
sites:
  gru1: {power: 3 MW}
networks:
  backend:
    topology: {kind: rail-optimized, tiers: 2, oversubscription: 1:1}
    leaf: {switch: sn5600, nos: sonic, release: 202505}
    spine: {switch: 7060x6-64pe, nos: eos, release: 4.34}
    addressing: {loopbacks: 10.254.0.0/16, hosts: 10.0.0.0/9}
    asns: {leaf: 4200000000-4200099999, spine: 65000-65099}
pods:
  - {name: su, count: 4, servers: 32, server: dgx-b200, connect: {backend: gpu-nics}}
"""

FULL = """\
version: 1
fabric: atlas
sites:
  gru1:
    power: 30 MW
    placement: {rack-pitch: 0.6 m, row-pitch: 3 m, racks-per-row: 24, servers-per-rack: 4, rack-units: 48, slack: 2 m}
  vcp1: {power: 12 MW, lengths: {server-leaf: 10 m, leaf-spine: 60 m}}
networks:
  backend:
    protocol: ethernet
    topology: {kind: rail-optimized, tiers: 2, oversubscription: 1:1, planes: 1, reserve: {pods: 8}}
    leaf: {switch: sn5600, nos: sonic, release: 202505, mix: [{devices: "*-r3", switch: 7060x6-64pe, nos: eos}]}
    spine: {switch: 7060x6-64pe, nos: eos, release: 4.34}
    addressing: {loopbacks: [10.254.0.0/16, fd00:1::/48], links: unnumbered, hosts: [10.0.0.0/9, fd00:2::/48]}
    asns: {leaf: 4200000000-4200099999, spine: 65000-65099}
    qos: roce-lossless
    bgp: {bfd: {transmit: 300 ms, receive: 300 ms, multiplier: 3}, timers: {keepalive: 3, hold: 9}, graceful-restart: yes}
    mtu: 9100
    media: {leaf-spine: [400g-dr4, 800g-dr8]}
  storage:
    topology: {kind: leaf-spine, tiers: 3, oversubscription: 2:1, homing: 2}
    leaf: {switch: sn5600}
    spine: {switch: sn5600}
    core: {switch: sn5600}
    addressing: {loopbacks: 10.253.0.0/16, links: [10.252.0.0/16, fd00:3::/48], hosts: 10.128.0.0/10, servers: subnet}
    bgp: {bfd: no}
pods:
  - {name: su, count: 4, site: gru1, servers: 32, server: dgx-b200, connect: {backend: gpu-nics, storage: storage-nics}}
  - {name: ext, site: vcp1, servers: 16, server: dgx-b200, connect: {backend: gpu-nics}, reserve: {servers: 32},
     leaf: {backend: {switch: sn5600}}}
naming: {leaf: "{network}-{pod}-leaf-{n}", server: "{pod}-node-{n}"}
management:
  pool: 172.16.0.0/20
  gateway: 172.16.0.1
  access: [ssh, eapi, gnmi]
  allow: 192.0.2.0/24
  ntp: [192.0.2.10]
  syslog: 192.0.2.11
  users: {admin: {password: secret:admin, ssh-keys: [ssh-ed25519 AAAA someone@somewhere]}}
  aaa: {tacacs: [{address: 192.0.2.12, key: secret:tacacs}]}
  banner: Authorised use only.
maintenance: [backend-su1-leaf-r3]
overrides:
  - {match: {network: backend, role: leaf, device: "*-r3"}, set: {bgp.maximum-paths: 128}}
  - {match: {role: leaf, interface: Ethernet0}, set: {interface.mtu: 9000, interface.speed: 400G}}
raw:
  - {nos: eos, match: {role: spine}, lines: [no aaa root]}
"""
