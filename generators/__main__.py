"""Write all generated files."""

from pathlib import Path

from generators.api_reference import api_reference
from generators.dashboard import dashboard_json

ROOT = Path(__file__).parent.parent
GENERATED = {"docs/api.md": api_reference, "deploy/monitoring/dashboard.json": dashboard_json}


def main() -> None:
    """Write each file and print its name."""
    for name, generate in GENERATED.items():
        (ROOT / name).write_text(generate(ROOT))
        print(name)


if __name__ == "__main__":
    main()
