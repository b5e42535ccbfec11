"""Settings of the methods in Table 1: the same networks and budget for all, weights from the published grids."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from rbvae.config import ModelConfig
from rbvae.errors import ConfigError
from rbvae.objectives import method_names
from training.engine.config import TrainConfig, override, per_value

ORDER = ("vae", "beta", "tc", "dip1", "dip2", "svae", "mathieu", "rb", "srb")  # rows of the table
PRESETS = {
    "small": TrainConfig(
        model=ModelConfig(image_size=32, width=8, max_width=64, dim_z=32, dim_e=32, patch=2, linear=True), steps=2000,
        batch=32, lr=5e-4, ema_images=5000,
    ),
    "full": TrainConfig(
        model=ModelConfig(image_size=64, width=32, max_width=256, dim_z=64, dim_e=32, patch=2, linear=True),
        steps=50_000, batch=64,
    ),
}  # fmt: skip
GRIDS = {  # as published; DIP's lambda_d is derived from lambda_od
    "beta": ("objective.beta", (1, 2, 4, 6, 8, 16)),
    "tc": ("objective.beta", (1, 2, 4, 6, 8, 10)),
    "dip1": ("objective.dip_weight", (1, 2, 5, 10, 20, 50)),
    "dip2": ("objective.dip_weight", (1, 2, 5, 10, 20, 50)),
}
# White outlines on black are easy to distinguish from generated ones, so digits use larger weights of the image cycle
# and R1. With a reference set, z is kept free of the information in e, and e constant on references (docs/log.md).
APART = ("extensions.reversal_weight=5", "extensions.pin_weight=1")
R1 = ("extensions.r1_weight=0.2",)
R1_DIGITS = ("extensions.r1_weight=2",)
# Steps of reference pretraining of e. The methods with a reference set preserve its result with a weight in the units
# of their objectives; two of them minimise nats.
PRETRAINING_STEPS = 2000
LIGHTLY, FIRMLY, IN_NATS = (
    (f"pretraining_steps={PRETRAINING_STEPS}", f"extensions.pretrained_weight={w}") for w in (1, 10, 100)
)
OWN: dict[str, dict[str, tuple[str, ...]]] = {
    "digits": {"mathieu": IN_NATS + R1, "rb": IN_NATS, "srb": APART + LIGHTLY + R1_DIGITS, "svae": R1_DIGITS},
    "fer": {"mathieu": IN_NATS + R1, "rb": IN_NATS, "srb": APART + FIRMLY + R1, "svae": R1},
}
IMAGE_WEIGHT = {"digits": 100.0, "fer": 30.0}  # of the mean absolute error of a value, for sRb-VAE and sVAE


def choose(names: str) -> list[str]:
    """Parses comma-separated method names and sorts them as in the table; "" selects all.

    Raises ConfigError for an unknown name.
    """
    asked = [name.strip() for name in names.split(",") if name.strip()]
    known = [*ORDER, *(name for name in method_names() if name not in ORDER)]  # methods not in the paper come last
    if unknown := [name for name in asked if name not in known]:
        raise ConfigError(f"--methods {names!r}: no {', '.join(unknown)}; there are {', '.join(known)}")
    return [name for name in known if name in asked or not asked]


def base(dataset: str, preset: str, steps: int | None, minutes: float | None) -> TrainConfig:
    """Returns the config shared by all methods.

    With `minutes` and without `steps`, only the clock ends a run. Runs that ignore e are not stopped, since their
    scores show it. Raises ConfigError for an unknown preset.
    """
    if preset not in PRESETS:
        raise ConfigError(f"unknown preset {preset!r}; choose one of {', '.join(PRESETS)}")
    config = PRESETS[preset]
    if minutes is not None:
        steps = steps or 10**9
    kind = "digits" if dataset == "digits" else "faces"
    config = dataclasses.replace(config, preset=preset, kind=kind, flip=kind == "faces", stop_collapsed=False)
    return dataclasses.replace(config, steps=config.steps if steps is None else steps)


@dataclass(frozen=True)
class Settings:
    """What all runs on a dataset share: the config, and --set assignments.

    Assignments of the form METHOD:NAME=VALUE apply to that method only.
    """

    dataset: str
    config: TrainConfig
    assignments: list[str]

    def of(self, method: str, seed: int, weight: float | None = None) -> TrainConfig:
        """Returns the config of one run: the method's own weights, then a value of its grid, then the assignments.

        Raises ConfigError for an unknown method or setting.
        """
        config, own = self.config, list(OWN[self.dataset].get(method, ()))
        if method in ("srb", "svae"):
            objective = per_value(config.model, image=IMAGE_WEIGHT[self.dataset], latent=1.0)
            if method == "svae":  # one latent
                one = 1 / (config.model.dim_z + config.model.dim_e)
                objective = dataclasses.replace(objective, latent_z_weight=one)
            config = dataclasses.replace(config, objective=objective)
        if weight is not None:
            own.append(f"{GRIDS[method][0]}={weight:g}")
        for assignment in self.assignments:
            before, colon, after = assignment.partition(":")
            if colon and before not in method_names():
                raise ConfigError(f"--set {assignment!r}: no method {before!r}; there are {', '.join(method_names())}")
            if not colon or before == method:
                own.append(after if colon else assignment)
        return override(dataclasses.replace(config, method=method, seed=seed), own)
