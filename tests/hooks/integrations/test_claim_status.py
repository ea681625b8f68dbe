"""The status of a claim, in which other controllers write, too."""

from typing import Any

import pytest

from tests.hooks.build import at
from tests.hooks.calls import post
from tests.hooks.foreign import address_object, attached_request, claim_body, claim_object

READY = {"type": "Ready", "status": "True", "reason": "AddressAllocated", "message": ""}
OUR_CONDITION = READY | {"lastTransitionTime": at(), "observedGeneration": 1}


def conditions_after(before: Any) -> Any:
    """The conditions of a claim that has its address, in the answer to a call that shows these."""
    claim = claim_object()
    claim["status"] = {"conditions": before}
    response = post("/ipaddressclaim/sync", claim_body(claim, attached_request(claim), address_object()))
    assert response.status_code == 200, response.data
    return response.get_json()["status"]["conditions"]


@pytest.mark.parametrize(
    "condition", [{}, {"type": None}, {"type": ["Ready"]}, {"type": "Other", "reason": 5}, "Ready", 5, None], ids=str
)
def test_a_condition_of_another_controller_is_returned_in_any_form(condition: Any) -> None:
    assert conditions_after([condition]) == [condition, OUR_CONDITION]


@pytest.mark.parametrize("conditions", [None, "", 5, {}, {"type": "Ready"}], ids=str)
def test_conditions_that_are_no_list_are_replaced(conditions: Any) -> None:
    assert conditions_after(conditions) == [OUR_CONDITION]
