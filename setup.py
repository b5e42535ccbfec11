"""The package's files: the library, and the checkpoints that it opens by default as rbvae/checkpoints."""

from setuptools import find_packages, setup

CHECKPOINTS = {f"rbvae.checkpoints.{kind}": f"checkpoints/{kind}" for kind in ("faces", "digits")}

setup(
    packages=[*find_packages(include=["rbvae*"]), *CHECKPOINTS],
    package_dir=CHECKPOINTS,
    package_data={
        "rbvae.faces": ["*.json", "*.npz", "*.webp", "*.md"],
        **dict.fromkeys(CHECKPOINTS, ["README.md", "config.json", "model.safetensors"]),
    },
    include_package_data=False,
)
