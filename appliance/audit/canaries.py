"""Canaries: records nobody wrote, planted by coin before training, looked for afterwards.

Three families:
    newtok  an in-domain opening and one token that no record holds. The primary attack and the
            bound rest on these alone: each is one privacy unit with one example.
    secret  an opening and a made-up identifier of a never-issued range: the extraction claim.
            Each is one privacy unit with one example.
    repeat  a secret that k units share word for word, as a text that many files quote would be:
            k privacy units of one example each. The guarantee covers one unit, so k of them are
            protected at k times the epsilon at best. Diagnosis only, never in the bound.

Rules:
    1. A canary is a record: the trainer's N, sample rate, sampler, clipping and accountant
       include every planted unit; it is inserted after de-identification.
    2. Coins are fair and independent, from the caller's OS entropy, never drawn again for balance.
    3. The set, its coins and the audit's design (score, guess counts) are sealed and their digest
       published before training; a salt keeps the digest from confirming a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from appliance.audit.canary_set import (
    Canary,
    CanarySet,
    Family,
    expand_entropy,
    seeded_generator,
)
from appliance.audit.templates import FORMATS, Domain, choose_domain, secret_types
from appliance.model.examples import Example
from appliance.model.tasks import Shape
from appliance.policy.model import Audit, Training

__all__ = [
    "Canary",
    "CanaryPlan",
    "CanarySet",
    "Tokenizer",
    "fair_coins",
    "plan_canaries",
    "plant",
]

_ENTROPY_BYTES = 32
#: Why a classifier has no secret canaries.
NO_SECRETS = "a classifier writes no text: no secret is planted, nothing can be extracted"

#: Which of a canary's tokens are learned: as of a text, or as of a response.
Targets = Literal["all", "secret"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a canary is like in a task.

    Attributes:
        targets: which of its tokens are learned.
        classes: of a classifier: a canary is then a text with a never-seen token and a class
            drawn at random, and nothing can be extracted; 0: the model writes text.
        multi_label: each class is drawn by itself.
        closed: the given part ends as the tokenizer ends a text.
    """

    targets: Targets = "all"
    classes: int = 0
    multi_label: bool = False
    closed: bool = False


_TEXT = Form()


def canary_form(training: Training, shape: Shape) -> Form:
    """Return what a canary is like in a task on a shape of model."""
    if shape == "classifier":
        classes = training.classes
        return Form(
            targets="secret",
            classes=len(classes.labels),
            multi_label=classes.multi_label,
            closed=True,
        )
    if shape == "seq2seq":
        return Form(targets="secret", closed=True)
    return Form()


