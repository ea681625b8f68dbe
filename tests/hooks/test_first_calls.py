"""The first calls of a new process, all at once, so that several threads build what is built on first use."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

PROGRAM = """
import json, sys, threading
sys.setswitchinterval(1e-6)
from hooks.app import create_app
from tests.hooks.build import range_body, range_object, request_body, request_object
from tests.hooks.foreign import SERVICE_SYNC, claim_body, claim_object, service_body, service_object

bodies = {
    "/ipamrange/sync": range_body(range_object(), *[request_object(f"r{index}") for index in range(50)]),
    "/ipamrange/customize": {"parent": range_object()},
    "/ipamrequest/sync": request_body(request_object("r")),
    "/ipamrequest/customize": {"parent": request_object("r")},
    "/ipamrequest/finalize": {},
    "/ipaddressclaim/sync": claim_body(claim_object()),
    "/claimedrequest/finalize": {},
    SERVICE_SYNC: service_body(service_object()),
}
app, statuses = create_app(), []
start = threading.Barrier(4 * len(bodies))

def call(path, body):
    client = app.test_client()
    start.wait()
    statuses.append((path, client.post(path, data=body).status_code))

threads = [
    threading.Thread(target=call, args=(path, json.dumps(body))) for path, body in bodies.items() for _ in range(4)
]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sorted(set(statuses)))
"""


ANSWERED = (
    "[('/claimedrequest/finalize', 400), ('/ipaddressclaim/sync', 200), "
    "('/ipamrange/customize', 200), ('/ipamrange/sync', 200), ('/ipamrequest/customize', 200), "
    "('/ipamrequest/finalize', 400), ('/ipamrequest/sync', 200), "
    "('/service/sync?annotation=metallb.io/loadBalancerIPs', 200)]"
)


def test_threads_that_make_the_first_calls_at_once_are_all_answered() -> None:
    for _ in range(8):
        run = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False
        )

        assert run.returncode == 0, run.stderr[-2000:]
        assert run.stdout.strip() == ANSWERED
