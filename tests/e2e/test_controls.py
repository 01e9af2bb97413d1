"""Controls: leaking and mis-trained runs are refused, correct ones pass.

Each run goes through the real rooms in one process: canaries planted, the real trainer, the real
audit, the real gate; a small random model keeps it to seconds. `make controls` runs these alone,
with many more seeds, and once more on the real small model.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest
import torch

from appliance.audit.base import score_base
from appliance.audit.canaries import plant
from appliance.audit.stage import audit
from appliance.evidence import (
    AccountantFigures,
    AuditSection,
    Check,
    PolicyIdentity,
    PrivacySection,
    SelfTest,
)
from appliance.finetune.accounting import ACCOUNTANT, cross_check
from appliance.finetune.adapter import attach_lora
from appliance.finetune.mechanism import Mechanism
from appliance.finetune.noise import OS_ENTROPY
from appliance.finetune.selftest import run_selftest
from appliance.finetune.settings import TrainSettings
from appliance.finetune.trainer import train
from appliance.gate import Decision, decide
from appliance.model.examples import Example
from appliance.model.load import load_base, load_tokenizer
from appliance.model.registry import Registry
from appliance.policy import Policy, policy_digest
from appliance.progress import SilentProgress
from tests.unit.audit import world
from tests.unit.finetune import test_selftest as bugs
from tests.unit.report.sample_report import evidence, privacy_section, run_section

QUIET = SilentProgress()
LOG = logging.getLogger(__name__)

POLICY = Policy.model_validate(
    {
        "name": "controls",
        "version": "1",
        "regulation": "none",
        "data": {"unit": "patient_id"},
        "deidentify": {
            "entities": {"MEDICAL_RECORD_NUMBER": "redact"},
            "residual_limit": 1.0,
        },
        "privacy": {"target_epsilon": 3.0},
        "audit": {
            "level": "standard",
            "canaries": {"newtok": 300, "secrets": 30, "repeats": {}, "max_share": 0.7},
            "max_members": 20,
            "generations": 4,
            "generation_tokens": 8,
            "ranked_values": 0,
        },
        "release": {
            "rules": {
                "max_epsilon": 100.0,
                "min_canaries": 200,
                "min_secrets_planted": 5,
                "max_auc": 0.65,
                "max_auc_difference": 0.15,
                "max_tpr_at_1_percent_fpr": 0.10,
                "max_empirical_epsilon": 2.0,
            }
        },
    }
)


#: What a leaking adapter breaks besides the mechanism's own rule: the area, and the steep end.
#: (With delta near 1 / units the one-run bound of 200 canaries cannot reach 2: it is no such rule.)
ATTACKS = {
    "release.rules.max_auc",
    "release.rules.max_auc_difference",
    "release.rules.max_tpr_at_1_percent_fpr",
}


@dataclass(frozen=True)
class Result:
    """One run's evidence and what the gate made of it."""

    section: AuditSection
    privacy: PrivacySection
    decision: Decision

    @property
    def reasons(self) -> set[str]:
        return {finding.rule for finding in self.decision.reasons}


@dataclass(frozen=True)
class Base:
    """A base model to be attacked, and how long it trains."""

    words: Any
    build: Callable[[int], Any]
    people: int
    batch: float
    private_steps: int
    free_steps: int


def tiny(seed: int) -> Any:
    words = world.short_tokenizer()
    return attach_lora(world.base_model(len(words), seed=seed), rank=8, alpha=16.0, seed=seed)


TINY = Base(world.short_tokenizer(), tiny, 100, 50.0, 40, 240)


@cache
def real_base() -> Base:
    """SmolLM2-135M; adapters on its last ten blocks keep a run to minutes."""
    folder = Path(mkdtemp(prefix="controls-"))
    path = Registry(folder).add_demo(QUIET).path
    words = load_tokenizer(path)

    def build(seed: int) -> Any:
        base = load_base(path, precision="fp32").model
        return attach_lora(base, rank=8, alpha=16.0, seed=seed, layers=range(20, 30))

    # As many people as 200 canaries need: they may be seven tenths of all units.
    return Base(words, build, 100, 60.0, 12, 48)


