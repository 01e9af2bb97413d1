"""The audit: every attack on one adapter, from canaries planted before it was trained.

Owns the order of the attacks and their joint claim. It measures; the gate judges. A finding is
"no leakage above X with power Y against attacks Z", never "no leakage".

Steps (the numbers mark the code):
    1. score every canary with the adapter on: one forward pass each
    2. membership of canaries by their coins: primary score, secondary scores, chance
    3. the one-run lower bound, from guesses counted before training
    4. extraction of planted secrets, exposures
    5. membership of real people against the audit holdout
    6. what was removed: candidates ranked, generations searched
    7. the positive control: the same attack on an adapter made to leak
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from appliance.audit.base import SCORING_TOKENS, BaseScores, Units, score_base
from appliance.audit.bounds import (
    Guesses,
    count_correct,
    fdp_epsilon,
    fdp_p_value,
    guess_counts,
    largest_detectable_epsilon,
    one_run_epsilon,
)
from appliance.audit.canaries import NO_SECRETS
from appliance.audit.canary_set import Canary, CanarySet
from appliance.audit.ceilings import DpCurve
from appliance.audit.control import ControlFactory, overfit, throwaway_adapter
from appliance.audit.extraction import Attacked, measure_extraction, measure_families
from appliance.audit.membership import (
    Sides,
    membership,
    primary_scores,
    secondary,
    secondary_scores,
)
from appliance.audit.people import attack_people
from appliance.audit.ranking import RemovedSlot, RemovedValues, rank_values, score_slots
from appliance.audit.regurgitation import measure_regurgitation
from appliance.audit.scores import score_examples
from appliance.audit.statistics import auc_interval, audit_power, permutation_p_value
from appliance.errors import IntegrityError
from appliance.evidence import (
    AuditSection,
    PositiveControl,
    PrivacySection,
    Regurgitation,
)
from appliance.model.tasks import shape_of_model
from appliance.policy.model import Policy
from appliance.progress import Progress

__all__ = ["BaseScores", "RemovedSlot", "RemovedValues", "audit", "score_base"]

#: True AUCs whose refusal probability is printed.
POWER_AT = (0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9)
#: The bound at this confidence above the claim means a bug.
BUG_CONFIDENCE = 0.99
#: The control's AUC must exceed this at the interval's lower end.
CONTROL_AUC = 0.8
#: Most planted canaries that the control learns, and as many held-out ones beside them.
CONTROL_CANARIES = 48
#: Below this noise the accountant's profile says nothing and takes for ever.
_LEAST_NOISE = 0.1
NO_CURVE = "training had no differential privacy: there is no curve to hold the guesses against"


def audit(
    *,
    model: Any,  # noqa: ANN401 - peft is untyped
    tokenizer: Any,  # noqa: ANN401 - transformers is untyped
    canaries: CanarySet,
    members: Units,
    non_members: Units,
    policy: Policy,
    privacy: PrivacySection,
    base_scores: BaseScores,
    removed: RemovedValues | None,
    control: ControlFactory | None,
    progress: Progress,
) -> AuditSection:
    """Attack the trained adapter with everything that was prepared before training.

    Args:
        model: a peft model with the trained adapter active; left as it was.
        tokenizer: the base model's.
        canaries: as planted.
        members: the units on the train side, in the order `score_base` saw.
        non_members: the units of the audit holdout, in that order.
        policy: `audit` and the gate's limits (for the power) are read.
        privacy: the mechanism that ran; the bound is held against its delta.
        base_scores: from `score_base`, before training.
        removed: what de-identification took out; absent: those attacks are reported missing.
        control: gives a model with a fresh adapter; absent: one is added beside the trained one
            and removed.
        progress: told one unit per example.

    Returns:
        The section; what could not be measured is None with a reason.

    Raises:
        IntegrityError: the base scores belong to other canaries.

    Guarantees:
        Scores, guess counts, attacked people and candidates are those fixed before training. The
        model's weights and trainable parameters are unchanged.
    """
    started = time.monotonic()
    if len(base_scores.canaries) != len(canaries.canaries):
        raise IntegrityError(
            "base scores",
            f"hold {len(base_scores.canaries)} canaries, expected {len(canaries.canaries)}",
            hint="start a new run: appliance train",
        )
    # 1. One forward pass per canary.
    scores = score_examples(
        model,
        [canary.probe for canary in canaries.canaries],
        max_tokens=SCORING_TOKENS,
        progress=progress,
        what="canaries, adapter",
    )
    attacked = Attacked(
        canaries=canaries.canaries, adapter=tuple(scores), base=base_scores.canaries
    )
    curve = dp_curve(privacy)
    figures = _canary_figures(attacked, canaries, policy, privacy, curve)  # 2, 3
    reasons: dict[str, str] = dict(figures.pop("reasons"))
    silent = shape_of_model(model) == "classifier"
    people = attack_people(  # 5
        model, members, non_members, base_scores, policy, curve, progress
    )
    reasons |= people.reasons
    searched = _searched(  # 6
        model, tokenizer, canaries, members, base_scores, policy, removed, progress
    )
    if searched is None:
        reasons["regurgitation"] = (
            NO_SECRETS
            if silent
            else "the removed values were not given"
            if removed is None
            else "the policy asks for no generations"
        )
    seen = None
    if policy.audit.positive_control:  # 7
        seen = _control(model, attacked, canaries, policy, control, progress)
    if seen is None:
        reasons["positive_control"] = (
            "no canary was planted or none was held out"
            if policy.audit.positive_control
            else "the policy asks for none"
        )
    extraction = measure_extraction(attacked)  # 4
    if extraction is None:
        reasons["extraction"] = NO_SECRETS if silent else "no secret canary was planted"
    figures["secondary"] = {**figures["secondary"], **people.secondary}
    return AuditSection(
        seconds=time.monotonic() - started,
        canaries=measure_families(canaries, attacked),
        record_membership=people.record,
        user_membership=people.user,
        confidence=policy.audit.confidence,
        extraction=extraction,
        regurgitation=searched,
        positive_control=seen,
        dp_auc_ceiling=None if curve is None else curve.auc_ceiling(),
        dp_roc=[] if curve is None else curve.roc_ceiling(),
        reasons=reasons,
        **figures,
    )


def dp_curve(privacy: PrivacySection) -> DpCurve | None:
    """Return the executed mechanism's privacy profile; None where nothing is guaranteed."""
    if privacy.mechanism != "dp-sgd" or privacy.steps < 1:
        return None
    if privacy.noise_multiplier < _LEAST_NOISE:
        return None
    return DpCurve.of_mechanism(
        noise_multiplier=privacy.noise_multiplier,
        sample_rate=privacy.sample_rate,
        steps=privacy.steps,
    )


