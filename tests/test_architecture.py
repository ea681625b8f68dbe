"""The machine keeps the architecture: imports point down, the pure part stays pure, files and functions stay small."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent

#: What the pure part must not touch: I/O, clocks, chance, process state.
IMPURE = {
    "asyncio", "http", "logging", "multiprocessing", "os", "pathlib", "random", "secrets", "signal",
    "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip

#: What each part may import besides the standard library; the longest matching name counts.
ALLOWED = {
    "ipam": {"ipam"},
    "ipam.address": {"ipam", "netaddr"},
    "hooks": {"hooks", "ipam", "msgspec"},
    "hooks.app": {"hooks", "flask", "werkzeug"},
    "hooks.explain": {"jsonschema", "msgspec"},
    "hooks.replay": {"hooks", "jsonschema", "requests", "werkzeug"},
    "simulator": {"simulator", "requests", "yaml", "jsonschema", "cel_expr_python"},
}

#: The files of the pure part that speak to the world all the same: that is what they are for.
WORLD = {"hooks/app.py", "hooks/settings.py", "hooks/replay.py"}

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module or ""


def allowed_for(path: Path) -> set[str]:
    module = name_of(path).removesuffix(".py").replace("/", ".")
    return ALLOWED[max((known for known in ALLOWED if module.startswith(known)), key=len)]


@pytest.mark.parametrize("path", sources("ipam", "hooks", "simulator"), ids=name_of)
def test_imports_point_down_only(path: Path) -> None:
    top_level = {module.split(".")[0] for module in imported_modules(path)}

    assert top_level - set(sys.stdlib_module_names) <= allowed_for(path)


@pytest.mark.parametrize("path", [each for each in sources("ipam", "hooks") if name_of(each) not in WORLD], ids=name_of)
def test_the_pure_part_imports_nothing_that_has_effects(path: Path) -> None:
    assert {module.split(".")[0] for module in imported_modules(path)}.isdisjoint(IMPURE)


@pytest.mark.parametrize("path", [each for each in sources("ipam", "hooks") if name_of(each) not in WORLD], ids=name_of)
def test_the_pure_part_asks_no_clock(path: Path) -> None:
    called = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)}

    assert called.isdisjoint({"datetime.now", "datetime.utcnow", "datetime.today", "open", "print"})


@pytest.mark.parametrize("path", sources("ipam", "hooks", "simulator", "controlplane", "tests", "bench"), ids=name_of)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    too_long = [
        f"{node.name} has {lines} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]

    assert not too_long
    assert path.match("tests/**/*.py") or len(text.splitlines()) <= FILE_LINES_MAX


@pytest.mark.parametrize("path", sources("ipam", "hooks", "simulator"), ids=name_of)
def test_every_module_says_why_it_exists(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_asserts_stay_on_in_production() -> None:
    """They are the third kind of error: a bug must end as 500, not as a wrong answer."""
    for name in ("Dockerfile", "gunicorn.conf.py", "Makefile", "metacontroller/hooks.yaml"):
        text = (ROOT / name).read_text()

        assert "PYTHONOPTIMIZE" not in text
        assert "python -O" not in text


def test_examples_are_the_same_each_time_but_fresh_in_ci_where_their_seed_is_printed() -> None:
    told = (ROOT / ".ci/run").read_text()

    assert settings.get_profile("steady").derandomize
    assert not settings.get_profile("ci").derandomize
    assert settings.get_profile("ci").print_blob
    assert "--hypothesis-profile=ci --hypothesis-seed=$FIRST" in told
    assert re.search(r'^make simulate SEEDS=[0-9]{4,} FIRST="\$FIRST"$', told, flags=re.MULTILINE)


def test_the_image_installs_what_the_hooks_import_at_the_versions_that_are_tested() -> None:
    def pins(name: str) -> set[str]:
        return {line.split(" ")[0] for line in (ROOT / name).read_text().splitlines() if "==" in line}

    assert pins("requirements-hooks.txt") <= pins("requirements.txt")


def test_the_hooks_run_with_nothing_but_what_the_image_installs() -> None:
    """The simulator's, the tests' and the replay tool's packages must not creep into the server."""
    program = (
        "import sys\n"
        "for name in ('pytest', 'requests', 'yaml', 'hypothesis', 'cel_expr_python'): sys.modules[name] = None\n"
        "import hooks.app\n"
    )

    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
