"""What was removed: candidate ranking, generations, verbatim overlaps."""

import numpy as np
import pytest
import torch

from appliance.audit.ranking import RemovedSlot, rank_values, score_slots
from appliance.audit.regurgitation import (
    OPENING_TOKENS,
    count_overlaps,
    draw_openings,
    generate,
    measure_regurgitation,
)
from appliance.model.examples import Example
from appliance.progress import SilentProgress
from tests.unit.audit.world import (
    Removed,
    base_model,
    overtrain,
    peft_model,
    people,
    policy,
    removed,
    tokenizer,
)

QUIET = SilentProgress()


def slow_candidate(model, words, slot, value):
    """The whole sequence in one forward, without a cache."""
    context = words(slot.before.rstrip())["input_ids"][-24:]
    candidate = words(" " + value)["input_ids"]
    ids = torch.tensor([[*context, *candidate]])
    with torch.no_grad():
        logs = torch.log_softmax(model(input_ids=ids).logits[0].double(), -1)
    places = range(len(context) - 1, len(context) + len(candidate) - 1)
    return sum(float(logs[p, t]) for p, t in zip(places, candidate, strict=True))


def test_cached_candidates_score_as_whole_sequences():
    model, words = base_model(), tokenizer()
    slot = RemovedSlot(before="seen by Dr ", value="Ann", decoys=("Bartholomew", "Jo", "Xi"))
    found = score_slots(model, words, Removed((), [slot]), 5, QUIET)[0]
    expected = [slow_candidate(model, words, slot, v) for v in (slot.value, *slot.decoys)]
    assert found == pytest.approx(expected, rel=1e-4)


def test_control_words_typed_in_a_record_stay_its_words():
    """Training splits them (see `model.encode`); a slot read otherwise would be another context."""
    model, words = base_model(), tokenizer()
    assert len(words("<end>")["input_ids"]) == 1
    slot = RemovedSlot(before="pt <end> ", value="ab<end>", decoys=("ab",))

    def letters(text):
        return [words.convert_tokens_to_ids(c.replace(" ", "Ġ")) for c in text]

    ids = torch.tensor([letters("pt <end> ab<end>")])
    with torch.no_grad():
        logs = torch.log_softmax(model(input_ids=ids).logits[0].double(), -1)
    first = len("pt <end>") - 1
    expected = sum(float(logs[n, ids[0, n + 1]]) for n in range(first, ids.shape[1] - 1))
    found = score_slots(model, words, Removed((), [slot]), 1, QUIET)[0]
    assert found[0] == pytest.approx(expected, rel=1e-4)


def test_a_slot_at_the_start_of_a_text_is_scored():
    slot = RemovedSlot(before="", value="Ann", decoys=("Eve",))
    found = score_slots(base_model(), tokenizer(), Removed((), [slot]), 1, QUIET)
    assert np.isfinite(found).all()


def test_only_the_policys_number_of_slots_is_scored():
    assert len(score_slots(base_model(), tokenizer(), removed(), 2, QUIET)) == 2
    assert score_slots(base_model(), tokenizer(), None, 2, QUIET) == ()


def test_an_unchanged_model_ranks_nothing():
    scores = [(-3.0, -1.0, -2.0), (-9.0, -4.0, -1.0)]
    found = rank_values(scores, scores)
    assert found.slots == 2
    assert found.p_value == 1.0
    assert rank_values([], []) is None


def test_values_that_gained_most_are_seen():
    base = [tuple(-float(i) for i in range(20))] * 6
    ours = [(slot[0] + 3.0, *slot[1:]) for slot in base]
    assert rank_values(ours, base).p_value < 1e-3


def test_a_model_that_learned_removed_values_prefers_them():
    """The trained sentences hold the true values; p falls below a thousandth."""
    model, words, gone = peft_model(), tokenizer(), removed()
    before = score_slots(model, words, gone, 6, QUIET)
    texts = [words(slot.before + slot.value)["input_ids"] for slot in gone.slots]
    units = []
    for ids in texts:
        mask = np.arange(len(ids)) > 0
        units.append([Example(input_ids=np.asarray(ids, np.int32), loss_mask=mask, record_id=1)])
    overtrain(model, units, epochs=30)
    after = score_slots(model, words, gone, 6, QUIET)
    assert rank_values(after, before).p_value < 1e-3


