#!/usr/bin/env python3
"""Drops one constraint of the symmetry rules after the other, and looks whether a test notices.

    build/venv/bin/python tests/mutation.py FOLDER [--file NAME ...] [--nets N] [--jobs N] [--quick] [--list]

Works on copies of the sources in FOLDER, one for each job. A mutant is
- one call that joins or pins axes, left out; one axis that should be fixed, let go; one broadcast that takes the first operand
  for the result; one split or cut whose pieces have nothing to do with what they were split off;
- of the conditions for insides of blocks with an order of their own, for stacks that are picked apart, and for what loops
  and branches give: one operand of && or || left out or negated, or a whole condition that always or never holds;
- one operator out of the list of those that keep units with their blocks: too strict is no wrong result, but has to be
  noticed as well.
It is built, and must find the groups that the Python tests expect in their models, or else the tests of symmetries run until
one fails. What no test notices is printed at the end, and the exit status
is 1, but for what is known to be no constraint by itself (EQUIVALENT says why). What is known already (FOLDER/mutants.jsonl,
by function and text, so that other lines may move) is not tried again. Two hours on one core; --jobs uses several.

Needs build/venv, whose Python it runs with (./test.sh makes it).
"""
import argparse
import collections
import concurrent.futures
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FILES = r"rules_.*\.c|window\.c|fold\.c|discover\.c|discovery\.c|bodies\.c|space\.c|space_join\.c|insides\.c|stacks\.c"
CALL = re.compile(r"\b(oa_join|oa_pin_space|oa_pin_axes|oa_contract|oa_space_pin|oa_fixed|oa_broadcast|oa_space_split|"
                  r"oa_space_cut)\(")
# Where conditions are mutated: all static functions behind the comment, or these.
CONDITIONS = {"insides.c": "/* ---- the conditions ---- */", "bodies.c": ["join_branches", "find_growth", "leave_states"],
              "stacks.c": ["moves_axes", "is_along", "is_picked_apart", "oa_stack_up", "oa_pick"]}
PLUMBING = re.compile(r"is_good|oa_grow|malloc|calloc|memory|index_readers|!stack$")  # fails only when memory does: tests/symmetry/test_faults.c
DROPPED = """#define oa_dropped(...) ((void)0)
#define oa_loose(discovery, size, why) oa_space_leaf(&(discovery)->spaces, (size))
#define oa_first(result, discovery, list, count) (*(result) = *(list)[0], (count) > 0)
static inline void oa_loose_split(size_t *a, size_t *b, oa_spaces *spaces, size_t space, oa_dim size, oa_pin pin)
{
    oa_dim inner;
    (void)pin;
    *a = oa_space_leaf(spaces, size);
    *b = oa_space_leaf(spaces, oa_dim_divide(&inner, &spaces->dims, oa_space_size(spaces, space), size)
                                   ? inner : oa_dim_fresh(&spaces->dims));
}
static inline void oa_loose_cut(size_t *a, size_t *b, oa_spaces *spaces, size_t space, oa_dim at, oa_pin pin)
{
    oa_dim size = oa_space_size(spaces, space);
    (void)pin;
    *a = oa_space_leaf(spaces, at);
    *b = oa_space_leaf(spaces, oa_dim_is_symbolic(size) || size <= at ? oa_dim_fresh(&spaces->dims) : size - at);
}
"""
REPLACED = {"oa_fixed": "oa_loose", "oa_broadcast": "oa_first", "oa_space_split": "oa_loose_split",
            "oa_space_cut": "oa_loose_cut"}
TESTS = ["test_rules_linear", "test_rules_elementwise", "test_rules_reduce", "test_rules_shape", "test_rules_select",
         "test_places", "test_ends", "test_layout", "test_space", "test_space_random", "test_random_graphs",
         "test_operators.py", "test_fused.py", "test_random_nets.py"]
# The tests of some files: those that know them best come first, and what has nothing to do with them is left out.
TESTS_OF = {"bodies.c": ["test_bodies", "test_bodies.py"],
            "insides.c": ["test_insides.py", "test_fused.py", "test_operators.py", "test_places", "test_random_nets.py"],
            "stacks.c": ["test_stacks.py", "test_insides.py"],
            "rules_attention.c": ["test_fused.py", *TESTS],
            "space.c": ["test_space", "test_space_random", *TESTS],
            "space_join.c": ["test_space", "test_space_random", *TESTS]}
