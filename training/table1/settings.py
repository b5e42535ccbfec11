"""The rows of Table 1 and their settings: the same networks and images for all, weights from the published grids."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from rbvae.config import ModelConfig
from rbvae.errors import ConfigError
from rbvae.objectives import get_method
from training.engine.config import TrainConfig, override, per_value

PRESETS = {
    "small": TrainConfig(
        model=ModelConfig(image_size=32, width=8, max_width=64, dim_z=32, dim_e=32, patch=2, linear=True), steps=6000,
        batch=32, lr=5e-4, ema_images=5000, closed_form=True,
    ),
    "codes": TrainConfig(
        model=ModelConfig(
            observes="code", image_size=64, texels=1254, texture_even=100, texture_odd=50, shape_even=24,
            shape_odd=16, dim_z=32, dim_e=32, hidden=128,
        ),
        steps=6000, batch=64, lr=3e-4, ema_images=5000,
    ),
    "full": TrainConfig(
        model=ModelConfig(image_size=64, width=32, max_width=256, dim_z=64, dim_e=32, patch=2, linear=True),
        steps=50_000, batch=64,
    ),
}  # fmt: skip
CHECK_EVERY = {"small": 500, "codes": 400, "full": 2000}  # steps between validation scores


@dataclass(frozen=True)
class Row:
    """A row of the table: a method, as the paper has it (`paper`) or with our extensions up to a `rung` of the ladder.

    Rung 0 is the method of the paper: the raw density ratio, unit weights, no linear paths, Adam at 1e-4. Each rung
    adds to the one before: 1 the softplus form, R1 and weights of the cycles, 2 linear paths that begin in closed form,
    3 pins and reversal, 4 reference pretraining. Methods without adversary or reference set have nothing of 1, 3 or 4.
    """

    name: str
    title: str
    method: str
    rung: int = 4

    @property
    def features(self) -> str:
        """The paper's choice of features: "e" with a reference set, "ze" without."""
        return get_method(self.method).features


ROWS = {
    row.name: row
    for row in (
        *(Row(name, get_method(name).title, name) for name in ("vae", "beta", "tc", "dip1", "dip2", "svae")),
        *(Row(name, get_method(name).title, name) for name in ("mmcvae", "sepvae", "mathieu", "rb", "srb")),
        Row("rb-paper", "Rb-VAE, as in the paper", "rb", 0),
        Row("srb-paper", "sRb-VAE, as in the paper", "srb", 0),
        Row("srb-1", "sRb-VAE + steadier adversary", "srb", 1),
        Row("srb-2", "sRb-VAE + linear paths", "srb", 2),
        Row("srb-3", "sRb-VAE + pins and reversal", "srb", 3),
        Row("rb-plain", "Rb-VAE without pretraining", "rb", 2),
        Row("mathieu-plain", "Mathieu et al. without pretraining", "mathieu", 2),
    )
}
LADDER = ("srb-paper", "srb-1", "srb-2", "srb-3", "srb")
WITHOUT_PRETRAINING = ("srb-3", "rb-plain", "mathieu-plain")  # on codes, where there is none, no rows of their own
VARIANTS = (*LADDER[1:-1], "rb-plain", "mathieu-plain")  # of other rows: no longer runs of their own
GRIDS: dict[str, tuple[str, tuple[float, ...]]] = {  # DIP's lambda_d is derived from lambda_od
    "beta": ("objective.beta", (1, 2, 4, 6, 8, 16)),  # as published
    "tc": ("objective.beta", (1, 2, 4, 6, 8, 10)),
    "dip1": ("objective.dip_weight", (1, 2, 5, 10, 20, 50)),
    "dip2": ("objective.dip_weight", (1, 2, 5, 10, 20, 50)),
    "mmcvae": ("objective.separation_weight", (0.1, 1, 10)),  # ours from here on, as no grid is published
    "sepvae": ("objective.separation_weight", (1, 4, 16, 64)),
    **dict.fromkeys(("vae", "mathieu", "rb"), ("objective.laplace_scale", (0.03, 0.1, 0.3, 1))),
    **dict.fromkeys(("rb-paper", "srb-paper"), ("objective.laplace_scale", (0.03, 0.1, 0.3))),
    "svae": ("extensions.r1_weight", (0.2, 1, 5)),
    "srb": ("extensions.reversal_weight", (1, 5, 20, 100, 500, 2500)),
}
TUNED_WITH = {"srb-3": "srb", "rb-plain": "rb", "mathieu-plain": "mathieu"}  # variants with the value of another row
PRETRAINING_STEPS = 2000
PRETRAINED_WEIGHT = {"srb": {"digits": 1, "faces": 10}, "rb": 100, "mathieu": 100}  # in units of the objectives
R1_WEIGHT = {"digits": 2.0, "faces": 0.2, "codes": 1.0}  # white outlines on black are easy to tell from generated ones
IMAGE_WEIGHT = {"digits": 100.0, "faces": 30.0, "codes": 400.0}  # of the mean absolute error, for sRb-VAE and sVAE
APART = ("extensions.reversal_weight=5", "extensions.pin_weight=1")
PAPER_LR = 1e-4
SEEDS = {  # of the published tables: (rows with more or fewer seeds, all others)
    "digits": (
        {
            **dict.fromkeys(VARIANTS, 3),
            **dict.fromkeys(("srb", "rb", "mathieu", "svae", "dip1"), 10),
        },
        5,
    ),
    "codes": ({}, 10),
    "faces": ({}, 3),
}
PLAIN = ("fer", "lfw")  # published without grids and longer runs, to save two days