def test_openings_come_from_records_and_from_templates():
    rules, members = policy(), people(20, first=0)
    found = draw_openings(tokenizer(), members, 10, rules, np.random.default_rng(0))
    assert found.shape == (10, OPENING_TOKENS)
    words = tokenizer()
    texts = [words.decode(row) for row in found]
    assert sum(text.startswith("note: se") for text in texts) == 5
    assert all("note" not in text for text in texts[5:])


def test_generation_follows_its_seed_and_leaves_torch_alone():
    model, words = base_model(), tokenizer()
    openings = np.arange(1, 25, dtype=np.int64).reshape(3, 8)
    state = torch.random.get_rng_state()
    first = generate(model, words, openings, new=6, seed=3, progress=QUIET)
    again = generate(model, words, openings, new=6, seed=3, progress=QUIET)
    other = generate(model, words, openings, new=6, seed=4, progress=QUIET)
    assert torch.equal(state, torch.random.get_rng_state())
    assert first.sequences.shape == (3, 14)
    np.testing.assert_array_equal(first.sequences, again.sequences)
    assert not np.array_equal(first.sequences, other.sequences)
    np.testing.assert_array_equal(first.sequences[:, :8], openings)


def slow_overlaps(sequences, examples, window):
    def pieces(ids):
        return {tuple(ids[i : i + window]) for i in range(len(ids) - window + 1)}

    known = set().union(*(pieces(e.input_ids.tolist()) for e in examples))
    return sum(bool(pieces(row.tolist()) & known) for row in sequences)


def test_overlaps_are_counted_as_by_listing_every_window():
    rng = np.random.default_rng(8)
    examples = [
        Example(
            input_ids=rng.integers(0, 4, 60).astype(np.int32),
            loss_mask=np.arange(60) > 0,
            record_id=i,
        )
        for i in range(30)
    ]
    sequences = rng.integers(0, 4, (40, 20))
    sequences[3, 2:14] = examples[7].input_ids[40:52]
    for window in (4, 6, 12):
        expected = slow_overlaps(sequences, examples, window)
        assert count_overlaps(sequences, examples, window=window) == expected
    assert count_overlaps(sequences, examples, window=12) >= 1
    assert count_overlaps(sequences, examples, window=21) == 0


def measure(model, members, gone, **knobs):
    return measure_regurgitation(
        model=model,
        tokenizer=tokenizer(),
        members=members,
        policy=policy(**knobs),
        removed=gone,
        ranking=None,
        generator=np.random.default_rng(0),
        progress=QUIET,
    )


def test_a_model_that_recites_is_caught_with_values_and_word_for_word():
    words = tokenizer()
    text = "Patient QX-771 is stable"
    ids = np.asarray(words(text)["input_ids"], np.int32)
    unit = [Example(input_ids=ids, loss_mask=np.arange(len(ids)) > 0, record_id=1)]
    model = peft_model()
    overtrain(model, [unit] * 4, epochs=200)
    found = measure(
        model, [unit] * 20, Removed(("QX-771",), []), generation_tokens=16, generations=16
    )
    assert found.matches >= 2
    assert found.matches_base == 0
    assert found.verbatim_overlaps >= 2
    assert found.overlap_tokens == 24
    assert "instead of 50" in found.reasons["overlap_tokens"]


def test_an_untouched_model_recites_nothing():
    found = measure(peft_model(), people(20, first=0), removed(), generation_tokens=44)
    assert (found.matches, found.matches_base, found.verbatim_overlaps) == (0, 0, 0)
    assert found.overlap_tokens == 50
    assert "overlap_tokens" not in found.reasons


def test_no_generations_are_no_evidence():
    assert measure(peft_model(), people(5, first=0), removed(), generations=0) is None
