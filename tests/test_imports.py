"""The arrows of the house: app -> rbvae <- training, those between their rooms, and no circles anywhere."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("rbvae", "training", "app")
ROOMS = {  # a folder or a file at the top of a package -> the others of that package that it may import, but errors
    "rbvae": {
        "errors": set(),
        "config": set(),
        "bundled": set(),
        "models": {"config"},
        "hub": set(),
        "checkpoint": {"config", "hub", "models"},
        "objectives": {"config", "models"},
        "extensions": {"config", "models", "objectives"},
        "images": set(),
        "digits": set(),
        "faces": {"images"},
        "editing": {"bundled", "checkpoint", "config", "digits", "faces", "images", "models"},
        "parser": {"editing"},
        "terminal": set(),
        "__main__": {"bundled", "checkpoint", "config", "editing", "images", "parser", "terminal"},
    },
    "training": {
        "data": set(),
        "evaluation": {"data"},
        "engine": {"data", "evaluation"},
        "table1": {"data", "evaluation", "engine"},
        "tools": {"data", "evaluation", "engine"},
        **dict.fromkeys(
            ("train", "prepare_faces", "evaluate", "benchmark", "publish"), {"data", "evaluation", "engine", "table1"}
        ),
    },
    "app": {"server": set(), "page": {"server"}, "tools": set(), "app": {"server", "page"}},
}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, at whatever depth."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def modules_of(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize(("package", "other"), [("rbvae", "training"), ("rbvae", "app"), ("app", "training"),
                                                ("training", "app")])  # fmt: skip
def test_packages_import_along_the_arrows(package, other):
    for path in modules_of(package):
        assert not [name for name in imports(path) if name.split(".")[0] == other], path


def name_of(path: Path) -> str:
    """rbvae/models/blocks.py -> rbvae.models.blocks; a package is called as its folder."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def graph() -> dict[str, set[str]]:
    """Every module of the three packages, and those of them that it imports."""
    modules = {name_of(path): path for package in PACKAGES for path in modules_of(package)}
    return {name: (imports(path) & set(modules)) - {name} for name, path in modules.items()}


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_import_along_the_arrows(package):
    for name, used in graph().items():
        if name.startswith(f"{package}."):
            room = name.split(".")[1]
            others = {other.split(".")[1] for other in used if other.startswith(f"{package}.")}
            assert others - {room, "errors"} <= ROOMS[package][room], name


def test_no_file_and_no_folder_imports_itself_through_others():
    files = graph()
    packages = {name_of(path.parent / "__init__.py") for p in PACKAGES for path in modules_of(p) if path.parent != ROOT}
    TopologicalSorter({name: used - packages for name, used in files.items()}).prepare()
    rooms: dict[str, set[str]] = {}
    for name, used in files.items():
        room = ".".join(name.split(".")[:2])
        rooms.setdefault(room, set()).update(".".join(other.split(".")[:2]) for other in used - packages)
    TopologicalSorter({room: used - {room} for room, used in rooms.items()}).prepare()


def test_only_commands_lie_at_the_top_of_training():
    assert {path.stem for path in (ROOT / "training").glob("*.py")} == {
        "__init__", "train", "prepare_faces", "evaluate", "benchmark", "publish",
    }  # fmt: skip


def test_only_commands_insert_into_the_path():
    inserting = {p.relative_to(ROOT).as_posix() for package in PACKAGES for p in modules_of(package)
                 if "sys.path.insert" in p.read_text(encoding="utf-8")}  # fmt: skip
    commands = {f"training/{name}.py" for name in ("train", "prepare_faces", "evaluate", "benchmark", "publish")}
    assert inserting == commands | {"app/app.py", "app/tools/latency.py", "app/tools/load.py"}


def test_networks_import_no_optimizer_or_hub():
    for name in ("config", "distributions", "blocks", "encoders", "generator", "discriminators", "model"):
        found = imports(ROOT / "rbvae" / ("config.py" if name == "config" else f"models/{name}.py"))
        assert not [module for module in found if "optim" in module or "huggingface" in module], name


def test_training_runs_without_gradio_and_mediapipe():
    blocked = "import sys; sys.modules.update(gradio=None, mediapipe=None); "
    paths = [path.relative_to(ROOT).with_suffix("") for path in modules_of("training") if path.stem != "__init__"]
    code = blocked + "; ".join(f"import {'.'.join(path.parts)}" for path in paths)
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_app_and_library_run_without_what_only_training_uses():
    only_training = ("pyarrow", "sklearn", "tensorboard", "torchvision")
    blocked = f"import sys; sys.modules.update(dict.fromkeys({only_training!r})); "
    code = blocked + "import rbvae; import app.app; from rbvae.objectives import get_method; get_method('srb')"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, cwd=ROOT)


def test_public_names_are_pinned():
    import rbvae

    assert sorted(rbvae.__all__) == [
        "Checkpoint", "CheckpointError", "ConfigError", "DatasetError", "Direction", "Edit", "FaceNotFoundError",
        "Faces", "ImageError", "Inference", "LandmarkerError", "ModelConfig", "Portrait", "PortraitEditor", "RbVAE",
        "RbvaeError", "StyleEditor", "TrainingError", "load_checkpoint", "save_checkpoint",
    ]  # fmt: skip
