"""Findings: what is wrong, where, and what to do."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

#: After this time a delay is none any more.
OVERDUE = timedelta(minutes=15)


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """A promise of ipam is broken, or its protection is missing."""
    WARNING = "warning"
    """Something waits for a person, or will not work as it was meant."""


class Finding(NamedTuple):
    """Something that is wrong.

    Attributes:
        severity: how bad it is.
        rule: what was found, as one CamelCase word.
        subject: the object, as "Kind namespace/name".
        message: a sentence without a full stop; the same for the same thing, whenever it is looked at.
        remedy: what to do, as a sentence without a full stop.
        range_name: "namespace/name" of the range that it concerns; "" if it concerns none.
        may_be_delay: whether it may only mean that something was not written yet.
        since: since when it has lasted, if that is known.
    """

    severity: Severity
    rule: str
    subject: str
    message: str
    remedy: str
    range_name: str = ""
    may_be_delay: bool = False
    since: datetime | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two findings the same."""
        return self.rule, self.subject, self.message

    def is_overdue(self, now: datetime) -> bool:
        """Whether it has lasted for so long that it is no delay."""
        return self.since is not None and now - self.since > OVERDUE


def error(rule: str, subject: str, message: str, remedy: str, range_name: str = "") -> Finding:
    """A broken promise, which no delay explains."""
    return Finding(Severity.ERROR, rule, subject, message, remedy, range_name)


def warning(rule: str, subject: str, message: str, remedy: str, range_name: str = "") -> Finding:
    """Something that waits for a person."""
    return Finding(Severity.WARNING, rule, subject, message, remedy, range_name)


def unless_delayed(finding: Finding, since: datetime | None = None) -> Finding:
    """The finding as one that a delay may explain, since a time if that is known."""
    return finding._replace(may_be_delay=True, since=since)
