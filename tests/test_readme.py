"""The README names what there is, and its commands run."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_files_that_the_readme_links_exist():
    links = re.findall(r"\]\(((?!https?:)[^)#]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_the_tree_shows_every_room():
    tree = README.split("```\nrbvae/")[1].split("```")[0]
    for package in ("rbvae", "training", "app"):
        for folder in (ROOT / package).iterdir():
            if folder.is_dir() and folder.name != "__pycache__":
                assert f"  {folder.name}/" in tree, folder
    for name in re.findall(r"\b([a-z_]+\.py)\b", tree):
        assert any((ROOT / package / name).exists() for package in ("rbvae", "app")), name


def test_the_tree_is_a_gradio_space_as_it_is_and_a_docker_one_by_two_lines():
    _, front, _ = README.split("---", 2)
    version = re.search(r"^sdk: gradio\nsdk_version: (6\.\d+\.\d+)$", front, flags=re.MULTILINE)
    assert "app_file: app/app.py" in front and "app_port" not in front  # which is Docker's
    least = re.search(r"^gradio\[mcp\]>=(6\.\d+)", (ROOT / "requirements.txt").read_text(), flags=re.MULTILINE)
    assert version and least and int(version[1].split(".")[1]) >= int(least[1].split(".")[1])
    assert f"\ngradio=={version[1]}\n" in (ROOT / "constraints.txt").read_text(), "the Space runs a version CI has not"
    assert (ROOT / "packages.txt").exists()
    assert "app_port: 7860" in (ROOT / "docs/deploy.md").read_text()
    assert "EXPOSE 7860" in (ROOT / "Dockerfile").read_text() and "uid 1000" in (ROOT / "Dockerfile").read_text()


def test_the_same_system_packages_are_named_for_spaces_docker_and_ci():
    packages = (ROOT / "packages.txt").read_text().split()
    for file in ("Dockerfile", ".ci/run"):
        assert " ".join(packages) in (ROOT / file).read_text(), file


@pytest.mark.parametrize("target", ["app", "test"])
def test_both_make_commands_are_there(target):
    assert f"make {target} " in README
    planned = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert ("app/app.py" if target == "app" else "pytest") in planned


def test_commands_of_training_take_the_options_shown(tmp_path, monkeypatch):
    """Every `python training/...` line parses: it fails for its missing folders, never for its options."""
    from training.engine.cli import run_command

    monkeypatch.chdir(tmp_path)  # where none of the folders is: a checkout may hold real ones
    commands = [line for line in README.splitlines() if line.startswith("python training/")]
    assert len(commands) >= 4
    for command in commands:
        _, script, *options = shlex.split(command)
        module = __import__(f"training.{Path(script).stem}", fromlist=["main"])
        assert run_command(module.main, options) == 2, command


def test_the_python_example_runs(astronaut, tmp_path, monkeypatch):
    code = README.split("```python")[1].split("```")[0].replace("checkpoints/faces", str(ROOT / "checkpoints/faces"))
    for name in ("me.jpg", "friend.jpg"):
        (tmp_path / name).write_bytes(astronaut.read_bytes())
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert {path.name for path in tmp_path.glob("*.png")} == {"smile.png", "random.png", "transfer.png", "neutral.png"}