def _canary_figures(
    attacked: Attacked,
    canaries: CanarySet,
    policy: Policy,
    privacy: PrivacySection,
    curve: DpCurve | None,
) -> dict[str, Any]:
    """Return the section's fields that newtok canaries alone decide."""
    newtok = attacked.only("newtok")
    coins = [canary.included for canary in newtok.canaries]
    ours = Sides.split(primary_scores(newtok.adapter), coins)
    base = Sides.split(primary_scores(newtok.base), coins)
    if not ours.usable:
        why = "no newtok canary was planted, or none was held out"
        absent = ("membership", "empirical_epsilon", "largest_detectable_epsilon")
        return {
            **dict.fromkeys(absent),
            "secondary": {},
            "reasons": dict.fromkeys(absent, why),
        }
    confidence = policy.audit.confidence
    guesses = guess_counts(len(coins))
    correct = count_correct(primary_scores(newtok.adapter), coins, guesses)
    others = secondary_scores(newtok.adapter, newtok.base)
    return {
        "membership": membership(ours, base, confidence=confidence, curve=curve),
        "permutation_p_value": permutation_p_value(
            ours.members, ours.non_members, generator=canaries.generator("permutations")
        ),
        **_bounds(len(coins), guesses, correct, privacy.target_delta, confidence),
        "curve_p_value": None
        if curve is None
        else fdp_p_value(
            canaries=len(coins),
            guesses=guesses.total,
            correct=correct,
            fpr_floor=curve.fpr_floor,
        ),
        "power": {
            f"{auc:g}": audit_power(
                auc,
                n_members=len(ours.members),
                n_non_members=len(ours.non_members),
                max_auc=policy.release.rules.max_auc,
                confidence=confidence,
            )
            for auc in POWER_AT
        },
        "secondary": {
            name: secondary(Sides.split(values, coins), confidence=confidence)
            for name, values in others.items()
        },
        "scores": {
            "member": ours.members.tolist(),
            "non_member": ours.non_members.tolist(),
            "base_member": base.members.tolist(),
            "base_non_member": base.non_members.tolist(),
        },
        "reasons": {} if curve is not None else {"curve_p_value": NO_CURVE},
    }


