"""What a lock may hold, and how two branches' locks are mended."""

from __future__ import annotations

import random
import re
import shlex
import time
from pathlib import Path

import pytest
from fabrics import intent, text

from fabric_compiler.compiler import Options, analyse
from fabric_compiler.diagnostics import CompileError, Diagnostic
from fabric_compiler.plan import lock as locks


def lock(*lines: str) -> str:
    return "version: 1\nblocks:\n" + "".join(f"  {line}\n" for line in lines)


def refused(content: str) -> list[Diagnostic]:
    with pytest.raises(CompileError) as caught:
        locks.loads(content, "intents/x.lock")
    return caught.value.diagnostics


@pytest.mark.parametrize(
    "line",
    [
        "n/rows/s: 0+4000000000",
        "n/rows/s: 131072+1",
        "n/spines/s/p1/g1: 0+131073",
        "n/cores/s/p1: 131071+2",
        "n/spines-asn/s/p1/g1: 200000+1",
        "network/n: 14+1",
        "management/n/pod/s/a1: 16777216+1",
        "racks/s/a1: 1048576+1",
        "racks/a1: 0+1",
        "switch-rows/spine: 0+1",
        "switch-rows/s/n/spine: 4294967295+1",
    ],
)
def test_numbers_beyond_what_a_fabric_can_have_are_refused_in_their_place(line: str) -> None:
    (found,) = refused(lock(line))
    assert (found.code, str(found.span)) == ("FC4005", "intents/x.lock:3:3")
    assert found.hint


def test_all_racks_together_are_bounded() -> None:
    assert refused(lock(*(f"racks/s{n}/a1: 0+600000" for n in range(2))))[0].code == "FC4005"


@pytest.mark.parametrize("rows", ["n/rows/s: 0+4", "n/rows/t: 4+2", "n/rows/s: 0+5 7+3"])
def test_a_pod_outside_its_sites_rows_is_refused_in_its_place(rows: str) -> None:
    (found,) = refused(lock("n/pod/s/a1: 4+2", rows))
    assert (found.code, str(found.span)) == ("FC4005", "intents/x.lock:3:3")
    assert "reassign intents/x.yaml a1" in found.hint


def test_a_pod_may_lie_across_two_blocks_of_its_sites_rows() -> None:
    assert locks.loads(lock("n/pod/s/a1: 4+2", "n/rows/s: 5+3 0+5"), "x.lock").blocks


def test_two_pods_with_the_same_numbers_are_one_error_whose_command_mends_it() -> None:
    content = lock(
        "n/pod/s/a1: 0+2", "n/pod/s/b1: 2+1", "n/pod/s/y1: 0+2", "n/pod/s/z1: 2+1", "n/rows/s: 0+8",
        "management/n/pod/s/a1: 0+8", "management/n/pod/s/y1: 0+8", "racks/s/a1: 0+1 2+1", "racks/s/y1: 0+1",
        "racks/s/n/a1: 1+1", "racks/s/n/y1: 1+2",
    )  # fmt: skip
    found = refused(content)
    assert {tuple(re.findall(r"\b[abyz]1\b", d.message)) for d in found} == {("a1", "y1"), ("b1", "z1")}
    assert len(found) == 2
    (command,) = {re.search(r"`(.*)`", d.hint)[1] for d in found}  # type: ignore[index]
    program, *words = shlex.split(command)
    assert (program, words[:3]) == ("fabricc", ["lock", "reassign", "intents/x.yaml"])
    mended = locks.without(locks.loads(content, "x.lock", overlaps=True), *words[3:])
    locks.check(mended, "x.lock")


def test_a_block_that_encloses_several_meets_each_of_them() -> None:
    content = lock("n/pod/s/a1: 0+9", "n/pod/s/b1: 1+1", "n/pod/s/c1: 5+1", "n/rows/s: 0+9")
    assert len(refused(content)) == 2


def test_reassigning_takes_only_what_is_the_pods() -> None:
    made = locks.loads(
        lock(
            "g1/pod/g1/g1: 0+1", "g1/rows/g1: 0+1", "g1/spines/g1/p1/g1: 0+1", "g1/spines-asn/g1/p1/g1: 0+1", "network/g1: 0+1",
            "management/g1/pod/g1/g1: 0+1", "management/g1/spines/g1/p1/g1: 1+1", "racks/g1/g1: 0+1", "racks/g1/g1/g1: 1+1",
            "switch-rows/g1/g1/g1: 0+1",
        ),
        "x.lock",
    )  # fmt: skip
    assert made.blocks.keys() - locks.without(made, "g1").blocks.keys() == {
        "g1/pod/g1/g1", "management/g1/pod/g1/g1", "racks/g1/g1", "racks/g1/g1/g1",
    }  # fmt: skip
    assert made.blocks.keys() - locks.without(made, "network/g1").blocks.keys() == {"network/g1"}
    with pytest.raises(CompileError, match="FC2005"):
        locks.without(made, "p1")


def test_pruning_drops_shapes_and_media_of_networks_that_are_gone() -> None:
    content = (
        "version: 1\nshapes:\n  gone: old\n  n: new\nblocks:\n  network/gone: removed 1+1\n  network/n: 0+1\n"
        "media:\n  gone leaf-spine 400G: old\n  n leaf-spine 400G: new\n"
    )
    pruned = locks.prune(locks.loads(content, "x.lock"))
    assert (dict(pruned.shapes), dict(pruned.media)) == ({"n": "new"}, {"n leaf-spine 400G": "new"})


@pytest.mark.parametrize("tiers", [2, 3])
def test_no_number_of_a_lock_crashes_the_compiler_or_holds_it_up(tmp_path: Path, tiers: int) -> None:
    path = tmp_path / "x.yaml"
    tree = intent(2, 4, topology={"kind": "rail-optimized", "tiers": tiers}, core={"switch": "sn5400"})
    if tiers == 2:
        del tree["networks"]["compute"]["core"]
    path.write_text(text(tree | {"management": {"pool": "172.16.0.0/20"}}))
    sound = analyse(path, Options()).lock
    content = locks.dumps(sound).split("version: 1\n")[1]
    numbers = list(re.finditer(r"(?<![a-z0-9])\d+", content))
    draw = random.Random(7)
    for match in draw.sample(numbers, min(len(numbers), 40)):
        value = draw.choice((0, 1, 2, 3, 7, 13, 100, 4095, 65_535, 131_071, 1_048_575, 16_777_215, 4_000_000_000, 10**11))
        changed = f"{content[: match.start()]}{value}{content[match.end() :]}"
        path.with_suffix(".lock").write_text(f"version: 1\n{changed}")
        start = time.process_time()
        try:
            analyse(path, Options())
        except CompileError as error:
            assert error.diagnostics
        except Exception as error:
            line = changed[: match.end()].count("\n")
            raise AssertionError(changed.splitlines()[line]) from error
        assert time.process_time() - start < 2, changed[match.start() - 40 : match.end() + 20]
