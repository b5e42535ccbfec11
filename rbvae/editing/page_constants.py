"""Constants of the library's drawing that the browser's drawing needs, so that both always have the same ones.

They travel in the file of the page's model; app/js/live reads them by the name of the module and their own.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from rbvae.editing import face_model
from rbvae.faces import (
    brows,
    cavity,
    chin,
    closed_lid,
    creases,
    eyeball,
    eyes,
    gaze,
    lashes,
    lips,
    mouth,
    own_mouth,
    shading,
    teeth,
)

USED: dict[ModuleType, tuple[str, ...]] = {
    face_model: ("EXPRESSED",),
    brows: ("LOWER_EDGES", "UPPER_LIDS", "RISE"),
    chin: ("LIP", "BELOW", "CHIN", "COMPRESSED"),
    cavity: ("DARK", "GAP", "LIT_GAPS", "COVERED", "UNCOVERED_GAPS"),
    closed_lid: ("STEP", "LEFT", "TOP", "AROUND"),
    creases: ("NONE",),
    eyeball: ("REFLECTION",),
    eyes: ("SOFT", "FIRM", "CLOSED", "LOWERED", "CLOSING", "EDGE"),
    gaze: (
        *("ABOVE", "BELOW", "FOLLOW_ABOVE", "FOLLOW_BELOW", "SHUT", "MIDDLE", "MEET"),
        *("WIDE", "ASIDE", "UP", "KEEP", "LIDS_FOLLOW"),
    ),
    lashes: (
        *("CLOSING", "OPEN", "REACH", "FINE", "BLUR", "LINE", "OUTER", "INNER", "SHORT"),
        *("THICK", "THIN", "STROKES", "UNEVEN", "SLANT", "FINEST", "BELOW", "TEXTURED", "AJAR"),
    ),
    lips: (
        *(
            "CLOSED",
            "SHOWN",
            "FULL",
            "FULL_WIDTH",
            "REACH",
            "MIDDLE",
            "INSET",
            "INSET_CLOSING",
            "PARTING",
            "PARTED",
            "SOFT",
        ),
        *("RIM", "RIM_GAP", "RIM_ENDS", "SEAM_WIDTH", "SEAM_ENDS"),
        *("CORNERS_SINK", "LINE_RISES", "LIP_THICKENS", "MOVED", "AROUND"),
    ),
    mouth: ("REPLACED", "REPLACED_WIDER", "SPREAD", "SWAPPED", "KEPT", "SQUASHED", "STRETCHED", "BITE", "NARROW"),
    own_mouth: (
        *("MOST_STRETCHED", "TEETH_STRETCHED", "UNFILLED", "OPENS", "LAUGHS", "BELOW", "PAST", "PARTS", "CLAMP"),
        *("NARROW_JAW", "DROPPED", "NOSE", "COVERED", "COVERING", "LIP_SHADOWED"),
        *("CORNER_SHADOW", "CORNERS", "NARROWER", "LOWER"),
    ),
    shading: (
        "DARKEST",
        "RATIOS",
        "BROAD_SHARE",
        "BROAD_SIZE",
        "DEEPER",
        "DIMMEST",
        "FAINT",
        "FILLED",
        "FLAT",
        "FOLD",
        "SMILE",
        "SMOOTH",
        "WARMTH",
    ),
    teeth: (
        "MARGIN",
        "LIP_SHADOW",
        "SHADOW_WIDTH",
        "SMILE_GAPS",
        "WIDER",
        "MOST_FITTED",
        "WIDEST",
        "CORRIDOR",
        "COVERED",
    ),
}


def page_constants(gains: shading.Gains) -> dict[str, dict[str, Any]]:
    """Return the constants by module and name, as plain JSON values; `gains` are those of the skin's shading."""
    by_module = {
        module.__name__.rpartition(".")[2]: {name: np.asarray(getattr(module, name)).tolist() for name in names}
        for module, names in USED.items()
    }
    by_module["shading"] |= {"DARKER": gains.darker, "LIGHTER": gains.lighter}
    return by_module
