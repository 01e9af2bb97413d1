"""Full fine-tuning, bias tuning and bottleneck layers: what PEFT does not have, in PEFT's manner.

`Tuned` wraps a base model as a PEFT model does: it can be switched off (`disable_adapter`), asked
for its base, saved and loaded. Its files have the names of PEFT's, and hold

    adapter_model.safetensors   full, bitfit: the changed weights under the base's own names, so
                                `model.load_state_dict(weights, strict=False)` is all it takes
                                bottleneck: "bottleneck.LAYER.down.weight" and so on
    adapter_config.json         {"appliance_method": ..., ...}: what `Tuned.load` needs

To load one: `Tuned.load(base_model, folder)`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from appliance.errors import IntegrityError, PolicyError
from appliance.finetune.methods.families import block_of, linear_names, parts_of
from appliance.finetune.methods.settings import MethodSettings

WEIGHTS_NAME: Final = "adapter_model.safetensors"
CONFIG_NAME: Final = "adapter_config.json"
_FORMAT: Final = 1
_SMALL: Final = 0.02  # Standard deviation of a fresh down projection.


class Bottleneck(torch.nn.Module):  # type: ignore[misc]  # torch is untyped here
    """x + up(gelu(down(x))); fresh, it computes x.

    Reference:
        Houlsby et al. 2019, arXiv:1902.00751, figure 2, without the layer's own normalisation;
        Pfeiffer et al. 2021, arXiv:2005.00247 (one behind each feed-forward).
    """

    def __init__(self, width: int, size: int, *, generator: torch.Generator) -> None:
        """Make one.

        Args:
            width: of the stream it stands in.
            size: of its inside.
            generator: draws the down projection; the up projection starts at zero.
        """
        super().__init__()
        self.down = torch.nn.Linear(width, size)
        self.up = torch.nn.Linear(size, width)
        with torch.no_grad():
            drawn = torch.randn(self.down.weight.shape, generator=generator)
            self.down.weight.copy_(drawn * _SMALL)
            for tensor in (self.down.bias, self.up.weight, self.up.bias):
                tensor.zero_()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x and what the small layers add, in x's type."""
        inner = torch.nn.functional.gelu(self.down(x.to(self.down.weight.dtype)))
        added: torch.Tensor = self.up(inner)
        return x + added.to(x.dtype)


