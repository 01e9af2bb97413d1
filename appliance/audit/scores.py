"""One teacher-forced forward per example: every attack's raw material.

Owns the forward pass of the audit. From one pass over an example come the log-probability of each
target token (loss, probability of being sampled whole), whether greedy decoding would say it
(extraction), and its place in the model's own distribution (Min-K%++). Vocabulary-sized tensors
exist only at target positions, a chunk at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from appliance.model.examples import Example
from appliance.model.predict import by_length, padded, padded_arrays, predict_targets
from appliance.model.tasks import shape_of_model
from appliance.progress import Progress

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float32]

#: Target positions whose logits are held at a time.
_CHUNK = 512
#: Share of an example's tokens that Min-K%++ averages.
_MIN_K_SHARE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What one model says about one example's target tokens.

    Attributes:
        log_probabilities: float32 [targets], natural logarithm.
        greedy: bool [targets]: the token is the model's first choice.
        places: float32 [targets]: the log-probability in standard deviations of the model's own
            distribution at that position; the ingredient of Min-K%++. Empty where not asked for.
    """

    log_probabilities: Floats = field(repr=False)
    greedy: NDArray[np.bool_] = field(repr=False)
    places: Floats = field(repr=False)

    @property
    def loss(self) -> float:
        """Return the mean negative log-likelihood of the targets, in nats."""
        return -float(self.log_probabilities.mean(dtype=np.float64))

    @property
    def log2_probability(self) -> float:
        """Return log2 of the probability of sampling all targets, one after the other."""
        return float(self.log_probabilities.sum(dtype=np.float64) / np.log(2.0))

    @property
    def extracted(self) -> bool:
        """Say whether greedy decoding from the opening says the targets word for word."""
        return bool(self.greedy.all())

    @property
    def min_k_plus_plus(self) -> float:
        """Return Min-K%++: the mean of the least fifth of the places.

        Reference:
            Zhang et al. 2024, arXiv:2404.02936, equation 3, k = 20 %, at least one token.
        """
        count = max(1, round(_MIN_K_SHARE * len(self.places)))
        return float(np.sort(self.places)[:count].mean(dtype=np.float64))


