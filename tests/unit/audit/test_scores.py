"""Scores against one example at a time, whole logits and real decoding."""

import numpy as np
import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM

from appliance.audit.scores import Scores, logits_agree, score_examples
from appliance.model.examples import Example
from appliance.progress import SilentProgress
from tests.unit.audit.world import base_model, example_loss, peft_model, people


def examples(count=9, *, vocab=850):
    rng = np.random.default_rng(4)
    found = []
    for index in range(count):
        length = int(rng.integers(4, 40))
        mask = rng.random(length) < 0.6
        mask[0], mask[-1] = False, True
        ids = rng.integers(1, vocab, length).astype(np.int32)
        found.append(Example(input_ids=ids, loss_mask=mask, record_id=index))
    return found


def score(model, items, **options):
    return score_examples(
        model, items, **{"max_tokens": 100, "progress": SilentProgress(), **options}
    )


def test_scores_are_those_of_one_example_at_a_time():
    model, items = base_model(), examples()
    for found, example in zip(score(model, items), items, strict=True):
        ids = torch.from_numpy(example.input_ids.astype(np.int64))[None]
        with torch.no_grad():
            logits = model(input_ids=ids).logits[0, :-1].double()
        wanted = np.flatnonzero(example.loss_mask) - 1
        logs = torch.log_softmax(logits, -1)[wanted]
        targets = ids[0, 1:][wanted]
        own = logs[range(len(wanted)), targets]
        np.testing.assert_allclose(found.log_probabilities, own, rtol=1e-4, atol=1e-5)
        assert found.loss == pytest.approx(float(example_loss(model, example).detach()), rel=1e-5)
        np.testing.assert_array_equal(found.greedy, logs.argmax(-1) == targets)
        mean = (logs.exp() * logs).sum(-1)
        spread = (logs.exp() * (logs - mean[:, None]) ** 2).sum(-1).sqrt()
        np.testing.assert_allclose(found.places, (own - mean) / spread, rtol=1e-3, atol=1e-3)


def test_neighbours_and_batch_size_change_nothing():
    model, items = base_model(), examples()
    together = score(model, items, max_tokens=10_000)
    alone = [score(model, [item])[0] for item in items]
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_allclose(a.log_probabilities, b.log_probabilities, atol=1e-4)


def test_the_adapter_counts_when_on_and_not_when_off():
    model, items = peft_model(), examples(3)
    base = score(model.get_base_model(), items)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.5)
    on = score(model, items)
    with model.disable_adapter():
        off = score(model, items)
    assert not np.allclose(on[0].log_probabilities, off[0].log_probabilities, atol=1e-3)
    np.testing.assert_allclose(off[0].log_probabilities, base[0].log_probabilities, atol=1e-5)


def test_greedy_match_is_what_decoding_says():
    """Plant the model's own greedy continuation and a changed one."""
    model = base_model()
    opening = [5, 9, 33, 7]
    said = model.generate(
        torch.tensor([opening]), attention_mask=torch.ones(1, 4), max_new_tokens=6, do_sample=False
    )[0].tolist()
    changed = [*said[:-1], (said[-1] + 1) % 850]
    mask = np.arange(len(said)) >= 4
    items = [
        Example(input_ids=np.asarray(ids, np.int32), loss_mask=mask, record_id=0)
        for ids in (said, changed)
    ]
    right, wrong = score(model, items)
    assert right.extracted
    assert not wrong.extracted


def test_log2_probability_is_that_of_the_whole_secret():
    one = Scores(
        log_probabilities=np.log(np.array([0.5, 0.25, 0.5], np.float32)),
        greedy=np.array([True, True, False]),
        places=np.array([0.0, -3.0, 1.0], np.float32),
    )
    assert one.log2_probability == pytest.approx(-4.0)
    assert one.loss == pytest.approx(4 * np.log(2) / 3)
    assert not one.extracted
    assert one.min_k_plus_plus == pytest.approx(-3.0)


def test_a_model_with_capped_logits_is_scored_whole():
    torch.manual_seed(0)
    model = Gemma2ForCausalLM(
        Gemma2Config(
            vocab_size=120,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=8,
            initializer_range=0.5,
            final_logit_softcapping=2.0,
        )
    ).eval()
    assert not logits_agree(model, "cpu")
    items = examples(4, vocab=119)
    for found, item in zip(score(model, items), items, strict=True):
        assert found.loss == pytest.approx(float(example_loss(model, item).detach()), rel=1e-4)


def test_a_plain_model_is_scored_at_its_targets_only():
    assert logits_agree(base_model(), "cpu")
    assert logits_agree(peft_model(), "cpu")


def test_an_example_without_target_is_refused():
    item = people(1, first=0)[0][0]
    empty = Example(
        input_ids=item.input_ids, loss_mask=np.zeros(len(item), bool), record_id=item.record_id
    )
    with pytest.raises(ValueError, match="target"):
        score(base_model(), [empty])


def test_training_mode_is_put_back():
    model = base_model().train()
    score(model, examples(2))
    assert model.training
