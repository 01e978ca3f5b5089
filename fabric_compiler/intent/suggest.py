"""Did you mean."""

from __future__ import annotations

from collections.abc import Iterable

MAX_SHOWN = 12
_CLOSE = 60.0  # of 100; lower ones confuse more than they help


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` is most likely a slip of."""
    from rapidfuzz import fuzz, process  # only a wrong intent pays for it

    choices = sorted(known)
    found = process.extractOne(word[:64].lower(), choices, scorer=fuzz.ratio, processor=str.lower, score_cutoff=_CLOSE)
    return found[0] if found else None


def hint(word: str, known: Iterable[str], what: str = "known") -> str:
    """'did you mean leaf?', or what there is to choose from."""
    choices = sorted(known)
    close = nearest(word, choices)
    if close:
        return f"did you mean {close}?"
    return f"{what}: {listed(choices)}" if choices else ""


def listed(words: Iterable[str]) -> str:
    """Some words as a person lists them, long lists cut."""
    choices = list(words)
    more = f" and {len(choices) - MAX_SHOWN} more" if len(choices) > MAX_SHOWN else ""
    return ", ".join(choices[:MAX_SHOWN]) + more
