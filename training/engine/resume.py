"""Whether a run that was begun may go on with the settings of today."""

from __future__ import annotations

from pathlib import Path

from rbvae.errors import TrainingError
from training.engine.config import TrainConfig

# What may change when a run is continued: its length, execution and reports, and the dials people turn down late.
MAY_CHANGE = {"steps", "report_every", "save_every", "grid_every", "lr", "lr_decay_images", "ema_images", "execution"}


def refuse_changes(run_dir: Path, begun: dict, config: TrainConfig) -> None:
    """Raises TrainingError where a run that began with the config `begun` cannot go on with this one."""
    if changed := differences(completed(begun), config.to_dict()):
        raise TrainingError(
            f"{run_dir} was begun with other settings ({'; '.join(changed)}); "
            "use the settings it was begun with, or another --out"
        )


def completed(begun: dict) -> dict:
    """A saved config with the defaults of the settings that came later, so that an update ends no run."""
    try:
        return TrainConfig.from_dict(begun).to_dict()
    except (TypeError, KeyError):  # a setting that is gone
        return begun


def differences(begun: dict, now: dict, prefix: str = "") -> list[str]:
    """Settings that differ and may not change within a run, as `name: was -> is`."""
    found = []
    for name in sorted(set(begun) | set(now)):
        was, is_now = begun.get(name), now.get(name)
        if name in MAY_CHANGE:
            continue
        if isinstance(was, dict) and isinstance(is_now, dict):
            found += differences(was, is_now, f"{prefix}{name}.")
        elif was != is_now:
            found.append(f"{prefix}{name}: {was} -> {is_now}")
    return found
