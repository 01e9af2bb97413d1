"""Put a method on a base model, save it, load it, start it anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import torch

from appliance.errors import IntegrityError
from appliance.finetune import adapter
from appliance.finetune.methods.ia3 import attach_ia3
from appliance.finetune.methods.own import WEIGHTS_NAME, Tuned
from appliance.finetune.methods.settings import MethodSettings
from appliance.finetune.methods.virtual import attach_virtual
from appliance.finetune.per_sample import trainable
from appliance.model.tasks import Shape, peft_type
from appliance.policy.training import Method

_START: Final = "_start_of_training"
#: Adam's step size at which a throw-away copy learns a few dozen sequences by heart.
_CONTROL_STEP: Final[dict[Method, float]] = {
    "lora": 5e-3,
    "dora": 5e-3,
    "full": 5e-4,
    "prefix": 5e-2,
    "prompt": 5e-2,
    "ia3": 5e-2,
    "bitfit": 2e-2,
    "bottleneck": 5e-3,
}


def attach(
    model: Any,  # noqa: ANN401  transformers is untyped
    settings: MethodSettings,
    *,
    shape: Shape = "causal",
    fresh: tuple[str, ...] = (),
    tokenizer: Any = None,  # noqa: ANN401  transformers is untyped
) -> torch.nn.Module:
    """Freeze a base model and add, or wake, what a method trains.

    Args:
        model: a base model, already on its device.
        settings: the method and its knobs.
        shape: what the model computes.
        fresh: modules without weights of their own yet, trained whole beside the method's.
        tokenizer: of the base; reads a prompt's text.

    Returns:
        The model to be trained, see the package's docstring.

    Raises:
        PolicyError: the method finds nothing to train in this model; the hint names the nearest.
        UsageError: the model has no layer of a given name.
    """
    match settings.method:
        case "lora" | "dora":
            adapted = adapter.attach_lora(
                model,
                rank=settings.rank,
                alpha=settings.alpha,
                dropout=settings.dropout,
                target_modules=settings.target_modules,
                layers=settings.layers(model),
                rslora=settings.rslora,
                freeze_a=settings.freeze_a,
                dora=settings.method == "dora",
                shape=shape,
                fresh=fresh,
                seed=settings.seed,
            )
        case "ia3":
            adapted = attach_ia3(model, settings, shape=shape, fresh=fresh)
        case "prompt" | "prefix":
            adapted = attach_virtual(model, settings, shape=shape, fresh=fresh, tokenizer=tokenizer)
        case "full" | "bitfit" | "bottleneck":
            adapted = Tuned.fresh(model, settings, fresh=fresh, task_type=peft_type(shape))
    adapted.control_step_size = _CONTROL_STEP[settings.method]
    if not isinstance(adapted, Tuned):  # Which knows its own start.
        start = {
            name: p.detach().clone() for name, p in adapted.named_parameters() if p.requires_grad
        }
        object.__setattr__(adapted, _START, start)
        _keep_frozen(adapted)
    return adapted


def export(model: Any, *, base_model_name: str) -> dict[str, bytes]:  # noqa: ANN401
    """Write what was trained as two files, in memory, and check that they read back.

    Args:
        model: of `attach`.
        base_model_name: public name of the base, for `base_model_name_or_path`.

    Returns:
        File name -> bytes.

    Raises:
        IntegrityError: the files, read back, do not give the same logits.

    Guarantees:
        Loading the files over the same base gives the logits of `model`, bit for bit on a probe.
    """
    if not isinstance(model, Tuned):
        return adapter.export_adapter(model, base_model_name=base_model_name)
    files = model.export(base_model_name=base_model_name)
    verify(model, files)
    return files


def restore(model: Any, files: Mapping[str, bytes]) -> None:  # noqa: ANN401
    """Put exported weights back into a model of the same method and base.

    Args:
        model: of `attach`, with the same settings.
        files: what `export` made.

    Raises:
        IntegrityError: the weights are not of this model.
    """
    if isinstance(model, Tuned):
        model.restore(files)
    else:
        adapter.restore_adapter(model, dict(files))


def verify(model: Any, files: Mapping[str, bytes]) -> None:  # noqa: ANN401
    """Check that exported files, read back over a fresh start, give the model's own logits.

    Args:
        model: of `attach`, with the files' weights; left as it was.
        files: what `export` made.

    Raises:
        IntegrityError: the logits differ.
    """
    if not isinstance(model, Tuned):
        adapter.verify_export(model, dict(files))
        return
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            expected = model(**adapter.probe(model)).logits
            with throwaway(model):
                model.restore(files)
                found = model(**adapter.probe(model)).logits
    finally:
        model.train(was_training)
    if not torch.equal(expected, found):
        raise IntegrityError(
            WEIGHTS_NAME,
            "the exported adapter, read back, gives other logits than the trained one",
            hint="appliance doctor",
        )


@contextmanager
def throwaway(model: Any) -> Iterator[Any]:  # noqa: ANN401  peft is untyped
    """Give the model the start of its training again, for a while.

    Args:
        model: of `attach`.

    Yields:
        The same model, its trainable parameters as before the first step.

    Guarantees:
        Afterwards the trained weights are back, bit for bit, also after an error.
    """
    own = model.tensors() if isinstance(model, Tuned) else dict(model.named_parameters())
    start = model.start() if isinstance(model, Tuned) else getattr(model, _START)
    trained = {name: own[name].detach().clone() for name in start}
    try:
        _put(own, start)
        yield model
    finally:
        _put(own, trained)
        for p in trainable(model):
            p.grad = None


@contextmanager
def leaking(model: Any) -> Iterator[Any]:  # noqa: ANN401  peft is untyped
    """Give a fresh start that can learn a few dozen sequences by heart, for the audit's control.

    Args:
        model: of `attach`.

    Yields:
        The model at its own start; for prompt and prefix, which have too little room to leak what
        the attack looks for, fresh LoRA factors on the same base, the virtual tokens switched off.

    Guarantees:
        Afterwards the model is as it was, also after an error.
    """
    config = None if isinstance(model, Tuned) else model.peft_config[model.active_adapter]
    if config is None or not config.is_prompt_learning:
        with throwaway(model) as started:
            yield started
        return
    wanted = {name: p.requires_grad for name, p in model.named_parameters()}
    with model.disable_adapter():
        control = adapter.attach_lora(model.get_base_model(), rank=8, alpha=16.0, seed=0)
        try:
            yield control
        finally:
            control.unload()
            for name, p in model.named_parameters():
                p.requires_grad_(wanted[name])
                p.grad = None


def _keep_frozen(model: Any) -> None:  # noqa: ANN401  peft is untyped
    """Let switching the adapter off and on leave frozen what was frozen.

    PEFT wakes every factor when it switches an adapter on: frozen A factors would be trained by a
    run that first scored the base model, and not by the same run resumed.
    """
    own = model.disable_adapter

    @contextmanager
    def disable_adapter() -> Iterator[None]:
        wanted = {name: p.requires_grad for name, p in model.named_parameters()}
        try:
            with own():
                yield
        finally:
            for name, p in model.named_parameters():
                p.requires_grad_(wanted[name])

    model.disable_adapter = disable_adapter


def _put(own: Mapping[str, torch.Tensor], values: Mapping[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, value in values.items():
            own[name].copy_(value)