# Mutants that change nothing, and why.
AT_RUN_TIME = "a size that shows only at run time is none of a constant's axis: when they meet, joining pins both"
SANITISED = "reads or writes beside an array, which only AddressSanitizer's run of the tests notices"
ONE_ELEMENT = "counts and conditions have one element"
EQUIVALENT = {
    ("bodies.c", "join_branches", "oa_fixed -> oa_loose in joined.space[k] = oa_fixed(discovery, "
     "oa_dim_fresh(&discovery->spaces.dims), BRANCHES);"): AT_RUN_TIME,
    ("bodies.c", "enter_states", "oa_fixed -> oa_loose in inside.space[k] = oa_fixed(discovery, "
     "oa_dim_fresh(&discovery->spaces.dims), CARRIED);"): AT_RUN_TIME,
    ("bodies.c", "enter_scalars", 'oa_pin_axes -> oa_dropped in oa_pin_axes(discovery, given, "a condition");'): ONE_ELEMENT,
    ("bodies.c", "walk_loop", "oa_pin_axes -> oa_dropped in oa_pin_axes(discovery, &condition, NOT_PLAIN);"): ONE_ELEMENT,
    ("stacks.c", "is_picked_apart", "value == OA_NONE -> false in if (value == OA_NONE || depth == FOLLOWED_MAX || "
     "graph->values[value].is_output) {"): SANITISED,
    ("stacks.c", "is_picked_apart", "depth == FOLLOWED_MAX -> false in if (value == OA_NONE || depth == FOLLOWED_MAX || "
     "graph->values[value].is_output) {"): "bounds the depth of recursion",
    ("stacks.c", "oa_stack_up", "parts > PARTS_MAX -> false in if (parts == 1 || parts > PARTS_MAX || "
     "size % parts != 0) {"):
        "bounds what is kept of a stack",
    ("stacks.c", "oa_stack_up", "size % parts != 0 -> false in if (parts == 1 || parts > PARTS_MAX || "
     "size % parts != 0) {"):
        "the other axes are too few for what is left of the sizes then, which pins all",
    ("bodies.c", "join_branches", "!a->has_rank -> false in if (!a->has_rank || !b->has_rank || a->rank != b->rank) {"):
        "what has no rank has 0 axes, as many as only a number has, on which nothing moves; and stays what is given",
}

# file, function, what is done to which text; `text` from `start` to `end` becomes `new`.
Mutant = collections.namedtuple("Mutant", "file function what line start end new")


def masked(text):
    """The same length, with comments, strings and the heads of loops blank."""
    blank = lambda found: re.sub(r"[^\n]", " ", found.group())  # noqa: E731
    text = re.sub(r'/\*.*?\*/|"(?:[^"\\\n]|\\.)*"', blank, text, flags=re.S)
    for found in list(re.finditer(r"\b(?:for|while) \(", text)):
        depth, end = 1, found.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        text = text[:found.start()] + re.sub(r"[^\n]", " ", text[found.start():end]) + text[end:]
    return text


def functions(text):
    """(name, start of the body, end) of the definitions of a file in house style."""
    for found in re.finditer(r"^[a-z][^\n;#]*?\b(\w+)\((?:[^;{]*)\)\n\{\n", text, re.M):
        yield found.group(1), found.end(), text.index("\n}\n", found.end())


def operand_end(text, at, step):
    """From an operator: where its operand on one side ends. Operands of || reach over &&."""
    stops = ("&&", "||")
    own, depth = text[at:at + 2], 0
    i = at + 2 if step > 0 else at - 1
    opening, closing = ("(", ")") if step > 0 else (")", "(")
    while True:
        c = text[i]
        if c in "([{" if step < 0 else c in ")]}":
            if depth == 0:
                break
            depth -= 1
        elif c in ")]}" if step < 0 else c in "([{":
            depth += 1
        elif depth == 0:
            pair = text[i:i + 2] if step > 0 else text[i - 1:i + 1]
            if pair in stops and (pair == "||" or own == "&&"):
                break
            if c in ";,?:" or (c == "=" and text[i + 1] != "=" and text[i - 1] not in "=!<>"):
                break
        i += step
    return i if step > 0 else i + 1


