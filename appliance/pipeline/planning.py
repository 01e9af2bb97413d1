"""The dry run: what would happen, what it would cost, which epsilon is feasible.

Reads the data into a sealed vault that is burned afterwards. Trains nothing, spends nothing.
"""

from __future__ import annotations

import math
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from appliance.audit.bounds import largest_detectable_epsilon
from appliance.audit.canaries import CanaryPlan, plan_canaries
from appliance.audit.statistics import audit_power
from appliance.corpus import Corpus
from appliance.errors import UsageError
from appliance.evidence import DataSection
from appliance.finetune.mechanism import Mechanism
from appliance.finetune.spent import compose
from appliance.ingest.stage import ingest
from appliance.ledger import Budget, Event, Ledger, as_units
from appliance.model.load import load_tokenizer
from appliance.model.registry import BaseModel
from appliance.model.targets import require_offered
from appliance.pipeline.feasible import Feasibility, feasibility
from appliance.pipeline.recipe import plan_mechanism
from appliance.policy import LoadedPolicy
from appliance.policy.model import Policy
from appliance.progress import Progress
from appliance.records import Record
from appliance.redact.stage import preview
from appliance.steward.detector import detector_of
from appliance.steward.measured import floor_warnings
from appliance.subjects import register
from appliance.vault import Vault
from appliance.workspace import Home