def grid_of(name: str) -> tuple[str, tuple[float, ...]]:
    """Returns the setting that a row or its model is tuned by and its values; ("", ()) if there are none."""
    return GRIDS.get(TUNED_WITH.get(name, name), ("", ()))


def kind_of(dataset: str) -> str:
    """Returns "digits", "faces" or "codes": what settings depend on."""
    return "digits" if dataset == "digits" else "codes" if dataset.endswith("-codes") else "faces"


def choose(names: str, dataset: str) -> list[str]:
    """Parses comma-separated row names and sorts them as in the table; "" selects all that the dataset has.

    Raises ConfigError for an unknown name.
    """
    asked = [name.strip() for name in names.split(",") if name.strip()]
    known = [name for name in ROWS if kind_of(dataset) != "codes" or name not in WITHOUT_PRETRAINING]
    if kind_of(dataset) == "faces" and not asked:  # the ladder is climbed on digits
        known = [name for name in known if name not in (*LADDER[1:-1], *WITHOUT_PRETRAINING)]
    if unknown := [name for name in asked if name not in known]:
        raise ConfigError(f"--methods {names!r}: no {', '.join(unknown)}; there are {', '.join(known)}")
    return [name for name in known if name in asked or not asked]


def base(dataset: str, preset: str, steps: int | None, minutes: float | None) -> TrainConfig:
    """Returns the config shared by all rows.

    With `minutes` and without `steps`, only the clock and the validation score end a run. Runs that ignore e are not
    stopped, since their scores show it. Raises ConfigError for a preset that is unknown or does not fit the dataset.
    """
    kind = kind_of(dataset)
    if preset not in PRESETS or (preset == "codes") != (kind == "codes"):
        fitting = [name for name in PRESETS if (name == "codes") == (kind == "codes")]
        raise ConfigError(f"unknown preset {preset!r}; choose one of {', '.join(fitting)}")
    config = PRESETS[preset]
    if minutes is not None:
        steps = steps or 10**9
    config = dataclasses.replace(
        config, preset=preset, kind="digits" if kind == "digits" else "faces", flip=kind == "faces",
        stop_collapsed=False,
    )  # fmt: skip
    return dataclasses.replace(config, steps=config.steps if steps is None else steps)


@dataclass(frozen=True)
class Settings:
    """What all runs on a dataset share: the config, and --set assignments.

    Assignments of the form ROW:NAME=VALUE apply to that row only.
    """

    dataset: str
    config: TrainConfig
    assignments: list[str]

    def of(self, name: str, seed: int, value: float | None = None) -> TrainConfig:
        """Returns the config of one run: the row's own weights, then a value of its grid, then the assignments.

        Raises ConfigError for an unknown row or setting.
        """
        row, config, own = ROWS[name], self.config, self.own(name)
        if row.rung < 2:
            linear = dataclasses.replace(config.model, linear=False)
            config = dataclasses.replace(config, model=linear, closed_form=False)
        if row.rung < 1:
            config = dataclasses.replace(config, lr=PAPER_LR)
        if row.rung and row.method in ("srb", "svae"):
            objective = per_value(config.model, image=IMAGE_WEIGHT[kind_of(self.dataset)], latent=1.0)
            if row.method == "svae":  # one latent
                one = 1 / (config.model.dim_z + config.model.dim_e)
                objective = dataclasses.replace(objective, latent_z_weight=one)
            config = dataclasses.replace(config, objective=objective)
        if value is not None:
            own.append(f"{grid_of(name)[0]}={value:g}")
        for assignment in self.assignments:
            before, colon, after = assignment.partition(":")
            if colon and before not in ROWS:
                raise ConfigError(f"--set {assignment!r}: no method {before!r}; there are {', '.join(ROWS)}")
            if not colon or before == name:
                own.append(after if colon else assignment)
        return override(dataclasses.replace(config, method=row.method, seed=seed), own)

    def own(self, name: str) -> list[str]:
        """Returns the settings that make a row's extensions on this dataset, as assignments."""
        row, kind = ROWS[name], kind_of(self.dataset)
        own = []
        if row.rung >= 1 and row.method in ("srb", "svae", "mathieu"):
            r1 = 0.2 if row.method == "mathieu" and kind == "digits" else R1_WEIGHT[kind]
            own.append(f"extensions.r1_weight={r1:g}")
        if row.rung >= 3 and row.method == "srb":
            own += APART
        if row.rung >= 4 and row.method in PRETRAINED_WEIGHT and kind != "codes":
            weight = PRETRAINED_WEIGHT[row.method]
            weight = weight[kind] if isinstance(weight, dict) else weight
            own += [f"pretraining_steps={PRETRAINING_STEPS}", f"extensions.pretrained_weight={weight}"]
        return own
