"""Run in a process of its own: load each exported adapter over its base, write its logits.

Uses transformers, peft and, for our own methods, the documented class `Tuned`; nothing else.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file

from appliance.finetune.methods import Tuned
from tests.unit.finetune.methods import zoo


def main(root: Path) -> None:
    torch.set_num_threads(1)
    found = {}
    for folder in sorted(root.iterdir()):
        method, family = folder.name.split("-")
        given = zoo.inputs(family)
        base = zoo.base(family)
        fields = json.loads((folder / "adapter_config.json").read_text())
        if "peft_type" in fields:
            model = PeftModel.from_pretrained(base, folder).eval()
        else:
            model = Tuned.load(base, folder)
        with torch.no_grad():
            logits = model(**given).logits
            if method == "prompt" and family in zoo.CAUSAL:
                logits = logits[:, -given["input_ids"].shape[1] :]  # PEFT says the prompt's too.
            found[folder.name] = logits.contiguous()
            if method in ("full", "bitfit"):
                plain = zoo.base(family)
                weights = load_file(folder / "adapter_model.safetensors")
                plain.load_state_dict(weights, strict=False)
                found[f"{folder.name}-plain"] = plain(**given).logits.contiguous()
    save_file(found, sys.argv[2])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
