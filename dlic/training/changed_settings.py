"""Settings that differ between a run and the call that resumes it: each is used, or refused by its name."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from dlic.errors import DlicError
from dlic.training.optimization import Optimizer, Schedule

# Settings that act before the first step only, or that decide what the stored state means.
FIXED = ("from", "seed_everything", "model.revive", "model.optimizer.name", "model.schedule.name")
OF_THE_CALL = ("resume", "config", "name")  # they differ without changing the run
ABSENT = "nothing"


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Keys of two nested configurations, joined by dots, whose values differ: the value before and now."""
    old, new = dict(_flat(before)), dict(_flat(now))
    keys = [key for key in {**old, **new} if key.partition(".")[0] not in OF_THE_CALL]
    values = {key: (old.get(key, ABSENT), new.get(key, ABSENT)) for key in keys}
    return {key: (was, will_be) for key, (was, will_be) in values.items() if was != will_be}


def refuse_fixed(changes: Mapping[str, tuple[Any, Any]]) -> None:
    """Raises DlicError for a changed setting that a resumed run could not use."""
    for key, (was, will_be) in changes.items():
        if key in FIXED:
            raise DlicError(
                f"a resumed run cannot change {key} from {was} to {will_be}; leave it as it is, or start a new run from the "
                "exported checkpoint with --from"
            )


def configuration_of(checkpoint: Path) -> dict[str, Any] | None:
    """The config.yaml of the call that wrote a checkpoint; None where there is none."""
    try:
        config = yaml.safe_load((checkpoint.parent.parent / "config.yaml").read_bytes())
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return config if isinstance(config, dict) else None


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        elif value is not None and value != {}:
            yield f"{prefix}{key}", value


# --- the stored state of the optimiser ----------------------------------------------------------------------------------


def settings_of(optimizer: Optimizer, schedule: Schedule) -> dict[str, Any]:
    """The settings that a checkpoint stores next to the state of the optimiser and its schedules."""
    return {"optimizer": asdict(optimizer), "schedule": asdict(schedule)}


def adopt(checkpoint: dict[str, Any], stored: Mapping[str, Any], optimizer: Optimizer, schedule: Schedule) -> None:
    """Changes the states of the optimiser and its schedules in a loaded checkpoint to the settings of this call.

    Unchanged settings leave every number as it is. The learning rate is scaled: a rate that was lowered stays lowered.

    Args:
        checkpoint: with `optimizer_states` and `lr_schedulers`.
        stored: `settings_of` the call that wrote it.

    Raises DlicError for a setting that the state does not allow to change.
    """
    now = settings_of(optimizer, schedule)
    changes = changed({"model": stored}, {"model": now})
    refuse_fixed(changes)
    if schedule.name != "cosine" and "model.schedule.warmup_steps" in changes:
        refused = changes["model.schedule.warmup_steps"]
        raise DlicError(f"a resumed run of a {schedule.name} schedule cannot change model.schedule.warmup_steps from {refused[0]}")
    for state in checkpoint["optimizer_states"]:
        for group in state["param_groups"]:
            _adopt_group(group, stored["optimizer"], optimizer)
    for state in checkpoint["lr_schedulers"]:
        _adopt_schedule(state, stored, optimizer, schedule)


def _adopt_group(group: dict[str, Any], before: Mapping[str, Any], optimizer: Optimizer) -> None:
    factor = optimizer.learning_rate / before["learning_rate"]
    for name in ("lr", "initial_lr"):
        if factor != 1 and name in group:
            group[name] *= factor
    for name in ("betas", "momentum", "weight_decay"):
        value = getattr(optimizer, name)
        if name in group and value != before[name]:
            group[name] = value
    if "nesterov" in group:
        group["nesterov"] = group["momentum"] > 0


def _adopt_schedule(state: dict[str, Any], stored: Mapping[str, Any], optimizer: Optimizer, schedule: Schedule) -> None:
    factor = optimizer.learning_rate / stored["optimizer"]["learning_rate"]
    for name in ("base_lrs", "_last_lr"):
        if factor != 1 and name in state:
            state[name] = [rate * factor for rate in state[name]]
    for name in ("patience", "factor"):
        if name in state and getattr(schedule, name) != stored["schedule"][name]:
            state[name] = getattr(schedule, name)
