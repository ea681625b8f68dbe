"""Metadata that is nested too deeply to be decoded.

A client can create an object whose `managedFields` have as many levels as the API server reads, 10,000. Decoders count
the levels of what they skip, too, and Python 3.12 and later have a limit for them that cannot be raised. So that such
an object stops no other one, its `managedFields`, which the hooks never read, are taken out of the body.
"""

import re

#: More than any client that applies objects writes, and far fewer than any decoder reads, also by Python's own limit of
#: recursion (1,000), which the plugin keeps.
LEVELS_MAX = 200
_FIELD = b'"managedFields"'
_QUOTE = b'"'[0]
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{}\]]', re.DOTALL)


def without_deep_metadata(body: bytes) -> bytes:
    """The body with null for each `managedFields` of more than `LEVELS_MAX` levels; not JSON is returned as it came."""
    kept: list[bytes] = []
    copied = depth = start = base = deepest = 0
    is_next = False
    for token in _TOKEN.finditer(body):
        first = body[token.start()]
        if first == _QUOTE:
            is_next = not base and token[0] == _FIELD and body[token.end() : token.end() + 1] == b":"
        elif first in b"[{":
            depth += 1
            if is_next:
                start, base = token.start(), depth
            deepest = max(deepest, depth) if base else 0
            is_next = False
        else:
            if depth == base and deepest - base > LEVELS_MAX:
                kept += (body[copied:start], b"null")
                copied = token.end()
            base = base if depth > base else 0
            depth -= 1
    return b"".join((*kept, body[copied:]))
