"""What a run is: TrainConfig, and the presets that fill it."""

from __future__ import annotations

import dataclasses
import json
import math
import typing
from dataclasses import dataclass, field
from typing import Any

from rbvae.config import ModelConfig
from rbvae.errors import ConfigError
from rbvae.extensions import ExtensionConfig, enabled_extensions
from rbvae.objectives import ObjectiveConfig, get_method
from training.engine.execution import CHOICES, ExecutionOptions


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a run's numbers; two runs of one config on one device are the same run.

    `batch` counts unlabelled images a step, over all processes; as many references come with them. `ema_images` is
    the half-life of the weight average, in images of either kind; from `lr_decay_images` on the learning rate falls
    as 1/sqrt(images), 0 for never. `steps` is where a run ends; a clock may end it sooner. `init` names a checkpoint
    whose weights a run begins with (a warm start of sRb-VAE from an Rb-VAE, say). `stream` reads the images from disk
    while training: "auto" if they would take more than half of the device's memory. `stop_collapsed` ends a
    run in which e no longer changes a picture.

    Ours, beside `extensions`: `pretraining_steps` batches in which a small network learns to classify references, and
    half of encoder_e the code of its features, before step 0 (0: the closed form in pixels alone, linear_init.py);
    `freeze_encoder_e` after that. For codes: the first weights are a `closed_form` (rbvae/extensions/closed_form.py);
    until the last fifth of the steps codes are relit at random, by `relighting` times the spread of light in photos;
    `encoder_lr_factor` is the encoders' learning rate over that of the other networks.
    """

    preset: str = "digits"
    kind: str = "digits"
    method: str = "srb"
    model: ModelConfig = field(default_factory=ModelConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    extensions: ExtensionConfig = field(default_factory=ExtensionConfig)
    execution: ExecutionOptions = field(default_factory=ExecutionOptions)
    steps: int = 100_000
    batch: int = 64
    lr: float = 3e-4
    beta1: float = 0.5
    beta2: float = 0.99
    lr_decay_images: int = 0
    ema_images: int = 20_000
    flip: bool = False
    stream: str = "auto"
    stop_collapsed: bool = True
    seed: int = 0
    init: str = ""
    pretraining_steps: int = 0
    freeze_encoder_e: bool = False
    closed_form: bool = True
    encoder_lr_factor: float = 1.0
    relighting: float = 0.0
    report_every: int = 50
    save_every: int = 1000
    grid_every: int = 1000

    def __post_init__(self) -> None:
        get_method(self.method)
        for name in ("batch", "ema_images", "report_every", "save_every", "grid_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)}; give a number above 0")
        if self.steps < 1:
            raise ConfigError(f"steps={self.steps}; give a number above 0")
        if self.pretraining_steps < 0 or (self.pretraining_steps and not self.model.linear):
            raise ConfigError(
                f"pretraining_steps={self.pretraining_steps}; give 0, or a number above it with model.linear=true"
            )
        if self.extensions.pretrained_weight and not self.pretraining_steps:
            raise ConfigError("extensions.pretrained_weight needs pretraining; set pretraining_steps too")
        if self.extensions.pretrained_weight and self.init:
            raise ConfigError(f"init={self.init} brings its own e; set extensions.pretrained_weight=0")
        if self.lr_decay_images < 0:
            raise ConfigError(f"lr_decay_images={self.lr_decay_images}; give a number of images, or 0 for no decay")
        if self.stream not in CHOICES:
            raise ConfigError(f"stream={self.stream!r}; choose one of {', '.join(CHOICES)}")
        if not 0 < self.lr < 1:
            raise ConfigError(f"lr={self.lr}; give a number between 0 and 1, such as 3e-4")

    @property
    def pretraining(self) -> int:
        """`pretraining_steps`, and for a short run no more than twice its own steps."""
        return min(self.pretraining_steps, 2 * self.steps)

    @property
    def extension_names(self) -> list[str]:
        """Everything in this run that is not the paper's method, by name."""
        contrast = get_method(self.method).features == "e"
        ours = {
            "softplus form": self.objective.form == "softplus" and self.method in ("srb", "svae"),
            "codes of shape and texture": self.model.observes == "code",
            "closed-form start": self.closed_form and self.model.observes == "code",
            "linear paths": self.model.linear,
            "reference pretraining": bool(self.pretraining_steps) and contrast,
            "frozen encoder_e": self.freeze_encoder_e and contrast,
            "slow encoders": self.encoder_lr_factor != 1,
            "relighting": self.relighting > 0,
            "decaying learning rate": self.lr_decay_images > 0,
        }
        names = [one.name for one in enabled_extensions(self.extensions, self.method)]
        return [name for name, used in ours.items() if used] + names

    def to_dict(self) -> dict[str, Any]:
        """Nested plain values, by field name."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> TrainConfig:
        """The inverse of `to_dict`."""
        records = {
            "model": ModelConfig,
            "objective": ObjectiveConfig,
            "extensions": ExtensionConfig,
            "execution": ExecutionOptions,
        }
        nested = {name: record(**fields[name]) for name, record in records.items() if name in fields}
        return cls(**{**fields, **nested})


CODES = ModelConfig(  # of textures of 96 x 96 texels; half as many odd components as even ones explain as much
    observes="code",
    image_size=96,
    texels=2819,
    texture_even=240,
    texture_odd=160,
    shape_even=40,
    shape_odd=24,
    dim_z=350,
    dim_e=64,
    hidden=384,
)
TINY_CODES = ModelConfig(
    observes="code",
    image_size=32,
    texels=309,
    texture_even=6,
    texture_odd=4,
    shape_even=4,
    shape_odd=2,
    dim_z=10,
    dim_e=4,
    hidden=16,
)


def per_value(model: ModelConfig, image: float, latent: float, **options: Any) -> ObjectiveConfig:
    """The objective with the softplus form whose image cycle weighs `image` times the mean absolute error of a value,
    and whose latent cycles weigh `latent` times the mean over their dimensions; in nats these are small weights."""
    settings = ObjectiveConfig(form="softplus", **options)
    return dataclasses.replace(
        settings,
        image_weight=image * settings.laplace_scale / math.prod(model.observation),
        latent_z_weight=latent / model.dim_z,
        latent_e_weight=latent / model.dim_e,
    )


TINY = ModelConfig(image_size=32, width=8, dim_z=16, dim_e=4, patch=2)
DIGITS = ModelConfig(image_size=64, width=16, max_width=128, patch=2, dim_e=6, linear=True)
FACES = TrainConfig(
    preset="faces",
    kind="faces",
    model=CODES,
    objective=per_value(CODES, image=400.0, latent=1.0),
    extensions=ExtensionConfig(r1_weight=1.0),
    steps=2000,
    batch=128,
    lr=5e-5,
    lr_decay_images=200_000,
    freeze_encoder_e=True,
    encoder_lr_factor=0.02,  # faster, z learns expressions back: docs/log.md
    relighting=0.05,
    save_every=250,
    grid_every=1000,
)
PAPER = TrainConfig(  # the method of the paper and nothing of ours; where its text gives no number, the number is ours
    lr=1e-4, beta1=0.5, beta2=0.99, closed_form=False, stop_collapsed=False
)
PRESETS: dict[str, TrainConfig] = {
    "tiny": TrainConfig(
        preset="tiny",
        kind="faces",
        model=TINY,
        objective=per_value(TINY, image=10.0, latent=1.0),
        extensions=ExtensionConfig(r1_weight=0.2),
        steps=60,
        batch=16,
        lr=1e-3,
        ema_images=200,
        flip=True,
        report_every=10,
        save_every=30,
        grid_every=30,
    ),
    "tiny-code": TrainConfig(
        preset="tiny-code",
        kind="faces",
        model=TINY_CODES,
        objective=per_value(TINY_CODES, image=10.0, latent=1.0),
        extensions=ExtensionConfig(r1_weight=0.2),
        steps=60,
        batch=16,
        lr=1e-3,
        ema_images=200,
        relighting=0.02,
        report_every=10,
        save_every=30,
        grid_every=30,
    ),
    "digits": TrainConfig(
        preset="digits",
        kind="digits",
        model=DIGITS,
        objective=per_value(DIGITS, image=3000.0, latent=0.3),
        extensions=ExtensionConfig(  # what the start knows must not be lost to the adversary: docs/log.md
            r1_weight=10.0, pin_weight=3.0, reversal_weight=3.0, crossed_share=0.5, pretrained_weight=30.0
        ),
        pretraining_steps=1000,
        lr=7e-4,
        lr_decay_images=100_000,
        steps=1150,  # later the style goes on moving, and fewer digits survive it
        batch=32,
        save_every=200,
        grid_every=400,
    ),
    "faces": FACES,
    "faces-128": dataclasses.replace(  # not shipped: a basis of twice the size, for photos prepared with --size 128
        FACES, preset="faces-128", model=dataclasses.replace(CODES, image_size=128, texels=5004)
    ),
    "digits-paper": dataclasses.replace(
        PAPER, preset="digits-paper", kind="digits", model=ModelConfig(image_size=64, dim_z=64, dim_e=8)
    ),
    "faces-paper": dataclasses.replace(
        PAPER, preset="faces-paper", kind="faces", model=ModelConfig(image_size=96, dim_z=64, dim_e=16)
    ),
}


def get_preset(name: str) -> TrainConfig:
    """The preset of that name; raises ConfigError that lists the names there are."""
    if name not in PRESETS:
        raise ConfigError(f"unknown preset {name!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]


def override(config: TrainConfig, assignments: list[str]) -> TrainConfig:
    """Applies `name=value` strings; dots reach inside: `extensions.r1_weight=0.1`."""
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise ConfigError(f"--set {assignment!r}; write NAME=VALUE, such as extensions.r1_weight=0.1")
        config = _replaced(config, name.strip().split("."), value.strip(), assignment)
    return config


def _replaced(record: Any, path: list[str], value: str, assignment: str) -> Any:
    types = typing.get_type_hints(type(record))
    if path[0] not in types:
        raise ConfigError(f"--set {assignment!r}: no setting {path[0]!r}; the settings are {', '.join(sorted(types))}")
    if len(path) > 1:
        new = _replaced(getattr(record, path[0]), path[1:], value, assignment)
    else:
        new = _parsed(value, types[path[0]], assignment)
    return dataclasses.replace(record, **{path[0]: new})


def _parsed(value: str, kind: type, assignment: str) -> Any:
    try:
        parsed = value if kind is str else json.loads(value)
        if kind is float and isinstance(parsed, int):
            parsed = float(parsed)
    except json.JSONDecodeError:
        parsed = None
    if type(parsed) is not kind:
        raise ConfigError(f"--set {assignment!r}: {value!r} is not of type {kind.__name__}")
    return parsed