class Tuned(torch.nn.Module):  # type: ignore[misc]  # torch is untyped here
    """A base model of which something is trained, with a switch back to the base.

    Attributes:
        base_model: the base, changed in place where its own weights are trained.
        method: "full", "bitfit" or "bottleneck".
    """

    def __init__(self, base_model: Any, *, fields: Mapping[str, Any]) -> None:  # noqa: ANN401
        """Freeze the base and wake what the method trains.

        Args:
            base_model: on its device.
            fields: as in `adapter_config.json`: method, layers, size and so on.
        """
        super().__init__()
        self.base_model = base_model
        self.fields = dict(fields)
        self.method = str(fields["appliance_method"])
        self.off = False
        base_model.requires_grad_(False)
        self.bottleneck = torch.nn.ModuleDict()
        if self.method == "bottleneck":
            self._insert()
        chosen = dict(self._own_weights())
        for p in chosen.values():
            p.data = p.data.float()  # Master weights are float32 whatever the base's type.
            p.requires_grad_(True)
        self._held = {name: p.detach().clone() for name, p in chosen.items()}

    @classmethod
    def fresh(
        cls,
        model: Any,  # noqa: ANN401  transformers is untyped
        settings: MethodSettings,
        *,
        fresh: tuple[str, ...],
        task_type: str,
    ) -> Tuned:
        """Make a model to be trained.

        Args:
            model: a base model, on its device.
            settings: of method "full", "bitfit" or "bottleneck".
            fresh: modules without weights of their own yet, trained whole.
            task_type: PEFT's word for what the model computes.

        Raises:
            PolicyError: nothing of the model can be trained in this way.
        """
        layers = settings.layers(model)
        if settings.method == "full":
            # Mixed types would not multiply: the whole model takes the master weights' type.
            model.float()
        tuned = cls(
            model,
            fields={
                "appliance_method": settings.method,
                "format": _FORMAT,
                "task_type": task_type,
                "layers": None if layers is None else list(layers),
                "fresh": list(fresh),
                "size": settings.bottleneck_size,
                "placement": settings.placement,
                "seed": settings.seed,
            },
        )
        if not any(p.requires_grad for p in tuned.parameters()):
            raise PolicyError(
                "training.method",
                f"{settings.method} finds nothing to train in this base model; nearest: ia3",
                hint="set training.method: ia3 (appliance policy explain training.method)",
            )
        return tuned

    @classmethod
    def load(cls, base_model: Any, folder: Path | str) -> Tuned:  # noqa: ANN401
        """Load a released adapter over its base model.

        Args:
            base_model: as `from_pretrained` gives it.
            folder: holds the two files.

        Raises:
            IntegrityError: the files are not such an adapter, or of another base model.
        """
        where = Path(folder)
        files = {name: (where / name).read_bytes() for name in (WEIGHTS_NAME, CONFIG_NAME)}
        try:
            fields = json.loads(files[CONFIG_NAME])
            if fields["format"] != _FORMAT:
                raise ValueError("format")
            if fields["appliance_method"] == "full":
                base_model.float()
            tuned = cls(base_model, fields=fields)
        except (KeyError, TypeError, ValueError):
            raise IntegrityError(
                CONFIG_NAME,
                "expected the configuration of a full, bitfit or bottleneck adapter",
                hint="appliance verify BUNDLE --key PUB",
            ) from None
        tuned.restore(files)
        tuned.eval()
        return tuned

    def forward(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  as the base's
        """Run the base, with what is trained unless it is switched off."""
        return self.base_model(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  torch does so too
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == "base_model":
                raise
            return getattr(self.base_model, name)

    def get_base_model(self) -> Any:  # noqa: ANN401  transformers is untyped
        """Return the model inside."""
        return self.base_model

    @contextmanager
    def disable_adapter(self) -> Iterator[None]:
        """Be the base model for a while."""
        was, self.off = self.off, True
        if not was:
            self._swap()
        try:
            yield
        finally:
            if not was:
                self._swap()
            self.off = was

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return what is trained, under the names it is saved by."""
        found = {
            f"bottleneck.{key.replace('/', '.')}.{name}": p
            for key, module in self.bottleneck.items()
            for name, p in module.named_parameters()
        }
        return found | dict(self._own_weights())

    def export(self, *, base_model_name: str) -> dict[str, bytes]:
        """Write the two files, in memory.

        Args:
            base_model_name: public name of the base.
        """
        tensors = {
            name: p.detach().to("cpu", torch.float32).contiguous()
            for name, p in self.tensors().items()
        }
        fields = self.fields | {"base_model_name_or_path": base_model_name}
        return {
            WEIGHTS_NAME: save_tensors(tensors, metadata={"format": "pt"}),
            CONFIG_NAME: f"{json.dumps(fields, indent=2, sort_keys=True)}\n".encode(),
        }

    def restore(self, files: Mapping[str, bytes]) -> None:
        """Put exported weights back.

        Args:
            files: what `export` made.

        Raises:
            IntegrityError: they are of another model or method.
        """
        own = self.tensors()
        try:
            given = load_tensors(files[WEIGHTS_NAME])
        except SafetensorError:
            given = {}
        if {k: v.shape for k, v in given.items()} != {k: v.shape for k, v in own.items()}:
            raise IntegrityError(
                WEIGHTS_NAME, "holds other weights than this adapter's", hint="appliance runs list"
            )
        with torch.no_grad():
            for name, p in own.items():
                p.copy_(given[name])

    def start(self) -> dict[str, torch.Tensor]:
        """Return the values that what is trained began with."""
        fields = self.fields
        generator = torch.Generator().manual_seed(int(fields["seed"]))
        found = dict(self._held)
        for key, module in self.bottleneck.items():
            width = module.up.out_features
            new = Bottleneck(width, int(fields["size"]), generator=generator)
            found |= {
                f"bottleneck.{key.replace('/', '.')}.{name}": p.detach()
                for name, p in new.named_parameters()
            }
        return found

    def _own_weights(self) -> Iterator[tuple[str, torch.nn.Parameter]]:
        """Walk the base's own weights that the method trains, and fresh modules."""
        layers, fresh = self.fields["layers"], tuple(self.fields["fresh"])
        for name, p in self.base_model.named_parameters():
            here = layers is None or block_of(name) in layers
            if any(part in fresh for part in name.split(".")) or (self._trains(name, p) and here):
                yield name, p

    def _trains(self, name: str, p: torch.Tensor) -> bool:
        # T5's relative position bias is shared over the batch before anything of a row meets it.
        if self.method == "full":
            return "relative_attention_bias" not in name
        return self.method == "bitfit" and p.dim() == 1 and name.endswith("bias")

    def _insert(self) -> None:
        """Put bottlenecks behind the linear layers that the placement names."""
        parts = parts_of(self.base_model)
        layers = self.fields["layers"]
        chosen = None if layers is None else range(layers[0], layers[-1] + 1)
        names = linear_names(self.base_model, parts.feed_forward, chosen, without=parts.attention)
        if self.fields["placement"] == "houlsby":
            names += linear_names(self.base_model, parts.attention, chosen)
        generator = torch.Generator().manual_seed(int(self.fields["seed"]))
        for name in names:
            layer = self.base_model.get_submodule(name)
            width = getattr(layer, "out_features", None) or layer.nf  # Conv1D says nf.
            small = Bottleneck(width, int(self.fields["size"]), generator=generator)
            self.bottleneck[name.replace(".", "/")] = small.to(layer.weight.device)
            layer.register_forward_hook(self._behind(small))

    def _behind(self, small: Bottleneck) -> Any:  # noqa: ANN401  a hook
        def hook(_layer: torch.nn.Module, _args: object, output: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = output if self.off else small(output)
            return found

        return hook

    def _swap(self) -> None:
        """Exchange the base's own trained weights with those it came with."""
        for name, p in self._own_weights():
            p.data, self._held[name] = self._held[name], p.data