#: Records tokenised to estimate the tokens of all.
_SAMPLE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would be.

    Attributes:
        data: what was read.
        train_units: people on the train side, before canaries.
        mechanism: calibrated to the policy.
        feasible: which epsilon these units can carry; None without differential privacy.
        previous_epsilon: already spent over these people.
        total_epsilon: after this run.
        canaries: what would be planted.
        power: true AUC -> probability that the audit refuses it.
        largest_detectable_epsilon: the most the one-run bound could show.
        tokens: expected training tokens.
        seconds: rough training time on this machine.
        memory_bytes: rough peak.
        first_example: the first record with its personal data masked; for a person's eyes.
        warnings: why the gate would refuse, as far as it can be known now.
    """

    data: DataSection
    train_units: int
    mechanism: Mechanism
    feasible: Feasibility | None
    previous_epsilon: float
    total_epsilon: float
    canaries: CanaryPlan
    power: dict[str, float]
    largest_detectable_epsilon: float
    tokens: int
    seconds: float
    memory_bytes: int
    first_example: str
    warnings: tuple[str, ...]


def plan(
    home: Home, loaded: LoadedPolicy, source: Path, base: BaseModel, *, progress: Progress
) -> Plan:
    """Read the data and work the run out, without training."""
    run_id = f"plan-{secrets.token_hex(4)}"
    vault = home.run_vault(run_id)
    try:
        return _plan(home, vault, loaded, source, base, run_id, progress)
    finally:
        home.purge_run(run_id)


def _plan(
    home: Home,
    vault: Vault,
    loaded: LoadedPolicy,
    source: Path,
    base: BaseModel,
    run_id: str,
    progress: Progress,
) -> Plan:
    policy = loaded.policy
    require_offered(policy.training, base.path)
    data = ingest(
        source,
        policy=policy.data,
        vault=vault,
        progress=progress,
        unit_key=home.vault.keyed("units"),
        erased=register.erased(home.vault),
    )
    corpus = Corpus(vault, "ingest/corpus.arrow")
    units = as_units([unit for _, unit in corpus.units()])
    train_units = max(1, round(len(units) * policy.data.split.train))
    canaries = plan_canaries(policy.audit, train_units)
    level = train_units
    if policy.privacy.unit == "record":
        level = max(1, round(data.records_used * policy.data.split.train))
    n_units = level + round(canaries.expected_units)
    mechanism = plan_mechanism(policy, n_units=n_units)
    event = None
    if mechanism.kind == "dp-sgd":
        event = Event(
            noise_multiplier=mechanism.noise_multiplier,
            sample_rate=mechanism.sample_rate,
            steps=mechanism.steps,
        )
    budget = Ledger(home.vault, compose).budget(
        units, event=event, delta=mechanism.target_delta, run=run_id
    )
    tokens = _tokens(corpus, base, policy, mechanism, level / n_units)
    rules = policy.release.rules
    half = max(1, canaries.newtok // 2)
    power = {
        f"{auc:g}": audit_power(
            auc,
            n_members=half,
            n_non_members=half,
            max_auc=rules.max_auc,
            confidence=policy.audit.confidence,
        )
        for auc in (0.5, 0.6, 0.65, 0.7, 0.8)
    }
    return Plan(
        data=data,
        train_units=train_units,
        mechanism=mechanism,
        feasible=feasibility(mechanism, n_units=n_units),
        previous_epsilon=budget.previous_epsilon,
        total_epsilon=budget.total_epsilon,
        canaries=canaries,
        power=power,
        largest_detectable_epsilon=largest_detectable_epsilon(
            canaries=max(2, canaries.newtok),
            delta=mechanism.target_delta,
            confidence=policy.audit.confidence,
        ),
        tokens=tokens,
        seconds=tokens / _tokens_per_second(base),
        memory_bytes=3 * base.bytes + 2**30,
        first_example=preview(_first(corpus, source), policy=policy, detector=detector_of(policy)),
        warnings=(
            *_warnings(policy, canaries, data, budget, power),
            *floor_warnings(home, policy),
        ),
    )


def _first(corpus: Corpus, source: Path) -> Record:
    for record in corpus:
        return record
    raise UsageError(str(source), "holds no usable record", hint="appliance policy explain data")


def _tokens(
    corpus: Corpus, base: BaseModel, policy: Policy, mechanism: Mechanism, real_share: float
) -> int:
    """Estimate the training tokens: steps x units a step x records x tokens of a sample."""
    tokenizer = load_tokenizer(base.path)
    lengths: list[int] = []
    per_unit: dict[bytes, int] = {}
    for record in corpus:
        per_unit[record.unit] = per_unit.get(record.unit, 0) + 1
        if len(lengths) < _SAMPLE:
            found = len(tokenizer("\n".join(record.texts()))["input_ids"])
            lengths.append(min(found, policy.training.max_length))
    mean_tokens = sum(lengths) / max(1, len(lengths))
    most = mechanism.max_records_per_unit
    records = sum(min(n, most) for n in per_unit.values()) / max(1, len(per_unit))
    drawn = mechanism.steps * mechanism.expected_batch_size * real_share
    return math.ceil(drawn * records * mean_tokens)


def _tokens_per_second(base: BaseModel) -> float:
    """Estimate training speed from a short matrix product: 4 FLOP per parameter and token."""
    import torch

    from appliance.model.load import pick_device

    device = pick_device()
    size = 1024
    matrix = torch.rand(size, size, device=device)
    began, rounds = time.perf_counter(), 0
    while time.perf_counter() - began < 0.3:
        matrix = (matrix @ matrix).clamp_(-1, 1)
        rounds += 1
    flops = rounds * 2 * size**3 / (time.perf_counter() - began)
    parameters = base.bytes / 2
    # Half of the peak of one large product is what a step of a small model reaches.
    return 0.5 * flops / (4 * parameters)


def _warnings(
    policy: Policy,
    canaries: CanaryPlan,
    data: DataSection,
    budget: Budget,
    power: dict[str, float],
) -> tuple[str, ...]:
    rules = policy.release.rules
    found: list[str] = []
    if canaries.reason:
        found.append(canaries.reason)
    if canaries.newtok < rules.min_canaries:
        found.append(
            f"too little data for this policy's audit: {canaries.newtok} canaries where the gate "
            f"asks for {rules.min_canaries}; it would be inconclusive, which "
            + ("refuses" if rules.inconclusive == "refuse" else "passes")
            + " (demo.yaml has the smaller audit)"
        )
    if canaries.secrets / 2 < rules.min_secrets_planted:
        found.append(
            f"about {canaries.secrets // 2} planted secrets where the gate asks for "
            f"{rules.min_secrets_planted}"
        )
    if policy.privacy.mechanism == "none":
        found.append("no differential privacy: never released under release.rules.require_dp")
    elif budget.unbounded_releases:
        found.append("an adapter trained on these people without privacy was released: no budget")
    elif budget.total_epsilon > policy.privacy.lifetime_epsilon:
        found.append(
            f"the lifetime budget {policy.privacy.lifetime_epsilon:g} would break: "
            f"{budget.total_epsilon:.3f}"
        )
    if policy.release.approvals:
        found.append(
            f"the run will wait for {policy.release.approvals} signatures of people: "
            "appliance approve, appliance release"
        )
    if power["0.5"] > 0.1:
        found.append(f"a clean adapter would be refused with probability {power['0.5']:.2f}")
    if data.records_quarantined:
        found.append(f"{data.records_quarantined} rows cannot be read")
    return tuple(found)
