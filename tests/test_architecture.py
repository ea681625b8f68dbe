"""The architecture, enforced: imports point down, the pure part stays pure, files and functions stay small."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent

#: Modules that the pure part must not import: I/O, clocks, random numbers, process state.
IMPURE = {
    "asyncio", "http", "logging", "multiprocessing", "os", "pathlib", "random", "secrets", "signal",
    "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip

#: What each part may import besides the standard library and the packages of the project; the longest name counts.
LIBRARIES: dict[str, set[str]] = {
    "ipam": set(),
    "ipam.address": {"netaddr"},
    "hooks": {"msgspec"},
    "hooks.app": {"flask", "werkzeug"},
    "hooks.exposition": {"prometheus_client"},
    "hooks.metrics": {"msgspec", "prometheus_client"},
    "hooks.worker": {"gevent", "gunicorn"},
    "hooks.protocol.errors": {"jsonschema", "msgspec"},
    "conformance": {"jsonschema", "requests"},
    "generators": {"yaml"},
    "kubectl_ipam": {"msgspec"},
    "kubectl_ipam.call": {"yaml"},
    "kubectl_ipam.commands": {"msgspec", "rich"},
    "kubectl_ipam.commands.import_": {"yaml"},
    "kubectl_ipam.exchange.formats": {"msgspec", "yaml"},
    "kubectl_ipam.output": {"rich"},
    "kubectl_ipam.sources.live": {"httpx2", "lightkube", "yaml"},
    "simulator": {"requests", "yaml", "jsonschema", "cel_expr_python"},
}

#: The layers of the whole tree and of its packages, the highest first: a part imports only parts below it.
#: Parts in one line do not import each other. A part that is not named here may not exist.
LAYERS: dict[str, list[str]] = {
    "": ["bench release", "controlplane conformance generators kubectl_ipam", "simulator hooks", "ipam"],
    "hooks": [
        "app worker tls exposition", "logs metrics arbiter readiness history_log",
        "settings ranges requests integrations", "protocol", "api",
    ],
    "hooks.api": ["namespaces ownership conditions shards", "foreign", "kinds", "metadata", "names", "times"],
    "hooks.protocol": ["children", "decoding", "bodies errors nesting"],
    "hooks.ranges": [
        "sync", "status answers events", "placement outdated", "consistency grants returns gateways", "claims waiting",
        "records quotas", "occupancy", "extents", "former_blocks withdrawals", "observed",
        "announcements delegation releases slices", "ledger spec",
        "network cells reservations",
    ],
    "hooks.requests": ["sync", "status", "observed", "delegation"],
    "hooks.integrations": ["claims services claimed_requests", "claim_status claim_view service_view", "attachments"],
    "kubectl_ipam": [
        "__main__ completion", "cli", "commands", "call", "options audit", "changes planning page", "sources",
        "explanation", "box documents lookup owners exchange remedies", "output", "views", "snapshot", "objects",
        "resources shipped errors progress history",
    ],
    "kubectl_ipam.exchange": [
        "formats manifests writers", "hierarchy pools plain conflicts", "netbox phpipam",
        "book blocks naming nets pages pool_objects present specs tables",
    ],
    "kubectl_ipam.page": ["server", "answers guard reading"],
    "ipam": ["claim_forms", "allocate", "free_space round_robin pool", "address_set reserved", "interval", "address"],
    "generators": ["__main__", "api_reference dashboard", "panels"],
    "simulator": [
        "__main__", "cli", "commands", "kubectl mutants", "attack", "judge", "world", "cluster", "scheduler",
        "metacontroller", "kubernetes", "names discarding",
    ],
}  # fmt: skip

#: The files of `hooks` that may have effects: that is their purpose.
EFFECTFUL = {
    f"hooks/{name}.py"
    for name in ("app", "arbiter", "exposition", "history_log", "logs", "metrics", "settings", "tls", "worker")
}

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400
#: Files that may have more lines, because a table is easier to read in one file.
LONG_TABLES = {"tests/e2e/crd_tables.py"}


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def pure_sources() -> list[Path]:
    return [path for path in sources("ipam", "hooks") if name_of(path) not in EFFECTFUL]


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module or ""


def imported_names(path: Path) -> Iterator[str]:
    """The modules that a file imports at run time, including modules that it imports from a package by name."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in for_types:
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_of(path: Path) -> str:
    return name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def libraries_of(module: str) -> set[str]:
    return LIBRARIES[max((known for known in LIBRARIES if f"{module}.".startswith(f"{known}.")), key=len)]


def part_of(module: str, package: str) -> str | None:
    """The part of a package to which a module belongs; None if it is outside, or is the package itself."""
    inside = module.removeprefix(f"{package}.") if package else module
    return inside.split(".")[0] if inside != module or not package else None


OURS = ("ipam", "hooks", "kubectl_ipam", "conformance", "generators", "simulator", "controlplane", "bench", "release")
PURE = ("ipam", "hooks", "kubectl_ipam", "conformance", "generators", "simulator")