def operands(text, start, end):
    """(start, end, what else) of the operands of all && and || there, and of conditions of one operand."""
    seen = set()
    for found in re.finditer(r"&&|\|\|", text[start:end]):
        at = start + found.start()
        neutral = "true" if found.group() == "&&" else "false"
        for a, b in [(operand_end(text, at, -1), at), (at + 2, operand_end(text, at, 1))]:
            a += len(text[a:b]) - len(text[a:b].lstrip())
            a += len("return ") if text[a:b].startswith("return ") else 0
            b -= len(text[a:b]) - len(text[a:b].rstrip())
            if (a, b) not in seen:
                seen.add((a, b))
                yield a, b, [neutral, "!({})"]
    for found in re.finditer(r"[&|]= ([^;]+);", text[start:end]):
        yield start + found.start(1), start + found.end(1), ["true" if found.group()[0] == "&" else "false", "!({})"]
    for found in re.finditer(r"\bif \(", text[start:end]):
        a = b = start + found.end()
        depth = 1
        while depth:
            depth += {"(": 1, ")": -1}.get(text[b], 0)
            b += 1
        if not re.search(r"&&|\|\|", text[a:b - 1]):
            yield a, b - 1, ["true", "false"]


def conditions(name, text):
    where, plain = CONDITIONS[name], masked(text)
    for function, start, end in functions(text):
        if (start < text.find(where) or function.startswith("oa_")) if isinstance(where, str) else function not in where:
            continue
        for a, b, news in operands(plain, start, end):
            if not PLUMBING.search(text[a:b]):
                for new in news:
                    yield function, a, b, new.replace("{}", text[a:b])


def sites(folder, wanted):
    """Calls as statements, but not the definitions themselves; conditions; names in the list of operators."""
    for name in sorted(os.listdir(os.path.join(folder, "core/symmetry"))):
        if not re.fullmatch(FILES, name) or (wanted and name not in wanted):
            continue
        with open(os.path.join(folder, "core/symmetry", name)) as file:
            text = file.read()
        bodies = list(functions(text))
        found = []
        for call in CALL.finditer(text):
            function = next((f for f, start, end in bodies if start <= call.start() < end), None)
            if function:  # not a definition
                found.append((function, call.start(), call.end() - 1, REPLACED.get(call.group(1), "oa_dropped")))
        if name in CONDITIONS:
            found += conditions(name, text)
        if name == "insides.c":
            start = text.index("known[] = {")
            for item in re.finditer(r'"[^"]+"', text[start:text.index("}", start)]):
                found.append(("keeps_together", start + item.start(), start + item.end(), '""'))
        times = collections.Counter()
        for function, start, end, new in found:
            line = text[text.rfind("\n", 0, start) + 1:text.index("\n", start)].strip()
            what = f"{' '.join(text[start:end].split())} -> {' '.join(new.split())} in {line}"
            times[function, what] += 1
            if times[function, what] > 1:
                what += f" ({times[function, what]})"
            yield Mutant(name, function, what, text.count("\n", 0, start) + 1, start, end, new)


def mutate(text, mutant):
    changed = text[:mutant.start] + mutant.new + text[mutant.end:]
    last = [found.end() for found in re.finditer(r'#include [<"].*\n', changed)][-1]
    return changed[:last] + DROPPED + changed[last:]


def build(folder, target):
    done = subprocess.run(["cmake", "--build", folder, "--target", target], capture_output=True, text=True)
    return None if done.returncode == 0 else done.stdout[-2000:]


def groups_of(model):
    return sorted(str(group["size"]) if group.get("blocks", 1) == 1 else f"{group['blocks']} x {group['size'] // group['blocks']}"
                  for group in model["groups"])


def is_unexpected(folder, kept):
    """Does the tool find other groups in a model of the tests than these expect? Takes a second, they take a minute."""
    for name in sorted(os.listdir(kept)):
        if name.endswith(".json"):
            done = subprocess.run([os.path.join(folder, "onnx-align"), "inspect", os.path.join(kept, name[:-5] + ".onnx"),
                                   "--json"], capture_output=True, text=True)
            with open(os.path.join(kept, name)) as file:
                if done.returncode or groups_of(json.loads(done.stdout)) != json.load(file):
                    return True
    return False


def noticed_by(folder, tests, nets, more=()):
    """The first test that fails; each is built when its turn comes."""
    environment = {**os.environ, "ONNX_ALIGN": os.path.join(folder, "onnx-align"), "OA_TEST_COUNT": "1500", "NETS": str(nets),
                   "NET_SEEDS": "3", **dict(more)}
    for test in tests:
        error = build(folder, "onnx-align" if test.endswith(".py") else test)
        if error:
            raise SystemExit(f"does not build: {error}")
        if test.endswith(".py"):
            command = [sys.executable, "-m", "unittest", "-f", test[:-3]]
            where = os.path.join(folder, "../tests/python")
        else:
            command, where = [os.path.join(folder, "tests/symmetry", test)], folder
        try:
            if subprocess.run(command, cwd=where, env=environment, capture_output=True, timeout=900).returncode:
                return test
        except subprocess.TimeoutExpired:
            return test + " (does not end)"
    return None


