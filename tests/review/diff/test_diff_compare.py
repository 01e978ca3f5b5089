"""What changed, as a reviewer asks it: each kind of change of an intent, seen in the diff of its builds."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from compiler.builds import desk
from fabrics import intent
from hostile import HOSTILE_BY_NAME

from fabric_compiler.compiler import Options
from fabric_compiler.review.diff import json as machine
from fabric_compiler.review.diff import markdown, text
from fabric_compiler.review.diff.changes import Changes
from fabric_compiler.review.diff.compare import compare
from fabric_compiler.review.diff.reasons import reasons
from fabric_compiler.review.diff.sides import opened
from fabric_compiler.review.folded_diff import Difference

TOPOLOGY = {"kind": "rail-optimized", "reserve": {"pods": 4}}
NETWORK = {"leaf": {"switch": "sn5600"}, "spine": {"switch": "sn5600"}, "topology": TOPOLOGY}


def between(before: dict[str, Any], after: dict[str, Any]) -> tuple[Changes, list[Difference]]:
    """The second is compiled with the lock of the first, as in a repository."""
    with desk() as old, desk() as new:
        old.build(before)
        new.lock.write_bytes(old.lock.read_bytes())
        new.build(after)
        with opened(str(old.output / "test"), Options()) as one, opened(str(new.output / "test"), Options()) as two:
            return compare(one, two)


def small(**network: Any) -> dict[str, Any]:
    return intent(2, 4, **(NETWORK | network))


def alarms(changes: Changes) -> str:
    return "\n".join(text.alarms(changes))


def kinds(changes: Changes) -> set[str]:
    return {f"{part.sign}{part.kind}" for change in changes.configurations for part in change.parts}


def test_nothing_changes_between_equal_builds() -> None:
    changes, files = between(small(), small())
    assert changes.same
    assert not files
    assert text.render(changes)[1:] == ["nothing changed"]


def test_a_new_pod_lays_cables_and_disrupts_nothing() -> None:
    tree = small()
    grown = tree | {"pods": [tree["pods"][0] | {"count": 3}]}
    changes, _ = between(tree, grown)
    assert {d.sign for d in changes.devices} == {"+"}
    assert {c.work for c in changes.cables} == {"lay"}
    assert not changes.renumbered
    assert not changes.disruptive
    assert not alarms(changes)
    spines = next(c for c in changes.configurations if c.role == "spine")
    assert any(part.sign == "+" and part.kind == "neighbor" for part in spines.parts)
    assert len([c for c in changes.configurations if c.role == "spine"]) == 1  # both spines in one row


def test_a_removed_spine_is_shouted_and_its_cables_move() -> None:
    changes, _ = between(small(topology=TOPOLOGY | {"spines": 4}), small(topology=TOPOLOGY | {"spines": 2}))
    assert "! REMOVED: 2 spines of compute" in alarms(changes)
    assert "MOVED" in alarms(changes)
    assert any(c.work == "move" for c in changes.cables)


def test_renumbering_is_shouted() -> None:
    changes, _ = between(small(), small(addressing={"loopbacks": "10.253.0.0/16", "hosts": "10.0.0.0/10"}))
    assert "! RENUMBERED" in alarms(changes)
    assert {r.kind for r in changes.renumbered} == {"loopback"}
    assert any("router ID" in reason for change in changes.disruptive for reason in change.disrupts)


def test_new_asns_are_shouted_as_renumbering_and_as_disruption() -> None:
    changes, _ = between(small(), small(asns={"spine": "65000-65010"}))
    assert "! RENUMBERED: 2 ASNs of 2 devices" in alarms(changes)
    assert any("ASN changes" in reason for change in changes.disruptive for reason in change.disrupts)
    assert {s.sign for s in changes.sessions} == {"~"}


def test_an_mtu_is_a_change_of_ports_that_hits_traffic() -> None:
    changes, _ = between(small(), small(mtu=9000))
    assert {"~port", "~unused port"} <= kinds(changes)
    assert "+port" not in kinds(changes)
    assert any("MTU" in reason for change in changes.disruptive for reason in change.disrupts)


def test_lossy_queues_in_place_of_lossless_ones_ask_for_a_reload() -> None:
    changes, _ = between(small(), small(qos="roce-lossy"))
    assert any("reload" in reason for change in changes.disruptive for reason in change.disrupts)


def test_a_syslog_server_disrupts_nothing() -> None:
    managed = {"management": {"pool": "172.16.0.0/22"}}
    changes, _ = between(small() | managed, small() | {"management": managed["management"] | {"syslog": "192.0.2.11"}})
    assert kinds(changes) == {"+management setting"}
    assert not changes.disruptive


def test_eos_neighbors_and_ports_are_counted_as_sonic_s_are() -> None:
    eos = {"leaf": {"switch": "7060x6-64pe"}, "spine": {"switch": "7060x6-64pe"}}
    tree = small(**eos)
    changes, _ = between(tree, tree | {"pods": [tree["pods"][0] | {"count": 3}]})
    spines = next(c for c in changes.configurations if c.role == "spine")
    assert {"+neighbor", "+port"} <= {f"{part.sign}{part.kind}" for part in spines.parts}
    assert not changes.disruptive


def test_the_json_form_tells_the_verdict_and_every_row() -> None:
    changes, _ = between(small(), small(mtu=9000))
    tree = json.loads(machine.render(changes))
    assert tree["disruptive"] is True
    assert tree["same"] is False
    assert len(tree["configurations"]) == len(changes.configurations)


def test_markdown_stays_below_the_size_of_a_comment_and_says_what_is_missing() -> None:
    wide = NETWORK | {"topology": TOPOLOGY | {"reserve": {"pods": 8}}}
    changes, files = between(intent(8, 8, **wide), intent(8, 8, **wide, mtu=9000))
    page = markdown.render(changes, files)
    assert len(page) <= markdown.MAX_CHARACTERS + 500
    assert page.count("<details>") == page.count("</details>")


@pytest.mark.parametrize("name", HOSTILE_BY_NAME)
def test_a_hostile_label_stays_text(name: str) -> None:
    changes = Changes(HOSTILE_BY_NAME[name], "new", (), (), (), (), (), (), (HOSTILE_BY_NAME[name],))
    page = markdown.render(changes, [])
    assert "<script" not in re.sub(r"(?s)`[^`\n]*`|~~~~.*?~~~~", "", page)  # code is shown as it stands
    assert all(line.isprintable() for line in text.render(changes))
    assert all(c.isprintable() or c in "\n\u200b" for c in page)


def test_the_page_is_the_same_on_every_run(tmp_path: Path) -> None:
    one, two = (markdown.render(*between(small(), small(mtu=9000))) for _ in range(2))
    cut = [page.split("\n", 1)[1] for page in (one, two)]  # the first line has the names of the directories
    assert cut[0].splitlines()[:-1] == cut[1].splitlines()[:-1]


def test_a_change_is_explained_by_the_place_of_the_new_intent_that_it_follows_from() -> None:
    with desk() as old, desk() as new:
        old.build(small())
        new.lock.write_bytes(old.lock.read_bytes())
        new.build(small(mtu=9000))
        with opened(str(old.output / "test"), Options()) as one, opened(str(new.output / "test"), Options()) as two:
            changes, files = compare(one, two)
            because = [reasons(change, two, files, Options()) for change in changes.configurations]
    assert because
    assert all(any("networks.compute.mtu: " in line and "x.yaml:" in line for line in lines) for lines in because)