def score_examples(
    model: torch.nn.Module,
    examples: Sequence[Example],
    *,
    max_tokens: int,
    progress: Progress,
    what: str = "scoring",
    places: bool = True,
) -> list[Scores]:
    """Score each example's target tokens by one forward pass.

    Args:
        model: of any shape, with or without adapters; its state (adapter on or off) is
            the caller's choice. Put into eval mode, and back, for the duration.
        examples: each with at least one target.
        max_tokens: padded tokens of one physical batch; no effect on the result.
        progress: told one unit per example.
        what: the progress line.
        places: whether to work out the ingredient of Min-K%++, which costs passes over the
            vocabulary.

    Returns:
        One `Scores` per example, in the given order.

    Raises:
        ValueError: an example has no target.

    Guarantees:
        An example's scores do not depend on its neighbours in the batch, up to float32 rounding.
    """
    import torch

    if any(example.targets == 0 for example in examples):
        raise ValueError("expected every example to have a target token")
    found: dict[int, Scores] = {}
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode(), progress.task(what, len(examples)) as task:
            reader = _reader(model, places=places)
            for batch in by_length(examples, max_tokens):
                found.update(zip(batch, reader([examples[i] for i in batch]), strict=True))
                task.advance(len(batch))
    finally:
        model.train(was_training)
    return [found[index] for index in range(len(examples))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Padded:
    """A physical batch, padded on the right."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    predictors: torch.Tensor
    targets: torch.Tensor
    counts: tuple[int, ...]


def pad(examples: Sequence[Example], device: Any) -> Padded:  # noqa: ANN401 - a torch.device
    """Pad a batch; find the positions that predict a target.

    Args:
        examples: at least one.
        device: where the tensors go.

    Returns:
        `predictors`: flat positions [k] in [batch * length] whose output predicts `targets` [k],
        ordered by example; `counts`: targets of each example.
    """
    import torch

    ids, mask, wanted = padded_arrays(examples)
    places = np.flatnonzero(wanted)
    return Padded(
        input_ids=torch.from_numpy(ids).to(device),
        attention_mask=torch.from_numpy(mask).to(device),
        predictors=torch.from_numpy(places - 1).to(device),
        targets=torch.from_numpy(ids.reshape(-1)[places]).to(device),
        counts=tuple(int(count) for count in wanted.sum(axis=1)),
    )


def hidden_and_head(model: torch.nn.Module) -> tuple[Any, Any]:
    """Return the decoder and the output head of a causal language model.

    The two stand for the whole model only where its logits are the head of the decoder's last
    hidden state; `logits_agree` checks it.
    """
    base: Any = model.get_base_model() if hasattr(model, "get_base_model") else model
    return base.get_decoder(), base.get_output_embeddings()


def logits_agree(model: torch.nn.Module, device: Any) -> bool:  # noqa: ANN401 - a torch.device
    """Say whether decoder and head give the model's own logits (no soft cap, no scale)."""
    import torch

    decoder, head = hidden_and_head(model)
    probe = torch.arange(1, 5, device=device)[None, :]
    with torch.inference_mode():
        whole = model(input_ids=probe, use_cache=False).logits.float()
        parts = head(decoder(input_ids=probe, use_cache=False).last_hidden_state).float()
    return bool(torch.allclose(whole, parts, rtol=1e-3, atol=1e-3))


def _reader(model: torch.nn.Module, *, places: bool) -> Callable[[Sequence[Example]], list[Scores]]:
    """Return the function that scores one physical batch."""
    device = next(model.parameters()).device
    if shape_of_model(model) != "causal":
        return lambda examples: _read_predicted(model, examples, device, places=places)
    apart = logits_agree(model, device)
    decoder, head = hidden_and_head(model)

    def read(examples: Sequence[Example]) -> list[Scores]:
        batch = pad(examples, device)
        if apart:
            hidden = decoder(
                input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False
            ).last_hidden_state
            states = hidden.flatten(0, 1)[batch.predictors]
        else:
            logits = model(
                input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False
            ).logits
            states = logits.flatten(0, 1)[batch.predictors]
        return _read_targets(
            batch.targets, batch.counts, states, head if apart else None, places=places
        )

    return read


def _read_predicted(
    model: torch.nn.Module,
    examples: Sequence[Example],
    device: Any,  # noqa: ANN401 - a torch.device
    *,
    places: bool,
) -> list[Scores]:
    """Score a classifier's classes, or what a decoder writes to an encoder's text."""
    found = predict_targets(model, *padded(examples, device))
    counts = tuple(example.targets for example in examples)
    return _read_targets(found.labels, counts, found.logits, None, places=places)


def _read_targets(
    wanted: torch.Tensor,
    counts: tuple[int, ...],
    states: torch.Tensor,
    head: Any,  # noqa: ANN401 - a module, or None
    *,
    places: bool,
) -> list[Scores]:
    """Read probability, rank and place of each target from hidden states (or from logits)."""
    import torch

    parts: list[list[torch.Tensor]] = [[], [], []]
    for start in range(0, len(wanted), _CHUNK):
        rows = states[start : start + _CHUNK]
        targets = wanted[start : start + _CHUNK]
        logits = (rows if head is None else head(rows)).float()
        everything = torch.log_softmax(logits, dim=-1)
        own = everything.gather(1, targets[:, None])[:, 0]
        parts[0].append(own)
        parts[1].append(logits.argmax(dim=-1) == targets)
        parts[2].append(_places(everything, own) if places else own.new_zeros(len(own)))
    own, greedy, place = (torch.cat(values).cpu().split(counts) for values in parts)
    return [
        Scores(
            log_probabilities=own[row].numpy(),
            greedy=greedy[row].numpy(),
            places=place[row].numpy() if places else np.zeros(0, np.float32),
        )
        for row in range(len(counts))
    ]


def _places(everything: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """Return each log-probability's distance from its position's mean, in standard deviations."""
    weights = everything.exp()
    # A token of probability 0 (log -inf) adds nothing to either moment.
    finite = everything.nan_to_num(neginf=0.0)
    mean = (weights * finite).sum(dim=-1)
    variance = (weights * finite.square()).sum(dim=-1) - mean.square()
    return (own - mean) / variance.clamp_min(1e-12).sqrt()
