"""Warnings about photos and edits for which a model is less reliable.

Training ends by measuring reference values for its model (training/evaluate.py). The defaults are those of the faces
checkpoint of 2026-11-23 on the 1,130 test faces of LFW: the mean absolute error of a reconstruction is 20.0 grey levels
in the median, 26.7 at the 95th percentile and 30.2 at the 99th. The z of two people's reconstructions are 10.6 apart on
average; those of two people sampled from the prior 10.8, so this distance can be computed without data.

An edit looks like another person before z has moved that far, hence STRANGER: where z has moved by 0.12, 0.15, 0.23 and
0.37 of it, the cosine distance of dlib's face descriptors is 0.29, 0.38, 0.61 and 0.82 of that between strangers (300
faces: neutral, random e, twice and four times that).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from rbvae.errors import CheckpointError
from rbvae.faces.face import BLENDSHAPES, Face
from rbvae.models.model import RbVAE

STRANGER = 0.42  # of the distance between two people's z: an edit that moves this far looks like another person
SAME, ANOTHER = 0.45, 0.75  # shifts at which its description changes; 0.75 is dlib's own limit for one person
TURNED, TURNED_AWAY = 25.0, 35.0  # degrees of yaw or pitch beyond which few, and hardly any, training faces are
UNSURE = 0.014  # `Face.moved` above this is unsure: none of 100 photos of LFW, 65 of 99 blurred by 4 pixels
CUT = 0.02  # share of the face that may lie outside the photo
COVERED = 1.6  # value of rbvae.faces.covering.covering above which something seems to cover the lower face
WORN = 0.5  # value of rbvae.faces.glasses.worn above which the face counts as one with glasses
SHUT = 0.6  # blink score above which an eye counts as closed
BLINKS = ("eyeBlinkLeft", "eyeBlinkRight")
COARSE = 1.6  # crop pixels per photo pixel, above which the face has too little detail


@dataclass(frozen=True)
class Calibration:
    """Reference values of a model: reconstruction errors in grey levels, and the mean distance of two people's z."""

    error_p95: float = 26.7
    error_p99: float = 30.2
    people_apart: float = 0.0  # 0: not measured on data, so computed from the model's prior

    @classmethod
    def from_dict(cls, fields: Mapping[str, float]) -> Calibration:
        """Read a checkpoint's `calibration`; missing values keep their default. Raises CheckpointError for bad values.

        Unknown names are ignored, so that later versions can add some.
        """
        known = {name: fields[name] for name in cls.__dataclass_fields__ if name in fields}
        for name, value in known.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e6:
                raise CheckpointError(f"config.json has {name}={value!r} in its calibration; use a number")
        return cls(**known)


@torch.inference_mode()
def people_apart(model: RbVAE, n: int = 64, seed: int = 0) -> float:
    """Return the mean distance between the z inferred from two people sampled from the prior, both neutral."""
    rng = torch.Generator().manual_seed(seed)
    z = torch.randn(n, model.config.dim_z, generator=rng)
    q_z, _ = model.encode(model.decode(z, model.e_ref.expand(n, -1)))
    first, second = q_z.mean.chunk(2)
    return max(float((first - second).norm(dim=1).mean()), 1e-6)


def identity_shift_words(identity_shift: float) -> str:
    """Describe an identity shift in 0..1 as "same person", "drifting" or "somebody else"."""
    return "same person" if identity_shift < SAME else "drifting" if identity_shift < ANOTHER else "somebody else"


def eyes_shut(face: Face) -> bool:
    """Whether either eye is closed."""
    return bool(face.blendshapes[[BLENDSHAPES.index(name) for name in BLINKS]].max() > SHUT)


def photo_warnings(
    calibration: Calibration,
    error: float,
    scale: float,
    face: Face | None,
    count: int,
    outside: float = 0.0,
    covered: bool = False,
    glasses: bool = False,
) -> tuple[str, ...]:
    """Return warnings on why edits of this photo may be unreliable.

    `error` is that of the reconstruction in grey levels, `scale` crop pixels per photo pixel, `face` the detected face
    (None if the eyes were clicked), `count` the number of faces found, `outside` the share of the face outside the
    photo, `covered` whether something covers the lower face, `glasses` whether the face wears glasses.
    """
    notes = []
    if face is None:
        notes.append("no face was detected: the crop follows the two eyes you clicked, so check that it looks upright")
    if count > 1:
        notes.append(f"{count} faces were found; this is one of them")
    turned = max(abs(face.yaw), abs(face.pitch)) if face else 0.0
    if turned > TURNED_AWAY:
        notes.append(
            f"the face is turned away by {turned:.0f} degrees, which is rare in the training data; use a frontal photo"
        )
    elif turned > TURNED:
        notes.append(f"the face is turned by {turned:.0f} degrees; a more frontal photo works better")
    if face and face.moved > UNSURE:
        notes.append("a second detection placed the face differently, so the crop may be off; use a sharper photo")
    if outside > CUT:
        notes.append(
            f"the photo cuts off {outside:.0%} of the face, which edits have to guess; use one with the whole face"
        )
    if covered:
        notes.append("something seems to cover the lower face, and would move with the mouth; use a photo without it")
    if glasses:
        notes.append("the face wears glasses, so brows and the skin around the eyes stay still: frames would bend")
    if face and eyes_shut(face):
        notes.append("the eyes are closed; edits that open them have to guess what they look like")
    if scale > COARSE:
        notes.append(f"the face is small, with {1 / scale:.1f} photo pixels per pixel of the model; use a closer photo")
    if error > calibration.error_p99:
        notes.append("the model does not know a face like this, so edits will look like somebody else")
    elif error > calibration.error_p95:
        notes.append(
            "the model reproduces this face worse than 95 of 100 test faces, so edits will look less like the photo"
        )
    return tuple(notes)
