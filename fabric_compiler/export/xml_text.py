"""Text for XML 1.0: what has a meaning is escaped, what the format cannot hold at all becomes the replacement character."""

from __future__ import annotations

import re
from typing import Final

# W3C XML 1.0, production 2: no control character but these, no surrogate, neither of the two last; those of C1 are discouraged
_UNFIT: Final = re.compile("[^\t\n\r -~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKS: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)


def xml(text: str) -> str:
    """For the content of an element or an attribute in double quotes."""
    if text.isalnum() and text.isascii():
        return text
    return _UNFIT.sub("\ufffd", text).translate(_MARKS)
