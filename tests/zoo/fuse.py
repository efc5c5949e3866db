#!/usr/bin/env python3
"""Fuses transformers of the zoo with ONNX Runtime's own optimiser for them, as people do before they ship a model.

    build/venv/bin/python tests/zoo/fuse.py FOLDER

Makes, of what tests/zoo/export.py left in the folder, models with operators of the domain com.microsoft, which ONNX Runtime alone runs.
Files that exist are kept.
"""
import logging
import os
import sys

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
from onnxruntime.transformers.fusion_options import FusionOptions  # noqa: E402
from onnxruntime.transformers.optimizer import optimize_model  # noqa: E402

# By the name that the fused model gets: what it is made of, the kind of model for the optimiser, and settings for it.
FUSED = {
    "words-attention": ("words", "bert", {}),
    "words-multihead": ("words", "bert", {"use_multi_head_attention": True, "enable_gelu_approximation": True}),
    "gpt-fused": ("gpt", "gpt2", {}),
}
HEADS, WIDTH = 4, 32  # of both


def fuse(source, kind, settings):
    options = FusionOptions(kind)
    for name, value in settings.items():
        setattr(options, name, value)
    return optimize_model(source, model_type=kind, num_heads=HEADS, hidden_size=WIDTH,
                          optimization_options=options, opt_level=0)


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    logging.disable(logging.WARNING)
    for name, (source, kind, settings) in FUSED.items():
        path, source = (os.path.join(sys.argv[1], f"{model}.onnx") for model in (name, source))
        if not os.path.exists(path):
            fuse(source, kind, settings).save_model_to_file(path + ".part")
            os.replace(path + ".part", path)
            print(path, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
