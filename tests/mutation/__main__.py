"""Run the mutants of some targets, or of all: ``cd tests; python -m mutation lstm gru``.

Results are kept in ``_build/mutation`` as they come. A run that was interrupted goes on where it
was: what is killed stays killed until its module changes, what survives is tried again when its
tests change. Exits with 1 when a mutant survives that the list of survivors does not name, or
one does not survive that it names.
"""

import argparse
import hashlib
import json
import random
import re
import sys
from collections import Counter

from .mutator import mutants
from .survivors import LIST, listed
from .targets import ROOT, TARGETS
from .trial import FORK, Outcome, apart, prepare, trial, warm

KEPT = ROOT / "_build" / "mutation"
MANY = 10  # mutants for which it pays to prove a module before them
SLOW = 0.1  # seconds of a test; the whole table takes a few
UNKNOWN = Outcome("", "", "", 60, {})


class Unfit(Exception):
    """A target whose tests fail as they are; nothing can be learnt from them."""


def main():
    choice = _choice()
    unknown = sorted(set(choice.targets) - set(TARGETS))
    if unknown:
        sys.exit(f"no target {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    prepare()
    reasons, surviving, seen, rows, unfit = listed(), [], [], [], False
    for name in choice.targets or TARGETS:
        chosen = select(mutants(TARGETS[name].path.read_text(encoding="utf-8")), choice)
        if not chosen:
            continue
        try:
            verdicts = apart(run, TARGETS[name], chosen, choice)
        except Unfit as error:
            unfit = True
            print(f"{name}: {error}", flush=True)
            continue
        known = [m for m in chosen if m.name in reasons.get(name, {})]
        open_ = [m for m in chosen if verdicts[m] == "survived" and m not in known]
        seen += [(name, m) for m in known if verdicts[m] != "survived"]
        surviving += [(name, m) for m in open_]
        count = Counter(verdicts.values())
        rows.append((len(chosen), count["killed"], count["endless"], len(known), len(open_)))
        print(_row(name, rows[-1]), flush=True)
    if rows:
        print(_row("all", map(sum, zip(*rows, strict=True))))
    for name, m in surviving:
        print(f"\n{TARGETS[name].path.relative_to(ROOT)}:{m.line}: no test sees this")
        print(_entry(name, m))
    if surviving:
        print(f"\nWrite a test that fails, or add the entry with its reason to {LIST.name}.")
    for name, m in seen:
        print(f"\n{LIST.name}, {name}: a test sees {m.name}")
    sys.exit(bool(surviving or seen or unfit))


def _choice():
    parser = argparse.ArgumentParser(prog="mutation", description="Mutants that tests must kill.")
    parser.add_argument("targets", nargs="*", help="modules; all when none is named")
    parser.add_argument("--only", default="", metavar="REGEX", help="functions whose name matches")
    parser.add_argument("--sample", type=int, metavar="N", help="N mutants of every function")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--fresh", action="store_true", help="neither use nor keep earlier results")
    return parser.parse_args()


def select(found, choice):
    """The mutants of the functions asked for; of each function a sample where one is asked for."""
    found = [m for m in found if re.search(choice.only, m.function)]
    if choice.sample is None:
        return found
    chosen = set()
    for function in dict.fromkeys(m.function for m in found):
        own = [m for m in found if m.function == function]
        draw = random.Random(f"{choice.seed} {function}")
        chosen.update(draw.sample(own, min(choice.sample, len(own))))
    return [m for m in found if m in chosen]


def run(target, chosen, choice):
    """``{mutant: verdict}``, with earlier results where they still hold.

    All tests run once without a mutant, to see that they pass and how long they take. For a
    sample that would take longer than its mutants: there, and in the table, it is the tests that
    failed which have to pass without one.
    """
    path = KEPT / f"{target.name}.jsonl"
    kept = {} if choice.fresh else _kept(path)
    tests = _digest("".join(p.read_text("utf-8") for p in sorted((ROOT / "tests").rglob("*.py"))))
    verdicts, kills, baseline = {}, Counter(), None
    if target.proves and FORK and len(chosen) >= MANY:
        first = warm(target)
        _refuse_failing(first)
        baseline = unchanged(target, target.tests)._replace(seconds=first.seconds)
    for m in chosen:
        digest = _digest(m.source)
        verdict, tried_with = kept.get(digest, ("", ""))
        if verdict not in ("killed", "endless") and tried_with != tests:
            if baseline is None:
                baseline = UNKNOWN if choice.sample else unchanged(target, target.tests)
            order = {t: (-kills[t], s) for t, s in baseline.durations.items()}
            limit = int(10 + 5 * baseline.seconds)
            for tests_now in filter(None, _stages(target, order)):
                outcome = trial(target, tests_now, m.source, order, limit)
                if outcome.verdict != "survived":
                    break
            if outcome.by and outcome.by not in baseline.durations and not kills[outcome.by]:
                unchanged(target, (outcome.by,))
            kills[outcome.by] += 1
            verdict = outcome.verdict
            if not choice.fresh:
                place = m.function, m.line, m.change
                _keep(path, [digest, verdict, tests, *place, outcome.by, outcome.error])
            done = f"\r{target.name} {len(verdicts) + 1}/{len(chosen)} "
            print(done, end="", file=sys.stderr, flush=True)
        verdicts[m] = verdict
    return verdicts


def _stages(target, order):
    """The table comes before those of the target's own tests that are slow and killed nothing."""
    slow = [test for test, (kills, seconds) in order.items() if not kills and seconds > SLOW]
    if not slow or not target.table:
        return target.tests, target.table
    return [test for test in order if test not in slow], target.table, slow


def unchanged(target, tests):
    """The outcome of tests without a mutant, which must be that they pass."""
    outcome = trial(target, tests, target.path.read_text(encoding="utf-8"), seconds=600)
    _refuse_failing(outcome)
    return outcome


def _refuse_failing(outcome):
    if outcome.verdict != "survived":
        raise Unfit("\n  ".join(["these tests fail as they are:", outcome.by, outcome.error]))


def _digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _kept(path):
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {digest: (verdict, tests) for digest, verdict, tests, *_ in map(json.loads, lines)}


def _keep(path, row):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def _row(name, numbers):
    pairs = zip(numbers, ("mutants", "killed", "endless", "listed", "not seen"), strict=True)
    return f"{name:36}" + "  ".join(f"{n:5} {what}" for n, what in pairs)


def _entry(name, m):
    rows = {"in": m.function, "line": m.text, "change": m.change, "because": ""}
    return "\n".join([f"[[{name}]]", *(f"{k} = {json.dumps(v)}" for k, v in rows.items())])


if __name__ == "__main__":
    main()
