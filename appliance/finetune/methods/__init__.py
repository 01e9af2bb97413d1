"""Every tuning method behind one door.

    attach(model, settings, shape=, fresh=, tokenizer=)   base model -> model to be trained
    holding(model, unit_gradient_bytes=)                  what its per-unit gradients take
    engine_for(model, loss_fn, large=)                    its per-unit gradients
    export(model, base_model_name=)                       model -> two files, read back and checked
    restore(model, files)                                 two files -> the same model again
    throwaway(model)                                      the same model with a fresh start, for a
                                                          while
    leaking(model)                                        the same, able to learn by heart: what the
                                                          positive control trains

Whatever the method, the model has `get_base_model()`, `disable_adapter()`, `generate()` and the
base's forward: inputs and outputs have the same positions as without it. Its trainable parameters
(`requires_grad`) are exactly what the method trains, and modules named in `fresh` (a classifier's
head); all of it is clipped together and gets noise.

    lora, dora, ia3, prompt, prefix   PEFT's models; their files load with plain PEFT
    full, bitfit, bottleneck          `own.Tuned`; their files load with `Tuned.load(base, folder)`
"""

from appliance.finetune.methods.attach import attach, export, leaking, restore, throwaway
from appliance.finetune.methods.choose import Holding, engine_for, holding
from appliance.finetune.methods.own import Tuned
from appliance.finetune.methods.settings import MethodSettings

__all__ = [
    "Holding",
    "MethodSettings",
    "Tuned",
    "attach",
    "engine_for",
    "export",
    "holding",
    "leaking",
    "restore",
    "throwaway",
]
