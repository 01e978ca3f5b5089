"""What a lab is called: everything of one fabric is found by its prefix, and nothing of another's."""

from __future__ import annotations

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from fabric_compiler.lab import store

LABELS = st.from_regex(re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII), fullmatch=True)
# FRR's -N takes no slash and no dot, and its sockets' paths have 107 characters
_LONGEST = 107 - len("/var/run/frr//zserv.api")


@given(LABELS, LABELS, LABELS)
def test_no_fabric_s_prefix_begins_a_name_of_another(one: str, other: str, device: str) -> None:
    assume(one != other)
    assert not store.name(other, device).startswith(store.prefix(one))


@given(LABELS, LABELS, LABELS)
def test_names_differ_and_are_short_enough_for_frr(fabric: str, one: str, other: str) -> None:
    name = store.name(fabric, one)
    assert name.startswith(store.prefix(fabric))
    assert len(name) <= _LONGEST
    assert not set(name) & set("/.")
    assume(one != other)
    assert name != store.name(fabric, other)