def copy_sources(copy):
    """Only what has changed, so that little is built again."""
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    for name in filter(None, files):
        source, target = os.path.join(ROOT, name), os.path.join(copy, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(source, "rb") as file:
            wanted = file.read()
        if os.path.exists(target):
            with open(target, "rb") as file:
                if file.read() == wanted:
                    continue
        shutil.copyfile(source, target)


def make_copy(copy):
    """Sources and a build of them; the folder of the build."""
    copy_sources(copy)
    folder = os.path.join(copy, "build")
    subprocess.run(["cmake", "-G", "Ninja", "-B", folder, "-S", copy, "-DCMAKE_BUILD_TYPE=Release",
                    "-DCMAKE_C_FLAGS_RELEASE=-O1 -w", "-DCMAKE_COMPILE_WARNING_AS_ERROR=OFF"], check=True,
                   stdout=subprocess.DEVNULL)
    if build(folder, "onnx-align"):
        raise SystemExit(f"{copy} does not build")
    return folder


def tests_of(mutant):
    return TESTS_OF.get(mutant.file, TESTS)


def keep_nets(folder, kept, mutants, nets):
    """What the Python tests expect of their models, from a run of all tests without a mutation."""
    part = kept + ".part"
    shutil.rmtree(part, ignore_errors=True)
    os.makedirs(part)
    failed = noticed_by(folder, dict.fromkeys(sum(map(tests_of, mutants), [])), nets, [("KEEP_NETS", part)])
    if failed:
        raise SystemExit(f"{failed} fails without a mutation")
    os.rename(part, kept)


def try_mutant(mutant, folder, kept, options):
    """Which test notices it, or None; the copy that `folder` is in stays as it was."""
    path = os.path.join(folder, "../core/symmetry", mutant.file)
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(mutate(text, mutant))
    try:
        error = build(folder, "onnx-align")
        if error:
            raise SystemExit(f"does not build: {error}")
        if is_unexpected(folder, kept):
            return "groups"
        return None if options.quick else noticed_by(folder, dict.fromkeys(tests_of(mutant)), options.nets)
    finally:
        with open(path, "w") as file:
            file.write(text)


def known_of(record):
    if not os.path.exists(record):
        return {}
    with open(record) as file:
        return {(entry["file"], entry["function"], entry["what"]): entry["noticed"] for entry in map(json.loads, file)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--file", action="append", help="only this file of core/symmetry; may be repeated")
    parser.add_argument("--nets", type=int, default=1500, help="random models for each mutant (default 1500)")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time (default 1)")
    parser.add_argument("--quick", action="store_true", help="run no tests: only hold the groups against those that they expect")
    parser.add_argument("--list", action="store_true", help="only print the mutants")
    options = parser.parse_args()
    if options.list:
        for mutant in sites(ROOT, options.file):
            print(f"{mutant.file}:{mutant.line}: {mutant.function}: {mutant.what}")
        return
    where = os.path.abspath(options.folder)
    record, kept, copies = os.path.join(where, "mutants.jsonl"), os.path.join(where, "nets"), queue.SimpleQueue()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        folders = list(pool.map(make_copy, [os.path.join(where, f"copy-{k + 1}") for k in range(options.jobs)]))
    mutants = list(sites(os.path.join(where, "copy-1"), options.file))
    if not os.path.exists(kept):
        keep_nets(folders[0], kept, mutants, options.nets)
    if is_unexpected(folders[0], kept):
        raise SystemExit(f"other groups than the tests expect without a mutation; {kept} is from before?")
    known, survivors, lock = known_of(record), [], threading.Lock()
    for folder in folders:
        copies.put(folder)

    def work(mutant):
        key = mutant[:3]
        if key in EQUIVALENT:
            return
        line = f"{mutant.file}:{mutant.line}: {mutant.function}: {mutant.what}"
        if not known.get(key):
            folder = copies.get()
            try:
                noticed = try_mutant(mutant, folder, kept, options)
            finally:
                copies.put(folder)
            with lock, open(record, "a") as file:
                known[key] = noticed
                file.write(json.dumps({**dict(zip(["file", "function", "what"], key)), "noticed": noticed}) + "\n")
                print(f"{noticed or 'NOT NOTICED'}: {line}", flush=True)
        if not known[key]:
            with lock:
                survivors.append(line)

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(work, mutants))
    print(f"{len(survivors)} not noticed", *sorted(survivors), sep="\n  ")
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
