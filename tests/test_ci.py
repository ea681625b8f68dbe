"""`.ci/run` runs what the machine has the programs for, and names what it leaves out."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(folder: Path, *programs: str, fails: str = "nothing", **environment: str) -> tuple[int, list[str]]:
    """The exit code and the lines of `.ci/run` on a machine with these programs; its `make` prints its first target."""
    tools = folder / "bin"
    tools.mkdir()
    for needed in ("bash", "env", "dirname", "date", "id"):
        (tools / needed).symlink_to(str(shutil.which(needed)))
    for name in programs:
        (tools / name).write_text("#!/bin/sh\n")
    (tools / "make").write_text(f'#!/bin/sh\necho "make $1"\n[ "$1" != {fails} ]\n')
    for file in tools.iterdir():
        file.chmod(0o755) if not file.is_symlink() else None
    (folder / ".ci").mkdir()
    script = shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    done = subprocess.run(
        [script], env={"PATH": str(tools), **environment}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("program", ["chromium", "chromium-browser", "google-chrome"])
def test_the_web_page_is_tested_where_a_browser_is_found(program: str, tmp_path: Path) -> None:
    code, lines = run(tmp_path, program)

    assert code == 0
    assert lines.count("make browser") == 1


def test_the_web_page_is_tested_in_the_browser_that_the_environment_names(tmp_path: Path) -> None:
    code, lines = run(tmp_path, CHROMIUM="/opt/chromium")

    assert code == 0
    assert "make browser" in lines


def test_a_machine_without_a_browser_says_that_the_web_page_was_not_tested(tmp_path: Path) -> None:
    code, lines = run(tmp_path)

    assert code == 0
    assert "make browser" not in lines
    assert "the web page was not tested in a browser: that needs chromium, or CHROMIUM=/path/to/it" in lines


@pytest.mark.parametrize("target", ["lint", "test", "mutants", "simulate", "e2e", "browser"])
def test_each_check_that_fails_ends_the_run(target: str, tmp_path: Path) -> None:
    code, lines = run(tmp_path, "chromium", fails=target)

    assert code != 0
    assert lines[-1] == f"make {target}"
