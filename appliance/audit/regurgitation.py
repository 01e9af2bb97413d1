"""Sampled generations, searched for what was removed and for records repeated word for word.

The adapter and the base model continue the same openings with the same random numbers. Openings
are the first tokens of records trained on (an insider's attack) and the appliance's own (an
outsider's), half and half. Only what the model added is searched for removed values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.audit.base import adapter_off
from appliance.audit.ranking import Ranking, RemovedValues
from appliance.audit.templates import choose_domain
from appliance.evidence import Regurgitation
from appliance.model.examples import Example
from appliance.model.tasks import shape_of_model
from appliance.policy.model import Policy
from appliance.progress import Progress

Tokens = NDArray[np.int64]

#: Tokens of an opening.
OPENING_TOKENS = 8
#: Tokens in a row, opening included, that make a verbatim overlap with a record.
OVERLAP_TOKENS = 50
#: Generations of one physical batch.
_BATCH = 50
#: Sampling keeps this many of the likeliest tokens (Carlini et al. 2021, arXiv:2012.07805).
_TOP_K = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """Continuations of openings.

    Attributes:
        sequences: int64 [n, opening + new]; private.
        texts: what the model added; private.
    """

    sequences: Tokens = field(repr=False)
    texts: tuple[str, ...] = field(repr=False)


def measure_regurgitation(
    *,
    model: Any,  # noqa: ANN401 - peft is untyped
    tokenizer: Any,  # noqa: ANN401 - transformers is untyped
    members: Sequence[Sequence[Example]],
    policy: Policy,
    removed: RemovedValues,
    ranking: Ranking | None,
    generator: np.random.Generator,
    progress: Progress,
) -> Regurgitation | None:
    """Generate with and without the adapter and search both; None where the policy asks for none.

    A classifier writes no text: None as well.

    Args:
        model: a peft model with its adapter on.
        tokenizer: the base model's.
        members: the units on the train side.
        policy: `audit`, `deidentify.entities` and `data.languages` are read.
        removed: finds removed values in texts.
        ranking: how removed values ranked among decoys.
        generator: draws openings and seeds the sampling.
        progress: told one unit per generation.
    """
    count, new = policy.audit.generations, policy.audit.generation_tokens
    if count == 0 or shape_of_model(model) == "classifier":
        return None
    openings = draw_openings(tokenizer, members, count, policy, generator)
    seed = int(generator.integers(2**31))
    ours = generate(model, tokenizer, openings, new=new, seed=seed, progress=progress)
    with adapter_off(model):
        base = generate(model, tokenizer, openings, new=new, seed=seed, progress=progress)
    window = min(OVERLAP_TOKENS, OPENING_TOKENS + new)
    reasons = {}
    if window < OVERLAP_TOKENS:
        reasons["overlap_tokens"] = (
            f"generations are {OPENING_TOKENS + new} tokens long with their opening: an overlap "
            f"is the whole of one, instead of {OVERLAP_TOKENS} tokens"
        )
    if ranking is None:
        reasons["rank_p_value"] = "no removed value was ranked"
    return Regurgitation(
        generations=len(openings),
        matches=sum(removed.find(ours.texts)),
        matches_base=sum(removed.find(base.texts)),
        verbatim_overlaps=count_overlaps(
            ours.sequences, (example for unit in members for example in unit), window=window
        ),
        overlap_tokens=window,
        real_values_ranked=0 if ranking is None else ranking.slots,
        rank_p_value=None if ranking is None else ranking.p_value,
        reasons=reasons,
    )


def draw_openings(
    tokenizer: Any,  # noqa: ANN401 - transformers is untyped
    members: Sequence[Sequence[Example]],
    count: int,
    policy: Policy,
    generator: np.random.Generator,
) -> Tokens:
    """Draw openings of equal length: of records and of the appliance's own sentences.

    Returns:
        int64 [count, OPENING_TOKENS].
    """
    domain = choose_domain(sorted(policy.deidentify.entities), policy.data.languages[0])
    found: list[Sequence[int]] = []
    for unit in generator.permutation(len(members)).tolist():
        if len(found) >= count // 2:
            break
        examples = members[unit]
        ids = examples[int(generator.integers(len(examples)))].input_ids
        if len(ids) > OPENING_TOKENS:
            found.append(ids[:OPENING_TOKENS].tolist())
    while len(found) < count:
        text = f"{domain.opening(generator)} {domain.opening(generator)}"
        ids = tokenizer(text, add_special_tokens=False)["input_ids"][:OPENING_TOKENS]
        # A vocabulary of whole sentences would give too few tokens: the last one is repeated.
        found.append([*ids, *[ids[-1]] * (OPENING_TOKENS - len(ids))])
    return np.asarray(found, dtype=np.int64)


def generate(
    model: Any,  # noqa: ANN401 - peft is untyped
    tokenizer: Any,  # noqa: ANN401 - transformers is untyped
    openings: Tokens,
    *,
    new: int,
    seed: int,
    progress: Progress,
) -> Generated:
    """Sample one continuation of each opening, `new` tokens long at most.

    The sampling's random numbers follow from `seed` alone; torch's own state is left as it was.
    """
    import torch

    device = next(model.parameters()).device
    end = tokenizer.eos_token_id
    sequences: list[Tokens] = []
    was_training = model.training
    model.eval()
    try:
        with (
            torch.random.fork_rng(),
            torch.inference_mode(),
            progress.task("generations", len(openings)) as task,
        ):
            torch.manual_seed(seed)
            for start in range(0, len(openings), _BATCH):
                batch = torch.from_numpy(openings[start : start + _BATCH]).to(device)
                grown = model.generate(
                    input_ids=batch,
                    attention_mask=torch.ones_like(batch),
                    do_sample=True,
                    top_k=_TOP_K,
                    top_p=1.0,
                    temperature=1.0,
                    max_new_tokens=new,
                    pad_token_id=end,
                )
                if shape_of_model(model) == "seq2seq":  # Only what was written comes back.
                    grown = torch.cat([batch, grown[:, 1:]], dim=1)
                short = openings.shape[1] + new - grown.shape[1]
                grown = torch.nn.functional.pad(grown, (0, short), value=end)
                sequences.append(grown.cpu().numpy())
                task.advance(len(batch))
    finally:
        model.train(was_training)
    whole = np.concatenate(sequences)
    texts = tokenizer.batch_decode(whole[:, openings.shape[1] :], skip_special_tokens=True)
    return Generated(sequences=whole, texts=tuple(texts))


def count_overlaps(sequences: Tokens, examples: Iterable[Example], *, window: int) -> int:
    """Count generations that share `window` tokens in a row with a record.

    Args:
        sequences: int64 [n, length].
        examples: read once, one at a time.
        window: tokens in a row.

    Returns:
        How many sequences share at least one window with at least one example.
    """
    if sequences.size == 0 or sequences.shape[1] < window:
        return 0
    owners: dict[bytes, set[int]] = {}
    for row, sequence in enumerate(sequences):
        for start in range(len(sequence) - window + 1):
            piece = sequence[start : start + window].astype(np.int32).tobytes()
            owners.setdefault(piece, set()).add(row)
    # A multiplicative hash of every window at once; a hit is confirmed on the tokens themselves.
    powers = np.uint64(0x9E3779B97F4A7C15) ** np.arange(window, dtype=np.uint64)
    pieces = np.frombuffer(b"".join(owners), dtype=np.int32).reshape(-1, window)
    hashes = np.unique(pieces.astype(np.uint64) @ powers)
    found: set[int] = set()
    for example in examples:
        ids = np.ascontiguousarray(example.input_ids, dtype=np.int32)
        if len(ids) < window:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(ids, window)
        hits = np.flatnonzero(np.isin(windows.astype(np.uint64) @ powers, hashes))
        for start in hits.tolist():
            found |= owners.get(windows[start].tobytes(), set())
    return len(found)
