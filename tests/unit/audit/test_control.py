"""The positive control leaks, and leaves nothing behind."""

import pytest
import torch

from appliance.audit.control import overfit, throwaway_adapter
from appliance.audit.scores import score_examples
from appliance.progress import SilentProgress
from tests.unit.audit.world import World, peft_model


def weights(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def flags(model):
    return {name: p.requires_grad for name, p in model.named_parameters()}


def test_the_throwaway_adapter_is_fresh_and_alone_trainable():
    model = peft_model()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
    with throwaway_adapter(model) as leaky:
        trainable = [name for name, p in leaky.named_parameters() if p.requires_grad]
        assert trainable
        assert all("positive-control" in name for name in trainable)
        assert all(
            not p.any() for n, p in leaky.named_parameters() if n in trainable and "lora_B" in n
        )


@pytest.mark.parametrize("failing", [False, True])
def test_nothing_of_it_is_left(failing):
    world = World.build()
    model = world.model
    before, allowed = weights(model), flags(model)
    examples = [unit[0] for unit in world.planted.included_units()][:8]
    generator = world.planted.generator("control")
    try:
        with throwaway_adapter(model) as leaky:
            overfit(leaky, examples, generator=generator, progress=SilentProgress())
            if failing:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert failing
    after = weights(model)
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert flags(model) == allowed
    assert model.active_adapter == "default"
    assert all(p.grad is None for p in model.parameters())


def test_overfitting_lowers_the_loss_of_what_it_saw():
    world = World.build()
    planted = [c.probe for c in world.planted.family("newtok") if c.included]
    with throwaway_adapter(world.model) as leaky:
        overfit(leaky, planted, generator=world.planted.generator("c"), progress=SilentProgress())
        after = score_examples(leaky, planted, max_tokens=2000, progress=SilentProgress())
    before = score_examples(world.model, planted, max_tokens=2000, progress=SilentProgress())
    fall = sum(s.loss for s in after) / sum(s.loss for s in before)
    assert fall < 0.7
