"""The spec of a range, read once: valid, or with the reason why not."""

import pytest

from hooks.api import names
from hooks.ranges.spec import Domain
from tests.hooks.build import WEB, allocation_object, entry, range_object, request_object, with_ledger
from tests.hooks.calls import answers_of, condition, ledger_of, messages_of, sync_range


@pytest.mark.parametrize("kind", ["text", "type", "chunk size"])
def test_an_invalid_range_reports_its_fault_refuses_requests_and_keeps_its_entries(kind: str) -> None:
    parent = with_ledger(range_object(), entry("held", "10.0.0.0/28"))
    fault = {
        "text": ({"ranges": ["web"]}, 'ranges[0]: "web" is not an IP address, such as 10.0.0.5 or 2001:db8::5'),
        "type": ({"ranges": "10.0.0.0/24"}, "Expected `array`, got `str` - at `spec.ranges`"),
        "chunk size": (
            {"ranges": ["10.0.0.0/24"], "chunkSize": 33},
            "chunkSize 33: IPv4 prefix lengths are 0..32",
        ),
    }
    parent["spec"], message = fault[kind]
    existing = allocation_object("held", cidr="10.0.0.0/28", revision=1)
    answer = sync_range(parent, request_object("held"), WEB, allocations=[existing])
    status = answer["status"]
    assert (status["state"], status["message"]) == ("Invalid", message)
    assert ledger_of(answer) == {"held": "10.0.0.0/28"}
    assert status["revision"] == 1
    assert answers_of(answer) == {"held": ("Ready", "10.0.0.0/28"), "web": ("Invalid", "")}
    assert messages_of(answer)["web"] == f"range team-a/net is invalid: {message}"
    for type_, value in (("Ready", "False"), ("Stalled", "True")):
        shown = condition(status, type_)
        assert (shown["status"], shown["reason"], shown["message"]) == (value, "InvalidSpec", message)


@pytest.mark.parametrize("seconds", [-1, 31_536_001, 10**15])
def test_a_cooldown_that_the_crd_does_not_allow_makes_the_range_invalid(seconds: int) -> None:
    status = sync_range(range_object(cooldown=seconds))["status"]
    assert (status["state"], "spec.cooldownSeconds" in status["message"]) == ("Invalid", True)


def test_the_default_domain_cannot_be_named_by_a_user() -> None:
    assert Domain.of("", "team-a") == ("namespace.team-a", "namespace team-a")
    assert Domain.of("corp", "team-a") == ("corp", "domain corp")
    assert names.domain_label("namespace." + "n" * 53) == "namespace." + "n" * 53
    cut = names.domain_label("namespace." + "n" * 63)
    assert (len(cut), cut[:52]) == (63, "namespace." + "n" * 42)
