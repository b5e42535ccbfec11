"""What a run is: TrainConfig, and the presets that fill it."""

from __future__ import annotations

import dataclasses
import json
import typing
from dataclasses import dataclass, field
from typing import Any

from rbvae.config import ModelConfig
from rbvae.errors import ConfigError
from rbvae.objectives import ObjectiveConfig, get_method
from training.engine.execution import CHOICES, EngineConfig


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a run's numbers; two runs of one config on one device are the same run.

    `batch` counts unlabelled images a step, over all processes; as many references come with them. `ema_images` is
    the half-life of the weight average, in images of either kind; from `lr_decay_images` on the learning rate falls
    as 1/sqrt(images), 0 for never. `steps` is where a run ends; a clock may end it sooner. `init` names a
    checkpoint whose weights a run begins with (a warm start of sRb-VAE from an Rb-VAE, say). `tell_steps`: batches
    by which a small network learns to tell references from others before step 0, and half of encoder_e from it what
    tells them; 0 for the closed form in pixels alone (training/engine/linear_init.py; for methods with references).
    `hold_e` keeps encoder_e of such a method as it began.
    `stream` reads the images from disk while training: "auto" where they would take more than half of the device's
    memory. `fresh_styles` gives a digit a new random style whenever it is drawn, instead of the paper's two.
    `stop_collapsed` ends a run in which e no longer moves a picture.

    For codes: the first weights are a `closed_form` (rbvae/extensions/closed_form.py). Until the last fifth of the
    steps codes are relit at random, by `relight` times the spread of the light in photos. `encoder_rate` is the
    encoders' learning rate over that of the other networks.
    """

    preset: str = "digits"
    kind: str = "digits"
    method: str = "srb"
    model: ModelConfig = field(default_factory=ModelConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    steps: int = 100_000
    batch: int = 64
    lr: float = 3e-4
    beta1: float = 0.5
    beta2: float = 0.99
    lr_decay_images: int = 0
    ema_images: int = 20_000
    flip: bool = False
    fresh_styles: bool = False
    stream: str = "auto"
    stop_collapsed: bool = True
    seed: int = 0
    init: str = ""
    tell_steps: int = 0
    hold_e: bool = False
    closed_form: bool = True
    encoder_rate: float = 1.0
    relight: float = 0.0
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
        if self.fresh_styles and self.kind != "digits":
            raise ConfigError("fresh_styles is for digits; leave it out for faces")
        if self.tell_steps < 0 or (self.tell_steps and not self.model.linear):
            raise ConfigError(f"tell_steps={self.tell_steps}; give 0, or a number above it with model.linear=true")
        if self.objective.asks_teller and not self.tell_steps:
            raise ConfigError(
                "objective.perceptual_weight and told_weight need a network that tells references: set tell_steps too"
            )
        if self.objective.told_weight and self.init:
            raise ConfigError(f"init={self.init} brings its own e, told by nobody here: set objective.told_weight=0")
        if self.lr_decay_images < 0:
            raise ConfigError(f"lr_decay_images={self.lr_decay_images}; give a number of images, or 0 for no decay")
        if self.stream not in CHOICES:
            raise ConfigError(f"stream={self.stream!r}; choose one of {', '.join(CHOICES)}")
        if not 0 < self.lr < 1:
            raise ConfigError(f"lr={self.lr}; give a number between 0 and 1, such as 3e-4")

    @property
    def telling(self) -> int:
        """`tell_steps`, and for a short run no more than twice its own steps."""
        return min(self.tell_steps, 2 * self.steps)

    def to_dict(self) -> dict[str, Any]:
        """Nested plain values, by field name."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> TrainConfig:
        """The inverse of `to_dict`."""
        records = {"model": ModelConfig, "objective": ObjectiveConfig, "engine": EngineConfig}
        nested = {name: record(**fields[name]) for name, record in records.items() if name in fields}
        return cls(**{**fields, **nested})


# What encoder_e is told before the first step knows expressions better than anything learnt later, so it is held, and
# the generator learns to draw it: docs/log.md.
FACE_IMAGES = ObjectiveConfig(
    image_weight=400.0, latent_weight=0.05, r1_weight=4.0, pin_weight=1.0, reverse_weight=3.0, perceptual_weight=0.03
)
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
FACES = TrainConfig(
    preset="faces",
    kind="faces",
    model=CODES,
    objective=ObjectiveConfig(image_weight=400.0, latent_weight=1.0, r1_weight=1.0),
    steps=2000,
    batch=128,
    lr=5e-5,
    lr_decay_images=200_000,
    hold_e=True,
    encoder_rate=0.02,  # faster, z learns expressions back: docs/log.md
    relight=0.05,
    save_every=250,
    grid_every=1000,
)
PRESETS: dict[str, TrainConfig] = {
    "tiny": TrainConfig(
        preset="tiny",
        kind="faces",
        model=ModelConfig(image_size=32, width=8, dim_z=16, dim_e=4, patch=2),
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
        model=ModelConfig(
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
        ),
        steps=60,
        batch=16,
        lr=1e-3,
        ema_images=200,
        relight=0.02,
        report_every=10,
        save_every=30,
        grid_every=30,
    ),
    "digits": TrainConfig(
        preset="digits",
        kind="digits",
        model=ModelConfig(image_size=64, width=16, max_width=128, patch=2, dim_e=6, linear=True),
        objective=ObjectiveConfig(  # what the start draws and tells must not be lost to the adversary: docs/log.md
            image_weight=3000.0,
            latent_weight=0.3,
            r1_weight=10.0,
            pin_weight=3.0,
            reverse_weight=3.0,
            cross_share=0.5,
            told_weight=30.0,
        ),
        tell_steps=1000,
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
    "faces-images": TrainConfig(
        preset="faces-images",
        kind="faces",
        model=ModelConfig(
            image_size=96, width=48, max_width=56, patch=2, dim_z=208, dim_e=48, linear=True, linear_patch=4
        ),
        objective=FACE_IMAGES,
        steps=17_000,  # some seven minutes of an H100, two of them compiling
        batch=64,
        lr=5e-4,
        lr_decay_images=400_000,
        flip=True,
        tell_steps=2000,
        hold_e=True,
    ),
}


def get_preset(name: str) -> TrainConfig:
    """The preset of that name; raises ConfigError that lists the names there are."""
    if name not in PRESETS:
        raise ConfigError(f"unknown preset {name!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]


def override(config: TrainConfig, assignments: list[str]) -> TrainConfig:
    """Applies `name=value` strings; `model.` and `objective.` reach inside: `objective.r1_weight=0.1`."""
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise ConfigError(f"--set {assignment!r}; write NAME=VALUE, such as objective.r1_weight=0.1")
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
