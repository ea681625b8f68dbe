"""The fixtures of tests that read a cluster."""

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest
import yaml

from tests.kubectl_ipam.api_server import Server, config_of
from tests.kubectl_ipam.clusters import cluster_of, range_, request


@pytest.fixture(name="kubeconfig", scope="module")
def _kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    box = cluster_of(
        range_("net", "10.0.0.0/24", chunkSize=28), range_("other", "10.1.0.0/24", namespace="infra"), request("web")
    )
    Server.objects = box.objects()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    path = tmp_path_factory.mktemp("kube") / "config"
    path.write_text(yaml.safe_dump(config_of(f"http://127.0.0.1:{server.server_port}")))
    yield str(path)
    server.shutdown()
    server.server_close()


@pytest.fixture(name="forbidden")
def _forbidden() -> Iterator[set[str]]:
    yield Server.forbidden
    Server.forbidden.clear()
