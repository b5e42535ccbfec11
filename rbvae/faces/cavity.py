"""The inside of an open mouth behind the teeth: darkness, and the tongue where it is wide open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rbvae.faces.easing import ramp, smoothstep

CAVITY, TONGUE = (42, 24, 22), (178, 104, 98)  # grey levels
TONGUE_GAPS = (0.05, 0.35)  # gaps of the mouth between which the tongue appears
TONGUE_DEPTHS = (0.35, 0.9)  # between upper lip (0) and lower lip (1): where the tongue fades in
ROUND = 0.3  # how much lower its edge is at the corners
BRIGHT_TEETH = np.array([199.0, 176, 165])  # grey levels: teeth where CAVITY and TONGUE have their own colours


@dataclass(frozen=True)
class Cavity:
    """What is behind the teeth: the colours [3], in grey levels, of its `dark` and of the `tongue`."""

    dark: np.ndarray
    tongue: np.ndarray

    @classmethod
    def beside(cls, teeth: np.ndarray, haze: float) -> Cavity:
        """Return the cavity in the light that teeth of this colour [3] are in, in a photo with this `haze`."""
        lit = (np.array(colour) * teeth / BRIGHT_TEETH for colour in (CAVITY, TONGUE))
        return cls(*(haze + colour * (1 - haze / 255) for colour in lit))

    def at(self, s: np.ndarray, v: np.ndarray, gap: float) -> np.ndarray:
        """Return the colours float32 [h, w, 3] of a mouth with this `gap`.

        `s` runs along the mouth and `v` across it, from the upper lip (0) to the lower lip (1).
        """
        aside = (2 * s - 1) ** 2
        low, wide = smoothstep(ramp(v - ROUND * aside, *TONGUE_DEPTHS)), ramp(gap, *TONGUE_GAPS)
        tongue = low * np.clip(1.1 - 1.69 * aside, 0, 1) * wide
        return np.float32(self.dark + tongue[..., None] * (self.tongue - self.dark))
