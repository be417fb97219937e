"""Merges Zhongjing's published LoRA adapters into its base, one after the other, and saves safetensors.

``python merge.py BASE OUT ADAPTER [ADAPTER ...]``: folders on this disk. The order is that of training. It serves
nothing and fetches nothing.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def main() -> None:
    """Read the command line and merge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path, help="folder of Suprit/Zhongjing-LLaMA-base")
    parser.add_argument("out", type=Path, help="folder to make; must not exist")
    parser.add_argument("adapters", type=Path, nargs="+", help="folders that hold adapter_config.json")
    given = parser.parse_args()
    wanted = [(given.base, "config.json"), *((adapter, "adapter_config.json") for adapter in given.adapters)]
    for folder, file in wanted:
        if not (folder / file).is_file():
            parser.error(f"{folder} has no {file}")
    if given.out.exists():
        parser.error(f"{given.out} exists already")
    merge(given.base, given.out, given.adapters)


def merge(base: Path, out: Path, adapters: list[Path]) -> None:
    """Write the merged model and its tokenizer to ``out``."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(base, torch_dtype=torch.float16, low_cpu_mem_usage=True)
    for adapter in adapters:
        model = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    model.save_pretrained(out, safe_serialization=True)
    AutoTokenizer.from_pretrained(base, use_fast=False).save_pretrained(out)


if __name__ == "__main__":
    main()
