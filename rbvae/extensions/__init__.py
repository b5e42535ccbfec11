"""What is ours and not the paper's: one file each, added to a run by a setting."""

from __future__ import annotations

from rbvae.extensions import crossing, pins, pretrained, r1, reversal
from rbvae.extensions.extension import Extension, ExtensionConfig

__all__ = ["EXTENSIONS", "Extension", "ExtensionConfig", "enabled_extensions"]

EXTENSIONS = tuple(module.EXTENSION for module in (crossing, pretrained, pins, reversal, r1))


def enabled_extensions(settings: ExtensionConfig, method: str) -> tuple[Extension, ...]:
    """Those that a run of this method asks for."""
    return tuple(one for one in EXTENSIONS if method in one.methods and one.enabled(settings))
