"""The arrows of the house: app -> rbvae <- training, and inside rbvae from config up to editing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {  # module of rbvae -> modules of rbvae that it may import, besides errors
    "errors": set(),
    "models": set(),
    "config": {"models"},
    "distributions": set(),
    "blocks": {"config"},
    "jpeg": set(),
    "colours": set(),
    "decoding": {"colours", "jpeg"},
    "images": {"decoding"},
    "digits": set(),
    "bundle": set(),
    "detectors": set(),
    "encoders": {"config", "distributions", "blocks"},
    "generator": {"config", "blocks"},
    "discriminators": {"config", "blocks"},
    "teller": {"blocks"},
    "model": {"config", "distributions", "encoders", "generator", "models"},
    "extensions": {"model"},
    "augment": set(),
    "joints": {"augment", "config", "distributions", "model"},
    "objectives": {
        "augment",
        "blocks",
        "config",
        "discriminators",
        "distributions",
        "joints",
        "model",
        "objectives",
        "teller",
    },
    "boxes": set(),
    "face": set(),
    "landmarks": {"boxes", "bundle", "detectors", "face"},
    "alignment": set(),
    "faces": {"alignment", "boxes", "face", "faces", "images", "landmarks"},
    "checkpoint": {"config", "model"},
    "onnx": {"checkpoint", "model"},
    "calibration": {"face", "model"},
    "pasting": {"alignment"},
    "editing": {
        "alignment",
        "calibration",
        "checkpoint",
        "editing",
        "face",
        "faces",
        "images",
        "landmarks",
        "model",
        "pasting",
    },
    "marking": set(),
    "__main__": {"animation", "batch", "calibration", "checkpoint", "config", "editing", "marking", "onnx"},
    "batch": {"calibration", "editing", "images", "marking"},
    "animation": {"editing", "marking"},
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


@pytest.mark.parametrize("path", modules_of("rbvae"), ids=lambda path: path.stem)
def test_rbvae_imports_along_the_arrows(path):
    relative = path.relative_to(ROOT / "rbvae")
    if relative == Path("__init__.py"):
        return
    name = relative.parts[0].removesuffix(".py")
    used = {module.split(".")[1] for module in imports(path) if module.startswith("rbvae.")}
    assert used - {"errors"} <= ALLOWED[name], path


def test_networks_import_no_optimizer_or_hub():
    for name in ("config", "distributions", "blocks", "encoders", "generator", "discriminators", "model"):
        found = imports(ROOT / "rbvae" / f"{name}.py")
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
