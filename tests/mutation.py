#!/usr/bin/env python3
"""Drops one constraint of the symmetry rules after the other, and looks whether a test notices.

    tests/mutation.py FOLDER [--file NAME ...] [--nets N]

Works on a copy of the sources in FOLDER. A mutant is one call that joins or pins axes, left out, one axis that should be
fixed, let go, or one broadcast that takes the first operand for the result. It is built, and the tests of symmetries run
until one fails. What no test notices is printed at the end, and the exit status is 1. What is known already
(FOLDER/mutants.jsonl) is not tried again. Half an hour on one core.

Needs build/venv (./test.sh makes it).
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CALL = re.compile(r"\b(oa_join|oa_pin_space|oa_pin_axes|oa_contract|oa_space_pin|oa_fixed|oa_broadcast)\(")
DROPPED = ("#define oa_dropped(...) ((void)0)\n"
           "#define oa_loose(discovery, size, why) oa_space_leaf(&(discovery)->spaces, (size))\n"
           "#define oa_first(result, discovery, list, count) (*(result) = *(list)[0], (count) > 0)\n")
REPLACED = {"oa_fixed": "oa_loose", "oa_broadcast": "oa_first"}
TESTS = ["test_rules_linear", "test_rules_elementwise", "test_rules_reduce", "test_rules_shape", "test_rules_select",
         "test_places", "test_ends", "test_layout", "test_random_graphs"]


def sites(folder, wanted):
    """Calls as statements, but not the definitions themselves."""
    for name in sorted(os.listdir(os.path.join(folder, "core/symmetry"))):
        if not re.fullmatch(r"rules_.*\.c|window\.c|fold\.c|discover\.c|discovery\.c", name) or (wanted and name not in wanted):
            continue
        with open(os.path.join(folder, "core/symmetry", name)) as file:
            text = file.read()
        for found in CALL.finditer(text):
            line = text.rfind("\n", 0, found.start()) + 1
            if text[line] in " \t":  # a definition starts its line
                yield name, text.count("\n", 0, line) + 1, found.start(), found.group(1), text


def mutate(text, at, call):
    changed = text[:at] + REPLACED.get(call, "oa_dropped") + text[at + len(call):]
    end = changed.index("*/") + 3  # after the opening comment, which comes before the includes
    last = [found.end() for found in re.finditer(r'#include [<"].*\n', changed)]
    end = last[-1] if last else end
    return changed[:end] + DROPPED + changed[end:]


def noticed_by(build, tests, nets):
    environment = {**os.environ, "ONNX_ALIGN": os.path.join(build, "onnx-align"), "OA_TEST_COUNT": "1500", "NETS": str(nets)}
    for test in tests:
        if test.endswith(".py"):
            command = [os.path.join(ROOT, "build/venv/bin/python"), "-m", "unittest", "-f", test[:-3]]
            folder = os.path.join(ROOT, "tests/python")
        else:
            command, folder = [os.path.join(build, "tests/symmetry", test)], build
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True)
        if done.returncode:
            return test
    return None


def run(command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **more)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--file", action="append", help="only this file of core/symmetry; may be repeated")
    parser.add_argument("--nets", type=int, default=1500, help="random models for each mutant (default 1500)")
    options = parser.parse_args()
    copy, known = os.path.join(options.folder, "copy"), {}
    build, record = os.path.join(copy, "build"), os.path.join(options.folder, "mutants.jsonl")
    shutil.rmtree(os.path.join(copy, "core"), ignore_errors=True)
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    for name in filter(None, files):
        os.makedirs(os.path.dirname(os.path.join(copy, name)), exist_ok=True)
        shutil.copyfile(os.path.join(ROOT, name), os.path.join(copy, name))
    if os.path.exists(record):
        with open(record) as file:
            known = {(entry["file"], entry["line"], entry["text"]): entry["noticed"] for entry in map(json.loads, file)}
    run(["cmake", "-G", "Ninja", "-B", build, "-S", copy, "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_C_FLAGS_RELEASE=-O1 -w",
         "-DCMAKE_COMPILE_WARNING_AS_ERROR=OFF"])
    targets = ["onnx-align", *TESTS]
    tests = [*TESTS, "test_operators.py", "test_fused.py", "test_random_nets.py"]
    run(["cmake", "--build", build, "--target", *targets])
    if noticed_by(build, tests, options.nets):
        raise SystemExit("the tests fail without a mutation")
    survivors = []
    for name, line, at, call, text in list(sites(copy, options.file)):
        path = os.path.join(copy, "core/symmetry", name)
        shown = text.split("\n")[line - 1].strip()
        key = (name, line, shown)
        if not known.get(key):
            with open(path, "w") as file:
                file.write(mutate(text, at, call))
            built = subprocess.run(["cmake", "--build", build, "--target", *targets], capture_output=True, text=True)
            if built.returncode:
                raise SystemExit(f"{name}:{line}: does not build: {built.stdout[-2000:]}")
            first = ["test_fused.py"] if name == "rules_attention.c" else []
            known[key] = noticed_by(build, first + tests, options.nets)
            with open(path, "w") as file:
                file.write(text)
            with open(record, "a") as file:
                file.write(json.dumps({"file": name, "line": line, "text": shown, "noticed": known[key]}) + "\n")
            print(f"{name}:{line}: {known[key] or 'NOT NOTICED'}: {shown}", flush=True)
        if not known[key]:
            survivors.append(f"{name}:{line}: {shown}")
    print(f"{len(survivors)} not noticed", *survivors, sep="\n  ")
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