BASES = ["tiny", *(["real"] if os.environ.get("CONTROL_REAL") else [])]


@pytest.fixture(params=BASES)
def base(request: pytest.FixtureRequest) -> Base:
    return TINY if request.param == "tiny" else real_base()


class Nowhere:
    """Keeps no checkpoint."""

    def save(self, state: Any) -> None: ...

    def load(self) -> None:
        return None


def mechanism_for(n_units: int, *, private: bool, base: Base = TINY) -> Mechanism:
    delta = n_units**-1.1
    if not private:
        return Mechanism.without_privacy(
            n_units=n_units,
            expected_batch_size=base.batch,
            steps=base.free_steps,
            target_delta=delta,
        )
    return Mechanism.calibrate(
        target_epsilon=3.0,
        target_delta=delta,
        n_units=n_units,
        expected_batch_size=base.batch,
        steps=base.private_steps,
        max_grad_norm=1.0,
    )


def privacy_of(mechanism: Mechanism, test: SelfTest | None, n_units: int) -> PrivacySection:
    private = mechanism.kind == "dp-sgd"
    figures = None
    if private:
        check = cross_check(mechanism)
        figures = AccountantFigures(pld=check.pld, prv=check.prv, rdp=check.rdp, agree=check.agree)
    return privacy_section(
        mechanism=mechanism.kind,
        target_epsilon=3.0,
        target_delta=mechanism.target_delta,
        spent_epsilon=mechanism.spent_epsilon(mechanism.steps) if private else None,
        noise_multiplier=mechanism.noise_multiplier,
        sample_rate=mechanism.sample_rate,
        steps=mechanism.steps,
        expected_batch_size=mechanism.expected_batch_size,
        n_units=n_units,
        accountant=ACCOUNTANT,
        accountants=figures,
        noise_source=OS_ENTROPY if private else "none",
        self_test=test,
    )


def self_test(mechanism: Mechanism) -> SelfTest:
    report = run_selftest(mechanism)
    return SelfTest(
        passed=report.passed,
        seconds=report.seconds,
        checks=[
            Check(name=c.name, passed=c.passed, measured=c.measured, expected=c.expected)
            for c in report.checks
        ],
    )


@pytest.fixture(scope="module")
def passed_self_test() -> SelfTest:
    """The self-test does not depend on the run's data: once is enough for all runs."""
    return self_test(mechanism_for(200, private=True))


def judge(rules: Policy, **sections: Any) -> Decision:
    """Hold real sections, the rest being a sample's, against the rules."""
    identity = PolicyIdentity(
        name=rules.name,
        version=rules.version,
        digest=policy_digest(rules),
        regulation=rules.regulation,
    )
    return decide(evidence(run=run_section(policy=identity), **sections), rules)


def whole_run(
    seed: int,
    *,
    private: bool,
    test: SelfTest | None,
    control: bool = True,
    base: Base = TINY,
) -> Result:
    """Plant, score, train, attack, decide."""
    rules = POLICY
    if not control:
        rules = POLICY.model_copy(
            update={"audit": POLICY.audit.model_copy(update={"positive_control": False})}
        )
    words = base.words
    members = world.people(base.people, first=seed, records=1, words=words)
    holdout = world.people(20, first=10_000 + seed, records=1, words=words)
    model = base.build(seed)
    gone = world.removed()
    planted = plant(
        policy=rules.audit,
        n_units=len(members),
        tokenizer=words,
        corpus_token_ids=[example.input_ids for unit in members for example in unit],
        entity_types=["MEDICAL_RECORD_NUMBER"],
        entropy=np.random.default_rng(seed).bytes(64),
    )
    before = score_base(
        model=model,
        tokenizer=words,
        canaries=planted,
        members=members,
        non_members=holdout,
        policy=rules,
        removed=gone,
        progress=QUIET,
    )
    units: Sequence[Sequence[Example]] = [*members, *planted.included_units()]
    mechanism = mechanism_for(len(units), private=private, base=base)
    torch.manual_seed(seed)
    train(
        model,
        units,
        mechanism,
        TrainSettings(learning_rate=5e-3, physical_batch_tokens=4096),
        # A fixed key, so that a control that passes once passes always.
        noise_key=np.random.default_rng([seed, 1]).bytes(32),
        noise_source=OS_ENTROPY,
        checkpoint_store=Nowhere(),
        progress=lambda *_: None,
    )
    privacy = privacy_of(mechanism, test, len(units))
    section = audit(
        model=model,
        tokenizer=words,
        canaries=planted,
        members=members,
        non_members=holdout,
        policy=rules,
        privacy=privacy,
        base_scores=before,
        removed=gone,
        control=None,
        progress=QUIET,
    )
    result = Result(
        section=section,
        privacy=privacy,
        decision=judge(rules, privacy=privacy, audit=section),
    )
    tell(seed, result)
    return result


