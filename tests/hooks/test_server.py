"""The server of the hooks, all on loopback: clients that send half a request and then nothing more, and its answers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from hooks.app import PAUSE_SECONDS_OF_REQUEST
from hooks.worker import JOINED_BYTES_MAX, JoinedAnswer
from tests.hooks.build import range_body, range_object, with_ledger
from tests.hooks.early import with_unreadable_requests

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
CONNECTIONS = 300
REQUEST_SECONDS_MAX = 3
BODY_BYTES_MAX = 4_000_000
HALF_A_BODY = b'POST /ipamrange/sync HTTP/1.1\r\nHost: hooks\r\nContent-Length: 1000\r\n\r\n{"parent": {'
HALF_OF_THE_HEADERS = b"POST /ipamrange/sync HTTP/1.1\r\nHost: ho"


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """The address of a server with one process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address: tuple[str, int] = probe.getsockname()
    own = {
        "IPAM_BIND": f"127.0.0.1:{address[1]}",
        "IPAM_WORKERS": "1",
        "IPAM_REQUEST_SECONDS_MAX": f"{REQUEST_SECONDS_MAX}",
        "IPAM_BODY_BYTES_MAX": f"{BODY_BYTES_MAX}",
    }
    command = [sys.executable, "-m", "gunicorn", "--log-level", "error"]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | own) as server:
        try:
            wait_until_it_answers(address)
            yield address
        finally:
            server.terminate()


def wait_until_it_answers(address: tuple[str, int]) -> None:
    for _ in range(300):
        try:
            assert probe(address) == 200
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"no answer from {address}")


def probe(address: tuple[str, int], seconds: float = 10.0) -> int:
    return requests.get(f"http://127.0.0.1:{address[1]}/healthz", timeout=seconds).status_code


@pytest.mark.parametrize(
    "sent", [HALF_A_BODY, HALF_OF_THE_HEADERS, b""], ids=["half a body", "half of the headers", "nothing"]
)
def test_finding_11_half_sent_requests_do_not_stop_the_probes(address: tuple[str, int], sent: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(CONNECTIONS):
            stack.enter_context(socket.create_connection(address, timeout=10)).sendall(sent)
        time.sleep(0.5)
        assert [probe(address, seconds=1.0) for _ in range(3)] == [200] * 3


def test_finding_11_a_request_whose_body_does_not_arrive_is_ended(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=30) as client:
        client.sendall(HALF_A_BODY)
        start = time.monotonic()
        assert client.recv(1) == b""
        assert REQUEST_SECONDS_MAX - 1 <= time.monotonic() - start < 20


def test_a_connection_serves_several_requests(address: tuple[str, int]) -> None:
    with requests.Session() as session:
        url = f"http://127.0.0.1:{address[1]}"
        answers = [session.post(f"{url}/ipamrange/sync", data="{}", timeout=10) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400] * 3
    assert all("error" in answer.json() for answer in answers)


@pytest.mark.parametrize(
    "headers", [{"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "off"}, {"SCRIPT_NAME": "/healthz"}]
)
def test_headers_of_a_proxy_change_nothing(address: tuple[str, int], headers: dict[str, str]) -> None:
    answer = requests.get(f"http://{address[0]}:{address[1]}/healthz", headers=headers, timeout=REQUEST_SECONDS_MAX)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=REQUEST_SECONDS_MAX - 1) as client:
        client.sendall(HALF_A_BODY.partition(b"\r\n\r\n")[0] + b"\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 100 Continue\r\n")


def test_while_an_answer_is_kept_back_other_calls_are_answered(address: tuple[str, int]) -> None:
    count = 7_000
    body = with_unreadable_requests(range_body(with_ledger(range_object(), revision=3)), count)
    url = f"http://127.0.0.1:{address[1]}/ipamrange/sync"
    with ThreadPoolExecutor(1) as caller:
        start = time.monotonic()
        kept_back = caller.submit(requests.post, url, json=body, timeout=30)
        answered_count = 0
        while not kept_back.done():
            assert probe(address) == 200
            answered_count += 1
    assert kept_back.result().status_code == 200
    assert time.monotonic() - start >= count * PAUSE_SECONDS_OF_REQUEST
    assert answered_count > 3


@pytest.mark.parametrize(("end", "status"), [(b" ", 200), (b" x", 413)])
def test_of_a_body_whose_length_is_not_announced_nothing_is_left_unread(
    address: tuple[str, int], end: bytes, status: int
) -> None:
    parts = json.dumps({"parent": range_object()}).encode().ljust(BODY_BYTES_MAX - 1), end
    url = f"http://{address[0]}:{address[1]}/ipamrange/customize"
    answer = requests.post(url, data=iter(parts), timeout=REQUEST_SECONDS_MAX)
    assert (answer.request.headers["Transfer-Encoding"], answer.status_code) == ("chunked", status), answer.text


class Packets:
    """A socket that records what is sent at once."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.sent.append(bytes(data))

    def send(self, data: bytes) -> int:
        self.sent.append(data)
        return len(data)


LONG = b"x" * (JOINED_BYTES_MAX + 1)


@pytest.mark.parametrize(
    ("parts", "sent"),
    [
        ([b"headers", b"body"], [b"headersbody"]),
        ([b"headers", LONG], [b"headers", LONG]),
        ([LONG[:-1], b"y", b"z"], [LONG[:-1] + b"y", b"z"]),
        ([], []),
    ],
)
def test_short_parts_of_an_answer_are_sent_together(parts: list[bytes], sent: list[bytes]) -> None:
    packets = Packets()
    answer = JoinedAnswer(packets)
    for part in parts:
        answer.sendall(part)
    answer.flush()
    answer.flush()
    assert packets.sent == sent


def test_an_answer_in_advance_is_sent_at_once() -> None:
    packets = Packets()
    JoinedAnswer(packets).send(b"100 Continue")
    assert packets.sent == [b"100 Continue"]
