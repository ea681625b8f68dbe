"""The call of a case: in this process, or at a server in replay mode."""

import json
from collections.abc import Callable
from typing import Any

import requests

from conformance.cases import Case, Unusable
from hooks.app import NOW_HEADER, create_app
from hooks.settings import Settings

_TIMEOUT_SECONDS = 60
#: Makes the call of a case and gives the answer in the form of `Case.expected`.
Send = Callable[[Case], dict[str, Any]]


def in_process() -> Send:
    """Call the hooks in this process."""
    client = create_app(Settings(replay=True)).test_client()

    def send(case: Case) -> dict[str, Any]:
        answer = client.post(case.path, data=case.request, headers=case.headers)
        return {"status": answer.status_code, "body": _json_or_text(answer.data)}

    return send


def over_http(url: str) -> Send:
    """Call the hooks at a server in replay mode.

    Raises:
        Unusable: when sending, if there is no server, or it takes the clock's time instead of the case's.
    """
    session = requests.Session()
    session.trust_env = False  # no proxies: the server is the one that was named

    def send(case: Case) -> dict[str, Any]:
        try:
            answer = session.post(
                url.rstrip("/") + case.path, data=case.request, headers=case.headers, timeout=_TIMEOUT_SECONDS
            )
        except requests.RequestException as error:
            raise Unusable(f"no answer from {url} (`make serve` starts a server): {error}") from error
        if answer.status_code == 200 and answer.headers.get(NOW_HEADER) != case.now:
            raise Unusable(
                f"{url} does not take the time from the header {NOW_HEADER}: start it with IPAM_REPLAY=1 (as "
                "`make serve` does); a server in a cluster must not be started so"
            )
        return {"status": answer.status_code, "body": _json_or_text(answer.content)}

    return send


def _json_or_text(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace")
