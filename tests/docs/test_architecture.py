"""The page on the architecture names files that exist, and every package."""

import re
from pathlib import Path

import nbtrack

ROOT = Path(nbtrack.__file__).parent
PAGE = (ROOT.parent / "docs" / "pages" / "architecture.md").read_text(encoding="utf-8")


def test_each_file_and_folder_of_a_flow_exists():
    flows = re.findall(r"^```flow\n.*?: (.*?)\n```$", PAGE, re.MULTILINE)
    assert len(flows) == 4
    steps = [step.strip() for flow in flows for step in flow.split(">")]
    assert [step for step in steps if not (ROOT / step).exists()] == []


def test_each_package_and_module_at_the_top_is_named():
    parts = [path for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    names = [f"{path.name}/" if path.is_dir() else path.name for path in parts if path.stem[0] != "_"]
    assert [name for name in names if f"`{name}" not in PAGE] == []
