"""Checkpoints: everything a run needs to go on as if it had never stopped.

A checkpoint is a few named byte strings (safetensors, JSON, the noise key); the store seals and
writes them as one. The first one is saved before the first step, so the key of a run exists on
disk before its first draw: a redone step can only repeat it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from appliance.errors import IntegrityError, UsageError
from appliance.finetune.mechanism import Mechanism
from appliance.finetune.noise import INJECTED, OS_ENTROPY, NoiseSource
from appliance.finetune.settings import TrainSettings

#: Raised with every change of what a key is expanded into: a redone step draws the same noise.
_VERSION: Final = 2
_STATE: Final = "state.json"
_KEY: Final = "noise-key"
_ADAPTER: Final = "adapter.safetensors"
_OPTIMIZER: Final = "optimizer.safetensors"
_AVERAGE: Final = "average.safetensors"

#: What must be the same on both sides of a resume, in an operator's words.
_IDENTITY: Final = {
    "version": "another format",
    "mechanism": "another mechanism",
    "settings": "other settings",
    "n_units": "another number of units",
    "names": "other trained parameters",
}


class CheckpointStore(Protocol):
    """Where checkpoints go: sealed and atomic, the last complete one wins."""

    def save(self, state: Mapping[str, bytes]) -> None:
        """Replace the stored checkpoint.

        Args:
            state: name -> bytes; holds the noise key, so it must be sealed.
        """
        ...

    def load(self) -> dict[str, bytes] | None:
        """Return the last complete checkpoint, or None."""
        ...


@dataclass(slots=True, kw_only=True)
class Progress:
    """Where a run stands: the counters that live through a resume.

    Attributes:
        step: executed updates; the next step's number.
        resumed_times: checkpoints continued from.
        seconds: spent in steps.
        tokens: taken through the model.
        averaged: iterates in the running mean.
        losses: (step, loss); private.
        batch_sizes: units drawn; private.
    """

    step: int = 0
    resumed_times: int = 0
    seconds: float = 0.0
    tokens: int = 0
    averaged: int = 0
    losses: list[tuple[int, float]] = field(default_factory=list, repr=False)
    batch_sizes: list[int] = field(default_factory=list, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The moving parts a checkpoint captures.

    Attributes:
        names: of the trained parameters, in the optimizer's order.
        params: the trained parameters.
        optimizer: the inner optimizer.
        average: running mean of each parameter.
        n_units: units trained on.
        mechanism: what runs.
        settings: how.
    """

    names: tuple[str, ...]
    params: tuple[Any, ...] = field(repr=False)
    optimizer: Any = field(repr=False)
    average: list[Any] = field(repr=False)
    n_units: int
    mechanism: Mechanism
    settings: TrainSettings

    def _identity(self) -> dict[str, Any]:
        """List what must be the same on both sides of a resume."""
        return {
            "version": _VERSION,
            "mechanism": self.mechanism.digest,
            "settings": self.settings.as_dict(),
            "n_units": self.n_units,
            "names": list(self.names),
        }

    def freeze(
        self, progress: Progress, noise: NoiseSource, *, max_grad_norm: float
    ) -> dict[str, bytes]:
        """Write the state as named bytes.

        Args:
            progress: where the run stands.
            noise: its key and origin.
            max_grad_norm: the bound in force.
        """
        state = {
            "identity": self._identity(),
            "origin": noise.origin,
            "max_grad_norm": max_grad_norm,
            "updates": int(getattr(self.optimizer, "updates", 0)),
            "event": self.mechanism.event(progress.step).as_dict(),
            "step": progress.step,
            "resumed_times": progress.resumed_times,
            "seconds": progress.seconds,
            "tokens": progress.tokens,
            "averaged": progress.averaged,
            "losses": progress.losses,
            "batch_sizes": progress.batch_sizes,
        }
        moments = {
            f"{index}.{key}": value.detach().cpu().contiguous()
            for index, p in enumerate(self.params)
            for key, value in self.optimizer.state.get(p, {}).items()
            if isinstance(value, torch.Tensor)
        }
        params = {
            n: p.detach().cpu().contiguous() for n, p in zip(self.names, self.params, strict=True)
        }
        average = {str(i): a.cpu().contiguous() for i, a in enumerate(self.average)}
        return {
            _STATE: json.dumps(state).encode(),
            _KEY: noise.key,
            _ADAPTER: save_tensors(params),
            _OPTIMIZER: save_tensors(moments),
            _AVERAGE: save_tensors(average),
        }

    def thaw(self, stored: Mapping[str, bytes]) -> tuple[Progress, NoiseSource, float]:
        """Put a stored state back into the moving parts.

        Args:
            stored: what `freeze` wrote.

        Returns:
            Progress, noise source and the bound in force.

        Raises:
            UsageError: the checkpoint is of another run: other mechanism, settings or data.
            IntegrityError: the checkpoint is damaged.
        """
        try:
            state = json.loads(stored[_STATE])
            own, theirs = self._identity(), dict(state["identity"])
            other = [_IDENTITY[key] for key in own if own[key] != theirs.get(key)]
            if other:
                raise UsageError(
                    "checkpoint",
                    f"it belongs to another run: found {', '.join(other)}",
                    hint="appliance runs list",
                )
            noise = NoiseSource(
                key=stored[_KEY],
                origin=OS_ENTROPY if state["origin"] == OS_ENTROPY else INJECTED,
            )
            progress = Progress(
                step=state["step"],
                resumed_times=state["resumed_times"] + 1,
                seconds=state["seconds"],
                tokens=state["tokens"],
                averaged=state["averaged"],
                losses=[(int(s), float(v)) for s, v in state["losses"]],
                batch_sizes=[int(n) for n in state["batch_sizes"]],
            )
            self._restore_tensors(stored, updates=int(state["updates"]))
            return progress, noise, float(state["max_grad_norm"])
        except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError):
            raise IntegrityError(
                "checkpoint",
                "expected a complete checkpoint of this version",
                hint="appliance runs list",
            ) from None

    def _restore_tensors(self, stored: Mapping[str, bytes], *, updates: int) -> None:
        """Copy parameters, moments and running means back."""
        params, moments = load_tensors(stored[_ADAPTER]), load_tensors(stored[_OPTIMIZER])
        average = load_tensors(stored[_AVERAGE])
        with torch.no_grad():
            for name, p in zip(self.names, self.params, strict=True):
                p.copy_(params[name])
            for i, held in enumerate(self.average):
                held.copy_(average[str(i)])
        for key, value in moments.items():
            index, _, name = key.partition(".")
            p = self.params[int(index)]
            self.optimizer.state[p][name] = value.to(p.device)
        if hasattr(self.optimizer, "updates"):
            self.optimizer.updates = updates
