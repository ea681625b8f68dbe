"""Pages: NetBox's API answers with a part of a listing at a time, and an import needs all of them."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from hooks.api.conditions import listed
from kubectl_ipam.errors import Unanswerable

#: The parameters of a URL in which the pages of a listing differ.
_POSITION = ("limit", "offset")


class Pages:
    """The answers that were read, by the listings of which they are a part."""

    def __init__(self) -> None:
        self._listings: dict[str, _Listing] = {}

    def add(self, name: str, answer: Mapping[str, Any]) -> None:
        """Note an answer, which has a list of objects as `results`; `name` is that of its file."""
        url = next((url for key in ("next", "previous") if isinstance(url := answer.get(key), str)), "")
        key = _without_position(url) if url else f"answer {len(self._listings)}"
        self._listings.setdefault(key, _Listing(urlsplit(url).path)).add(name, answer)

    def check(self) -> None:
        """Do nothing if each listing is complete.

        Raises:
            Unanswerable: if pages are missing; the message says how much is there, and how to get the rest.
        """
        for listing in self._listings.values():
            if not listing.is_complete:
                raise Unanswerable(
                    f"{listing.words}: fetch all of them at once, with ?limit=0, or pass every page as a file (NetBox "
                    "sends at most MAX_PAGE_SIZE objects at once, by default 1000)"
                )


class _Listing:
    """What was read of one listing."""

    def __init__(self, path: str) -> None:
        """Begin; `path` is that of its URL, "" if that is not known."""
        self._path = path
        self._files: dict[str, None] = {}
        self._objects = set[str]()
        self._count = 0
        self._is_counted = True

    def add(self, name: str, answer: Mapping[str, Any]) -> None:
        self._files[name] = None
        self._objects |= set(_identities(answer["results"], len(self._objects)))
        count = answer.get("count")
        if isinstance(count, int):
            self._count = max(self._count, count)
        elif answer.get("next"):
            self._is_counted = False

    @property
    def is_complete(self) -> bool:
        """Whether all its objects were read; not if more follow, and their number is not known."""
        return self._is_counted and len(self._objects) >= self._count

    @property
    def words(self) -> str:
        """How many of its objects are in which files."""
        files, have = listed(f'"{each}"' for each in self._files), "has" if len(self._files) == 1 else "have"
        total = f"{self._count}" if self._is_counted else "an unknown number of"
        of_listing = f" of {self._path}" if self._path else ""
        return f"{files} {have} {len(self._objects)} of {total} objects{of_listing}"


def _identities(objects: list[Any], first_number: int) -> Iterator[str]:
    """What tells the objects of a page from others: a page that is passed twice counts once if they have ids."""
    for number, each in enumerate(objects, first_number):
        kind = "prefix" if "prefix" in each else "address"
        yield f"{kind} {each['id']}" if "id" in each else f"number {number}"


def _without_position(url: str) -> str:
    """A URL without the parameters in which those of the pages of a listing differ."""
    parts = urlsplit(url)
    kept = [each for each in parse_qsl(parts.query, keep_blank_values=True) if each[0] not in _POSITION]
    return f"{parts.netloc}{parts.path}?{urlencode(sorted(kept))}"