def tell(seed: int, result: Result) -> None:
    """One line of figures for each run (`--log-cli-level INFO` shows them)."""
    figures = result.section.membership
    control = result.section.positive_control
    assert figures is not None
    LOG.info(
        "seed %d, %s: %s, area %.3f, TPR at 1 %% FPR %.3f, bound %.3f, claim %s, control %s, %s",
        seed,
        result.privacy.mechanism,
        result.decision.verdict,
        figures.auc,
        figures.tpr_at_fpr["0.01"].value,
        result.section.empirical_epsilon,
        result.privacy.spent_epsilon,
        control and control.seen,
        sorted(result.reasons),
    )


def test_control_a_correct_run_passes(passed_self_test: SelfTest, base: Base) -> None:
    result = whole_run(1, private=True, test=passed_self_test, base=base)
    assert result.reasons == set(), result.decision.reasons
    assert result.decision.approval is not None
    assert result.section.positive_control is not None
    assert result.section.positive_control.seen


def test_control_an_overfit_run_without_privacy_is_refused_for_independent_reasons(
    base: Base,
) -> None:
    result = whole_run(2, private=False, test=None, control=False, base=base)
    assert result.decision.verdict == "refused"
    assert result.decision.approval is None
    assert "release.rules.require_dp" in result.reasons
    assert result.reasons >= ATTACKS


@pytest.mark.parametrize(
    "bug",
    bugs.named([bugs.no_noise, bugs.no_clipping, bugs.noise_over_accumulation_steps, bugs.shuffle]),
)
def test_control_a_mistrained_run_is_refused_before_it_trains(
    bug: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mechanism = mechanism_for(200, private=True)
    bug(monkeypatch)
    test = self_test(mechanism)
    assert not test.passed
    privacy = privacy_of(mechanism, test, 200)
    decision = judge(POLICY, privacy=privacy)
    assert "privacy.self_test" in {finding.rule for finding in decision.reasons}
    assert decision.approval is None


RUNS = int(os.environ.get("CONTROL_RUNS", "2"))
#: Skips so many seeds, so that twenty runs can be made in pieces.
FIRST = int(os.environ.get("CONTROL_FIRST", "0"))


def seeds(start: int) -> range:
    return range(start + FIRST, start + FIRST + RUNS)


@pytest.mark.parametrize("seed", seeds(100))
def test_control_every_one_of_many_overfit_runs_is_refused_by_the_attacks_alone(seed: int) -> None:
    """Seeded runs without privacy (`make controls`: 20): the attacks alone refuse each."""
    result = whole_run(seed, private=False, test=None, control=False)
    assert result.reasons >= ATTACKS
    assert "release.rules.require_dp" in result.reasons


def test_control_correct_runs_pass_and_their_bound_stays_below_the_claim(
    passed_self_test: SelfTest,
) -> None:
    """Seeded runs at epsilon 3 (`make controls`: 20): few refused, no bound above the claim."""
    refused = []
    for seed in seeds(200):
        result = whole_run(seed, private=True, test=passed_self_test)
        if result.decision.verdict == "refused":
            refused.append((seed, sorted(result.reasons)))
        assert result.section.empirical_epsilon is not None
        assert result.privacy.spent_epsilon is not None
        assert result.section.empirical_epsilon <= result.privacy.spent_epsilon
    assert len(refused) <= max(1, RUNS // 10), refused
