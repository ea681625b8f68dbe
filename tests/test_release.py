"""One version everywhere; the checks of a release find what is missing; the workflows run our targets."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from release import chart, checks

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))
DIGEST = f"sha256:{'0123456789abcdef' * 4}"
NAMING = ("pyproject.toml", "CHANGELOG.md", "charts/ipam/Chart.yaml", "metacontroller/kustomization.yaml")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the files that name the version, released today, in a repository of its own."""
    for name in NAMING:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    replace(tmp_path / "CHANGELOG.md", r"^(## \S+).*$", r"\1 (2026-12-01)")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def git(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)


def commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "test", "--allow-empty")


def replace(file: Path, pattern: str, text: str) -> None:
    changed, count = re.subn(pattern, text, file.read_text(), count=1, flags=re.MULTILINE)
    assert count == 1
    file.write_text(changed)


def test_everything_that_names_the_version_agrees() -> None:
    assert checks.disagreements(ROOT) == []


def test_a_checkout_with_a_dated_changelog_and_no_changes_is_ready(checkout: Path) -> None:
    version = checks.version_of(checkout)
    assert checks.obstacles(checkout, "") == checks.obstacles(checkout, f"v{version}") == []
    assert checks.notes(checkout).startswith("* ")


@pytest.mark.parametrize(
    ("file", "pattern", "text", "message"),
    [
        ("charts/ipam/Chart.yaml", r"^version: .*$", "version: 9.9.9", 'version in charts/ipam/Chart.yaml is "9.9.9"'),
        ("charts/ipam/Chart.yaml", r"^appVersion: .*$", "appVersion: 9.9.9", "appVersion in charts/ipam/Chart.yaml is"),
        ("metacontroller/kustomization.yaml", r"newTag: .*$", "newTag: 9.9.9", "newTag in metacontroller/kustomiz"),
        ("CHANGELOG.md", r"^## \S+", "## 9.9.9", 'first heading of CHANGELOG.md is "9.9.9"'),
        ("CHANGELOG.md", r"^(## \S+) .*$", r"\1 (unreleased)", "CHANGELOG.md has no date: write ## "),
        ("CHANGELOG.md", r"(?s)^(## [^\n]*\n).*", r"\1", "CHANGELOG.md says nothing about"),
        ("pyproject.toml", r'^version = ".*"$', 'version = "9.9.9"', "but pyproject.toml has the version 9.9.9"),
    ],
)
def test_a_disagreement_is_reported_with_its_place(
    checkout: Path, file: str, pattern: str, text: str, message: str
) -> None:
    replace(checkout / file, pattern, text)
    commit(checkout)
    assert any(message in each for each in checks.obstacles(checkout, ""))


def test_another_tag_and_uncommitted_changes_are_reported(checkout: Path) -> None:
    (checkout / "new").touch()
    tag, changes = checks.obstacles(checkout, "v9.9.9")
    assert 'the tag is "v9.9.9"' in tag
    assert "?? new" in changes


def test_the_chart_of_a_release_names_the_image_by_its_digest(tmp_path: Path) -> None:
    image = f"registry.example.com/team/ipam-hooks@{DIGEST}"
    chart.stage(ROOT / "charts/ipam", tmp_path / "ipam", image)
    values = yaml.safe_load((tmp_path / "ipam/values.yaml").read_text())["image"]
    assert (values["registry"], values["repository"], values["digest"]) == (
        "registry.example.com",
        "team/ipam-hooks",
        DIGEST,
    )
    annotations = yaml.safe_load((tmp_path / "ipam/Chart.yaml").read_text())["annotations"]
    assert yaml.safe_load(annotations["artifacthub.io/images"]) == [{"name": "ipam-hooks", "image": image}]
    assert not any(path.is_symlink() for path in (tmp_path / "ipam").rglob("*"))
    assert (tmp_path / "ipam/manifests/crds/ipamranges.yaml").read_text() == (ROOT / "crds/ipamranges.yaml").read_text()


@pytest.mark.parametrize("image", ["ipam-hooks", "registry.example.com/ipam-hooks:0.1.0", f"ipam-hooks@{DIGEST}"])
def test_an_image_without_registry_or_digest_is_rejected(tmp_path: Path, image: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f'"{image}" is no image with a digest')):
        chart.stage(ROOT / "charts/ipam", tmp_path / "ipam", image)


def steps(workflow: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(workflow.read_text())["jobs"].values()
    return [step for job in jobs for step in job.get("steps", ())]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_pins_the_actions_of_others_and_runs_targets_that_exist(workflow: Path) -> None:
    for line in re.findall(r"uses: (.*)", workflow.read_text()):
        assert line.startswith("./") or re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
    makefile = (ROOT / "Makefile").read_text()
    for step in steps(workflow):
        for target in re.findall(r"^make ([a-z]+)", step.get("run", ""), flags=re.MULTILINE):
            assert f"\n{target}: " in makefile
    assert yaml.safe_load(workflow.read_text())["permissions"] == {"contents": "read"}


def test_ci_runs_all_checks_and_the_release_waits_for_them() -> None:
    ci, release = ({path.stem: path for path in WORKFLOWS}[name] for name in ("ci", "release"))
    assert ".ci/run" in [step.get("run") for step in steps(ci)]
    jobs = yaml.safe_load(release.read_text())["jobs"]
    assert jobs["ci"]["uses"] == "./.github/workflows/ci.yaml"
    assert jobs["publish"]["needs"] == "ci"


def test_the_workflow_of_a_release_signs_image_and_chart_by_digest() -> None:
    text = (ROOT / ".github/workflows/release.yaml").read_text()
    signed = re.findall(r"cosign sign --yes (.*)", text)
    assert len(signed) == 2
    assert all("@$" in each for each in signed)
    assert "platforms: linux/amd64,linux/arm64" in text