class Tokenizer(Protocol):
    """What the audit needs of a tokenizer."""

    all_special_ids: list[int]

    def __call__(self, text: str, **options: Any) -> Any:  # noqa: ANN401 - a mapping of lists
        """Tokenise a text: a mapping with "input_ids"."""

    def __len__(self) -> int:
        """Count the tokens of the vocabulary."""

    def decode(self, token_ids: Any, **options: Any) -> str:  # noqa: ANN401 - ids of any shape
        """Return the text of tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryPlan:
    """How many candidates of each family, and why not more.

    Attributes:
        newtok, secrets: candidates.
        repeats: repeats -> candidates.
        reason: plain words where the policy's counts were cut, or None.
    """

    newtok: int
    secrets: int
    repeats: dict[int, int]
    reason: str | None

    @property
    def expected_units(self) -> float:
        """Return the expected number of planted units."""
        ladder = sum(repeats * count for repeats, count in self.repeats.items())
        return (self.newtok + self.secrets + ladder) / 2.0


def plan_canaries(policy: Audit, n_units: int) -> CanaryPlan:
    """Return how many candidates this much data can carry.

    Args:
        policy: the policy's audit section.
        n_units: real privacy units trained on.

    Returns:
        The policy's counts where the expected number of planted units is at most
        `canaries.max_share` of all units trained on, themselves included. Otherwise the repeat
        ladder is left out, and if that is not enough newtok and secrets shrink alike.
    """
    asked = policy.canaries
    ladder = {int(repeats): count for repeats, count in asked.repeats.items() if count}
    full = CanaryPlan(newtok=asked.newtok, secrets=asked.secrets, repeats=ladder, reason=None)
    rest = 1.0 - asked.max_share
    room = asked.max_share * n_units / rest if rest > 0.0 else float("inf")
    if full.expected_units <= room:
        return full
    limit = (
        f"at most {asked.max_share:.0%} of the units trained on may be canaries, beside {n_units} "
        "real ones"
    )
    bare = replace(full, repeats={}, reason=f"the repeat ladder was left out: {limit}")
    if bare.expected_units <= room:
        return bare
    share = room / bare.expected_units
    newtok, secrets = int(asked.newtok * share), int(asked.secrets * share)
    reason = (
        f"{newtok} of {asked.newtok} newtok and {secrets} of {asked.secrets} secret candidates, "
        f"no repeat ladder: {limit}, and half of the candidates are planted"
    )
    return CanaryPlan(newtok=newtok, secrets=secrets, repeats={}, reason=reason)


def fair_coins(entropy: bytes, count: int) -> NDArray[np.bool_]:
    """Return independent fair coins.

    Args:
        entropy: at least 32 bytes from the operating system.
        count: how many.

    Returns:
        bool [count].

    Raises:
        ValueError: too little entropy.
    """
    if len(entropy) < _ENTROPY_BYTES:
        raise ValueError(f"expected at least {_ENTROPY_BYTES} bytes of entropy, got {len(entropy)}")
    raw = np.frombuffer(expand_entropy(entropy, "coins", -(-count // 8)), dtype=np.uint8)
    return np.unpackbits(raw)[:count].astype(bool)


def plant(
    *,
    policy: Audit,
    n_units: int,
    tokenizer: Tokenizer,
    corpus_token_ids: Iterable[NDArray[np.int32]],
    entity_types: list[str],
    entropy: bytes,
    language: str = "en",
    form: Form = _TEXT,
) -> CanarySet:
    """Make the candidates and toss their coins.

    Args:
        policy: the policy's audit section.
        n_units: real privacy units trained on.
        tokenizer: the base model's.
        corpus_token_ids: token ids of every example of every side; only which ids occur is kept.
        entity_types: the policy's types, for the secrets' formats.
        entropy: at least 32 fresh bytes from the operating system.
        language: ISO 639-1, for the openings.
        form: what a canary is like in the run's task. Of a text the whole is learned; of a
            response or a class the secret span alone, which is the stronger probe: after two
            epochs without privacy it measured AUC .84 against .60.

    Returns:
        The set; `reason` says in plain words where it is smaller than the policy asks.

    Guarantees:
        No text of a record enters a canary. No newtok token occurs in the corpus, in an opening
        or in another canary. The coins are independent of the content and of each other.

    Raises:
        ValueError: too little entropy.
    """
    plan = plan_canaries(policy, n_units)
    if form.classes:
        plan = replace(plan, secrets=0, repeats={}, reason=plan.reason or NO_SECRETS)
    generator = seeded_generator(entropy, "content")
    maker = _Maker(
        tokenizer=tokenizer,
        domain=choose_domain(entity_types, language),
        generator=generator,
        form=form,
    )
    secrets = maker.secrets(plan, secret_types(entity_types))
    seen = [draft.input_ids for draft in secrets]
    prefixes = [maker.prefix(maker.domain.code) for _ in range(plan.newtok)]
    fresh = maker.unseen_tokens(corpus_token_ids, [*seen, *map(np.asarray, prefixes)])
    reason = plan.reason
    if len(fresh) < plan.newtok:
        reason = f"only {len(fresh)} tokens of the vocabulary are unused: {len(fresh)} newtok"
    newtok = [
        maker.newtok(prefix, int(token)) for prefix, token in zip(prefixes, fresh, strict=False)
    ]
    drafts = [*newtok, *secrets]
    coins = fair_coins(entropy, len(drafts))
    canaries = tuple(
        draft.canary(index, included=bool(coin), targets=form.targets)
        for index, (draft, coin) in enumerate(zip(drafts, coins, strict=True))
    )
    return CanarySet(canaries=canaries, salt=expand_entropy(entropy, "salt", 32), reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A candidate before its coin."""

    family: Family
    entity_type: str
    repeats: int
    prefix: list[int]
    secret: list[int]

    @property
    def input_ids(self) -> NDArray[np.int32]:
        return np.asarray([*self.prefix, *self.secret], dtype=np.int32)

    def canary(self, index: int, *, included: bool, targets: Targets) -> Canary:
        ids, start = self.input_ids, len(self.prefix)
        mask = np.arange(len(ids)) >= (start if targets == "secret" else 1)
        return Canary(
            id=index,
            family=self.family,
            entity_type=self.entity_type,
            repeats=self.repeats,
            example=Example(input_ids=ids, loss_mask=mask, record_id=-1 - index),
            secret_span=(start, len(ids)),
            included=included,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Maker:
    """Turns templates into token ids."""

    tokenizer: Tokenizer
    domain: Domain
    generator: np.random.Generator
    form: Form

    def newtok(self, prefix: list[int], token: int) -> _Draft:
        """Put a never-seen token behind an opening, and what is learned of it behind both."""
        secret = [token]
        if self.form.multi_label:
            secret = self.generator.integers(0, 2, self.form.classes).tolist()
        elif self.form.classes:
            secret = [int(self.generator.integers(self.form.classes))]
        if self.form.classes:
            prefix = [*prefix, token]
        return _Draft(
            family="newtok", entity_type="", repeats=1, prefix=self.close(prefix), secret=secret
        )

    def close(self, prefix: list[int]) -> list[int]:
        """End the given part as the tokenizer ends a text, where the form asks for it."""
        if not self.form.closed:
            return prefix
        ends = [int(t) for t in self.tokenizer("")["input_ids"]][-1:]
        return [*prefix, *ends]

    def encode(self, text: str) -> list[int]:
        found = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return [int(token) for token in found]

    def prefix(self, label: str) -> list[int]:
        """Draw an opening that ends in the label, with the tokenizer's own first token, if any."""
        special = set(self.tokenizer.all_special_ids)
        first = [int(token) for token in self.tokenizer("")["input_ids"] if token in special]
        end = getattr(self.tokenizer, "eos_token_id", None)
        opening = [token for token in first[:1] if token != end]
        return [*opening, *self.encode(f"{self.domain.opening(self.generator)} {label}")]

    def secrets(self, plan: CanaryPlan, types: Sequence[str]) -> list[_Draft]:
        """Draw the secrets and the ladder, types in turn."""
        rungs = [("secret", 1)] * plan.secrets + [
            ("repeat", repeats)
            for repeats, count in sorted(plan.repeats.items())
            for _ in range(count)
        ]
        drafts = []
        for index, (family, repeats) in enumerate(rungs):
            entity_type = types[index % len(types)]
            value = FORMATS[entity_type](self.generator)
            label = self.domain.labels.get(entity_type, self.domain.code)
            drafts.append(
                _Draft(
                    family="secret" if family == "secret" else "repeat",
                    entity_type=entity_type,
                    repeats=repeats,
                    prefix=self.close(self.prefix(label)),
                    secret=self.encode(f" {value}"),
                )
            )
        return drafts

    def unseen_tokens(
        self, corpus: Iterable[NDArray[np.int32]], own: Sequence[NDArray[Any]]
    ) -> NDArray[np.int64]:
        """Return vocabulary tokens that nothing holds, word-like ones first, in random order."""
        seen = np.zeros(len(self.tokenizer), dtype=bool)
        for ids in (*own, *corpus):
            seen[np.asarray(ids, dtype=np.int64)] = True
        seen[np.asarray(self.tokenizer.all_special_ids, dtype=np.int64)] = True
        free = self.generator.permutation(np.flatnonzero(~seen))
        words = [self.tokenizer.decode([int(token)]) for token in free]
        plain = np.array([word.strip().isalpha() and len(word.strip()) > 2 for word in words], bool)
        return np.concatenate([free[plain], free[~plain]])