def _bounds(
    canaries: int, guesses: Guesses, correct: int, delta: float, confidence: float
) -> dict[str, Any]:
    """Return the lower bounds and what they could have shown."""
    counts = {"canaries": canaries, "guesses": guesses.total, "correct": correct, "delta": delta}
    return {
        "guesses": guesses.total,
        "correct_guesses": correct,
        "empirical_epsilon": one_run_epsilon(**counts, confidence=confidence),
        "empirical_epsilon_bug": one_run_epsilon(**counts, confidence=BUG_CONFIDENCE),
        "empirical_epsilon_gaussian": fdp_epsilon(**counts, confidence=confidence),
        "largest_detectable_epsilon": largest_detectable_epsilon(
            canaries=canaries, delta=delta, confidence=confidence
        ),
    }


def _searched(
    model: Any,  # noqa: ANN401 - peft is untyped
    tokenizer: Any,  # noqa: ANN401 - transformers is untyped
    canaries: CanarySet,
    members: Units,
    base: BaseScores,
    policy: Policy,
    removed: RemovedValues | None,
    progress: Progress,
) -> Regurgitation | None:
    """Rank removed values among decoys and search generations for them."""
    if removed is None:
        return None
    ranked = score_slots(model, tokenizer, removed, len(base.slots), progress)
    return measure_regurgitation(
        model=model,
        tokenizer=tokenizer,
        members=members,
        policy=policy,
        removed=removed,
        ranking=rank_values(ranked, base.slots),
        generator=canaries.generator("generations"),
        progress=progress,
    )


def _control(
    model: Any,  # noqa: ANN401 - peft is untyped
    attacked: Attacked,
    canaries: CanarySet,
    policy: Policy,
    control: ControlFactory | None,
    progress: Progress,
) -> PositiveControl | None:
    """Make an adapter leak and attack it as the real one was."""
    planted = attacked.only("newtok", included=True).canaries[:CONTROL_CANARIES]
    held_out = attacked.only("newtok", included=False).canaries[:CONTROL_CANARIES]
    if not planted or not held_out:
        return None
    context = throwaway_adapter(model) if control is None else control()
    with context as leaky:
        overfit(
            leaky,
            [canary.probe for canary in planted],
            generator=canaries.generator("control"),
            progress=progress,
        )
        inside, outside = (_primary(leaky, side, progress) for side in (planted, held_out))
    area = auc_interval(inside, outside, confidence=policy.audit.confidence)
    return PositiveControl(
        auc=area.value, auc_interval=area.interval, seen=area.interval[0] > CONTROL_AUC
    )


def _primary(model: Any, canaries: Sequence[Canary], progress: Progress) -> Any:  # noqa: ANN401
    return primary_scores(
        score_examples(
            model,
            [canary.probe for canary in canaries],
            max_tokens=SCORING_TOKENS,
            progress=progress,
            what="canaries, positive control",
        )
    )