@pytest.mark.parametrize("path", sources(*PURE), ids=name_of)
def test_each_part_imports_only_its_own_libraries(path: Path) -> None:
    top_level = {module.split(".")[0] for module in imported_modules(path)}

    assert top_level - set(sys.stdlib_module_names) - set(OURS) <= libraries_of(module_of(path))


@pytest.mark.parametrize("package", LAYERS)
def test_imports_point_down_only(package: str) -> None:
    level = {part: number for number, layer in enumerate(LAYERS[package]) for part in layer.split()}
    paths = [path for path in sources(*OURS) if part_of(module_of(path), package) in level]
    upwards = [
        f"{module_of(path)} imports {module}"
        for path in paths
        for module in imported_modules(path)
        if (target := part_of(module, package)) in level
        and target != (part := part_of(module_of(path), package))
        and level[target or ""] <= level[part or ""]
    ]

    assert not upwards


@pytest.mark.parametrize("package", LAYERS)
def test_each_part_of_a_package_has_its_layer(package: str) -> None:
    folder = ROOT / package.replace(".", "/")
    parts = {path.stem for path in folder.glob("*.py") if path.stem != "__init__"} if package else set()
    parts |= {path.parent.name for path in folder.glob("*/__init__.py")}

    assert parts - {"tests"} == {part for layer in LAYERS[package] for part in layer.split()}


def test_no_module_imports_itself_by_way_of_others() -> None:
    modules = {module_of(path): path for path in sources(*OURS)}
    edges = {
        module: sorted({each for each in imported_names(path) if each in modules and each != module})
        for module, path in modules.items()
    }
    done: set[str] = set()

    def walk(module: str, way: list[str]) -> None:
        assert module not in way, " -> ".join([*way, module])
        if module not in done:
            for target in edges[module]:
                walk(target, [*way, module])
            done.add(module)

    for module in edges:
        walk(module, [])


def test_the_simulator_shares_no_code_with_the_hooks() -> None:
    """A judge that shares code with the hooks would share their mistakes."""
    used = {module.split(".")[0] for path in sources("simulator") for module in imported_modules(path)}

    assert used.isdisjoint({"hooks", "ipam", "conformance"})


@pytest.mark.parametrize("path", pure_sources(), ids=name_of)
def test_the_pure_part_imports_nothing_that_has_effects(path: Path) -> None:
    assert {module.split(".")[0] for module in imported_modules(path)}.isdisjoint(IMPURE)


@pytest.mark.parametrize("path", pure_sources(), ids=name_of)
def test_the_pure_part_reads_no_clock(path: Path) -> None:
    called = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)}

    assert called.isdisjoint({"datetime.now", "datetime.utcnow", "datetime.today", "open", "print"})


@pytest.mark.parametrize("path", sources(*OURS, "tests"), ids=name_of)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    too_long = [
        f"{node.name} has {lines} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]

    assert not too_long
    assert name_of(path) in LONG_TABLES or len(text.splitlines()) <= FILE_LINES_MAX


@pytest.mark.parametrize("path", sources(*OURS), ids=name_of)
def test_every_module_has_a_docstring(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_asserts_stay_on_in_production() -> None:
    """They are the third kind of error: a bug must lead to a 500, not to a wrong answer."""
    for name in ("Dockerfile", "gunicorn.conf.py", "Makefile", "metacontroller/hooks.yaml"):
        text = (ROOT / name).read_text()

        assert "PYTHONOPTIMIZE" not in text
        assert "python -O" not in text


def test_examples_are_the_same_each_time_but_fresh_in_ci_where_their_seed_is_printed() -> None:
    script = (ROOT / ".ci/run").read_text()

    assert settings.get_profile("steady").derandomize
    assert not settings.get_profile("ci").derandomize
    assert settings.get_profile("ci").print_blob
    assert "--hypothesis-profile=ci --hypothesis-seed=$FIRST" in script
    assert re.search(r'^make simulate SEEDS=[0-9]{4,} FIRST="\$FIRST"$', script, flags=re.MULTILINE)


def test_the_image_installs_what_the_hooks_import_at_the_versions_that_are_tested() -> None:
    def pins(name: str) -> set[str]:
        return {line.split(" ")[0] for line in (ROOT / name).read_text().splitlines() if "==" in line}

    assert pins("requirements-hooks.txt") <= pins("requirements.txt")


def test_the_hooks_need_only_the_packages_that_the_image_installs() -> None:
    """The server and its worker must not need packages of the simulator, the tests or the fixture runner."""
    pins = {line.split("==")[0] for line in (ROOT / "requirements-hooks.txt").read_text().splitlines() if "==" in line}
    others = [
        module
        for module, distributions in packages_distributions().items()
        if not pins.intersection(re.sub(r"[-_.]+", "-", name).lower() for name in distributions)
    ]
    program = (
        "import sys\n"
        f"for name in {others}: sys.modules.setdefault(name, None)\n"
        "import hooks.app, hooks.worker\n"
        "hooks.app.create_app()\n"
    )

    assert "pytest" in others
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
