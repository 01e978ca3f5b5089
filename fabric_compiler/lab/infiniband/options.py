"""A build's opensm.conf, as it may be given to OpenSM here: the build's own values, and no way out of the lab's directory.

A build may come from anyone, and some options of OpenSM load a library, open a port, or name a file to write. What is passed on
is listed; files are read from the lab's copy of the build's directory, as if it were /etc/opensm; OpenSM writes to the lab's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from fabric_compiler.diagnostics import Report, Span

NAME: Final = "opensm.conf"
_NULL: Final = "(null)"
_REFERENCE: Final = "<secret:"  # to a secret, as the build has it
_LONGEST = 1000  # osm_subn_parse_conf_file reads lines of 1023 characters


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Names of all options: the template that `opensm -c` of 3.3.23 writes.
_PASSED: Final = _names("""
    allow_both_pkeys avoid_throttled_links babbling_port_policy cc_ca_cong_setting_ccti_increase
    cc_ca_cong_setting_ccti_min cc_ca_cong_setting_ccti_timer cc_ca_cong_setting_control_map
    cc_ca_cong_setting_port_control cc_ca_cong_setting_trigger_threshold cc_cct cc_key cc_max_outstanding_mads
    cc_sw_cong_setting_control_map cc_sw_cong_setting_credit_mask cc_sw_cong_setting_credit_starvation_return_delay
    cc_sw_cong_setting_credit_starvation_threshold cc_sw_cong_setting_marking_rate cc_sw_cong_setting_packet_size
    cc_sw_cong_setting_threshold cc_sw_cong_setting_victim_mask congestion_control connect_roots
    consolidate_ipv6_snm_req disable_multicast do_mesh_analysis drop_event_subscriptions enable_quirks exit_on_fatal
    fdr10 force_heavy_sweep force_link_speed force_link_speed_ext force_link_width fsync_high_avail_files
    guid_routing_order_no_scatter head_of_queue_lifetime honor_guid2lid_file ignore_other_sm
    ipoib_mcgroup_creation_validation keep_pkey_indexes lash_start_vl leaf_head_of_queue_lifetime leaf_vl_stall_count
    lmc lmc_esp0 local_phy_errors_threshold long_transaction_timeout m_key m_key_lease_period m_key_lookup
    m_key_protection_level max_msg_fifo_timeout max_op_vls max_reverse_hops max_smps_timeout max_wire_smps
    max_wire_smps2 mcgroup_join_validation no_clients_rereg no_partition_enforcement nue_include_switches
    nue_max_num_vls overrun_errors_threshold packet_life_time part_enforce perfmgr perfmgr_ignore_cas perfmgr_log_errors
    perfmgr_max_outstanding_queries perfmgr_query_cpi perfmgr_redir perfmgr_rm_nodes perfmgr_sweep_time_s
    perfmgr_xmit_wait_log perfmgr_xmit_wait_threshold polling_retry_number port_profile_switch_nodes port_shifting qos
    quasi_ftree_indexing reassign_lids routing_engine sa_key scatter_ports single_thread sm_assigned_guid sm_key
    sm_priority sm_sl sminfo_polling_timeout subnet_prefix subnet_timeout suppress_sl2vl_mad_status_errors
    sweep_interval sweep_on_trap transaction_retries transaction_timeout use_mfttop use_optimized_slvl
    use_original_extended_sa_rates_only use_ucast_cache vl_stall_count
""") | {
    f"qos_{target}{setting}"
    for target in ("", "ca_", "sw0_", "swe_", "rtr_")
    for setting in ("max_vls", "high_limit", "vlarb_high", "vlarb_low", "sl2vl")
}
_READ: Final = _names("""
    cn_guid_file guid_routing_order_file hop_weights_file ids_guid_file io_guid_file lfts_file lid_matrix_dump_file
    node_name_map_name port_prof_ignore_file port_search_ordering_file root_guid_file sa_db_file
""")
# Files that OpenSM looks for in /etc/opensm even where opensm.conf does not name them
_READ_UNNAMED: Final = {
    "partition_config_file": "partitions.conf",
    "per_module_logging_file": "per-module-logging.conf",
    "prefix_routes_file": "prefix-routes.conf",
    "qos_policy_file": "qos-policy.conf",
    "torus_config": "torus-2QoS.conf",
}
_OURS: Final = _names("""
    accum_log_file console daemon dump_files_dir force_log_flush guid log_file log_flags log_max_size log_prefix
    sa_db_dump sm_inactive
""")
_REFUSED: Final = _names("console_port event_db_dump_file event_plugin_name event_plugin_options")
KNOWN: Final = _PASSED | _READ | _READ_UNNAMED.keys() | _OURS | _REFUSED


@dataclass(frozen=True, slots=True)
class Options:
    """`lines` are for OpenSM in the lab; `guid` is the port to which the build binds it, 0 where it says none."""

    lines: tuple[str, ...]
    guid: int


def contain(text: str, place: str, files: Collection[str], copies: Path, directory: Path, log: Path) -> Options:
    """`files` are the names beside opensm.conf, of which the lab's `copies` are read; OpenSM writes to `directory` and `log`.

    `place` names the file in errors. Raises CompileError (FC8202) for an option that OpenSM does not know or that the lab does
    not pass on, and for a file that the build does not have.
    """
    report = Report()
    passed: list[str] = []
    read = {option: str(copies / name) for option, name in _READ_UNNAMED.items()}
    for line, option, value in _options(text, place, report):
        span = Span(place, line, 1)
        if option in _PASSED:
            # a secret is not in the build, and the subnet here has none to keep: OpenSM's default does
            passed += [] if value.startswith(_REFERENCE) else [f"{option} {value}"]
        elif option in _READ or option in _READ_UNNAMED:
            name = PurePosixPath(value).name
            if value == _NULL:
                read.pop(option, None)
                passed.append(f"{option} {_NULL}")
            elif name in files:
                read[option] = str(copies / name)
            else:
                report.error("FC8202", f"{option} names {name!r}, and there is no such file beside {NAME}", span)
        elif option in _REFUSED:
            report.error("FC8202", f"{option} is not for a lab: it would open or write something, or run a program", span)
        elif option not in _OURS:
            report.error("FC8202", f"OpenSM does not know the option {option!r}", span, "the lab runs upstream's OpenSM")
    report.raise_if_failed()
    own = {
        "guid": "0x0000000000000000",
        "log_file": str(log),
        "log_flags": "0x03",
        "log_max_size": "0",
        "accum_log_file": "TRUE",
        "force_log_flush": "TRUE",
        "dump_files_dir": str(directory),
        "console": "off",
    }
    lines = (*passed, *(f"{option} {path}" for option, path in (read | own).items()))
    return Options(lines, number(text.encode(), "guid"))


def _options(text: str, place: str, report: Report) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > _LONGEST or not line.replace("\t", " ").isprintable():
            report.error("FC8202", "a line that is too long, or has control characters", Span(place, number, 1))
            continue
        words = line.split(maxsplit=1)
        if words and not words[0].startswith("#"):
            yield number, words[0], words[1].strip() if len(words) > 1 else _NULL


def number(content: bytes, option: str) -> int:
    """The value of an option that is a number; 0 where it is not stated, or is none."""
    found = re.search(rb"^[ \t]*" + option.encode() + rb"[ \t]+(0x[0-9a-fA-F]{1,16}|[0-9]{1,9})\s*$", content, re.MULTILINE)
    return int(found[1], 0) if found else 0
