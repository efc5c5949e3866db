#!/usr/bin/env python3
"""Fetches trained models that others ship inside PyPI packages, for tests/zoo/check.py.

    build/venv/bin/python tests/zoo/fetch.py FOLDER

The packages are downloaded, not installed; their models are what others made, under their licences, and are only measured.
Files that exist are kept.
"""
import os
import subprocess
import sys
import tempfile
import zipfile

# Package, version, and its models with the names they get here.
PACKAGES = [
    ("rapidocr-onnxruntime", "1.4.4", {"rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx": "trained-ocr-detect",
                                       "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx": "trained-ocr-recognise",
                                       "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx": "trained-ocr-turn"}),
    ("magika", "1.0.3", {"magika/models/standard_v3_3/model.onnx": "trained-magika"}),
    ("nudenet", "3.4.2", {"nudenet/320n.onnx": "trained-yolov8n"}),
    ("silero-vad", "6.2.3", {"silero_vad/data/silero_vad_16k_op15.onnx": "trained-silero-if",
                             "silero_vad/data/silero_vad.onnx": "trained-silero-both",
                             "silero_vad/data/silero_vad_openvino_16k.onnx": "trained-silero-plain"}),
    ("basic-pitch", "0.4.0", {"basic_pitch/saved_models/icassp_2022/nmp.onnx": "trained-basic-pitch"}),
    ("captcha-whisperer", "0.1.0", {"captcha_whisperer/models/captcha_crnn.onnx": "trained-captcha"}),
    ("brainmaze-eeg-models", "0.1.0", {"brainmaze_eeg_models/seizure/_models/modelA_paper.onnx": "trained-seizure"}),
    ("chython-rxnmap", "2.0", {"chython_rxnmap/rxnmap.onnx": "trained-reaction-map"}),
]


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for package, version, models in PACKAGES:
        wanted = {name: os.path.join(folder, f"{target}.onnx") for name, target in models.items()}
        if all(os.path.exists(path) for path in wanted.values()):
            continue
        with tempfile.TemporaryDirectory() as wheels:
            subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                            "--only-binary=:all:", "--dest", wheels, f"{package}=={version}"], check=True)
            with zipfile.ZipFile(os.path.join(wheels, os.listdir(wheels)[0])) as wheel:
                for name, path in wanted.items():
                    with open(path + ".part", "wb") as file:
                        file.write(wheel.read(name))
                    os.replace(path + ".part", path)
                    print(path, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
