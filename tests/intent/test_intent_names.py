"""Names that pods expand to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fabric_compiler.intent.pods import collision, names
from fabric_compiler.intent.schema import Pod

_NAMES = st.from_regex(r"[ab][ab0-2]{0,3}", fullmatch=True)


def pod(name: str, count: int) -> Pod:
    return Pod.model_validate({"name": name, "count": str(count), "servers": "1", "server": "x", "connect": {}})


def test_pods_are_always_numbered() -> None:
    assert list(names(pod("su", 3))) == ["su1", "su2", "su3"]
    assert list(names(pod("ext", 1))) == ["ext1"]


@given(_NAMES, st.integers(1, 130), _NAMES, st.integers(1, 130))
def test_collisions_are_found_without_expanding(one: str, many: int, two: str, few: int) -> None:
    first, second = pod(one, many), pod(two, few)
    if one == two:
        return
    by_name = {one: first, two: second}
    found = collision(first, by_name) or collision(second, by_name)
    common = set(names(first)) & set(names(second))
    assert bool(found) == bool(common)
    if found:
        assert found[1] in common
