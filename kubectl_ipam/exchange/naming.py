"""Names of Kubernetes objects for things that other systems name in their own way."""

import re

from hooks.api.names import NamespacedName

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_OTHER = re.compile(r"[^a-z0-9.]+")
NAME_LENGTH_MAX = 253
LABEL_LENGTH_MAX = 63
#: Names that are made here stay readable in tables.
_MADE_LENGTH_MAX = 63


def is_name(text: str) -> bool:
    """Whether a text can name a range or a request (a DNS subdomain)."""
    return len(text) <= NAME_LENGTH_MAX and _NAME.fullmatch(text) is not None


def is_label(text: str) -> bool:
    """Whether a text can name a namespace or a domain (a DNS label)."""
    return len(text) <= LABEL_LENGTH_MAX and _LABEL.fullmatch(text) is not None


def name_from(*texts: str) -> str:
    """A name made of the first of these texts that has a letter or a digit; "" if none has."""
    for text in texts:
        parts = (part.strip("-") for part in _OTHER.sub("-", text.lower()).split("."))
        if made := ".".join(filter(None, parts))[:_MADE_LENGTH_MAX].strip("-."):
            return made
    return ""


def label_from(text: str) -> str:
    """A DNS label made of a text; "" if it has no letter or digit."""
    return name_from(text).replace(".", "-")


def name_of_block(cidr: str) -> str:
    """A name for a block that has none: "10-0-0-0-24", or "10-0-0-5" for a single address."""
    address, _, length = cidr.partition("/")
    bits = "128" if ":" in address else "32"
    text = re.sub(r"[^0-9a-z]+", "-", address).strip("-") or "any"
    return text if length in ("", bits) else f"{text}-{length}"


class Names:
    """Names that were given out, so that none is given out twice."""

    def __init__(self) -> None:
        self._taken: set[NamespacedName] = set()

    def unused(self, namespace: str, *wishes: str) -> NamespacedName:
        """The first of these names that is unused, or the last one with a number."""
        candidates = [wish for wish in wishes if wish]
        numbered = (f"{candidates[-1]}-{number}" for number in range(2, len(self._taken) + 3))
        for name in (*candidates, *numbered):
            found = NamespacedName(namespace, name)
            if found not in self._taken:
                self._taken.add(found)
                return found
        raise AssertionError("one of so many numbers is unused")
