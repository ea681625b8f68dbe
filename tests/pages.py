"""The pages of the documentation, their sections and the blocks of code in them."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def pages() -> list[Path]:
    return sorted((ROOT / "docs").rglob("*.md"))


def section(page: Path, heading: str) -> str:
    """The text below a heading of the second level."""
    found = page.read_text().partition(f"\n## {heading}\n")
    assert found[1], f"{page.name} has no section {heading}"
    return found[2].partition("\n## ")[0]


def blocks(text: str, language: str) -> list[str]:
    """The blocks of code in this language, without the indentation of the list in which they are."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, flags=re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]
