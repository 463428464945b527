"""The mutator makes the mutants it should, survivors are found, and backward passes have none."""

import ast
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from mutation import __main__, memo
from mutation.mutator import mutants
from mutation.survivors import listed
from mutation.targets import NUMERIC, TARGETS
from mutation.trial import Outcome

from fnnlib.symbolic import (
    D,
    Derivation,
    Refused,
    array,
    define,
    exp,
    function,
    prover,
    recursive,
    scalar,
    size,
    total,
)
from fnnlib.symbolic.prover import judge

HERE = Path(__file__).parent

# What stands in a function, and all that may be put in its place.
CHANGES = {
    "return a + b": ["a + b -> a - b", "a + b -> a", "a + b -> b"],
    "return a - b": ["a - b -> a + b", "a - b -> a", "a - b -> -b"],
    "return a * b": ["a * b -> a / b", "a * b -> a", "a * b -> b"],
    "return a / b": ["a / b -> a * b", "a / b -> a"],
    "return a % b": ["a % b -> a // b", "a % b -> a", "a % b -> b"],
    "return a**b": ["a ** b -> a"],
    "return -a": ["-a -> a"],
    "return np.sum(a)": ["np.sum(a) -> -np.sum(a)"],
    "return a.T": ["a.T -> a"],
    "return a.swapaxes(i, j)": ["a.swapaxes(i, j) -> a"],
    "return np.dot(a, b.T)": [
        "np.dot(a, b.T) -> -np.dot(a, b.T)", "np.dot(a, b.T) -> np.dot(b.T, a)",
        "np.dot(a, b.T) -> np.dot(a.T, b.T)", "b.T -> b",
    ],
    "return a @ b": [
        "a @ b -> a", "a @ b -> b", "a @ b -> b @ a", "a @ b -> a.T @ b", "a @ b -> a @ b.T",
    ],
    "return 0": ["0 -> 1"],
    "return 1": ["1 -> 0", "1 -> 2"],
    "return 0.5": ["0.5 -> 1.5"],
    "return a.sum(axis=0)": ["a.sum(axis=0) -> -a.sum(axis=0)", "0 -> 1"],
    "return a[t]": ["a[t] -> a[t + 1]", "a[t] -> a[t - 1]"],
    "return a[i, j]": ["a[i, j] -> a[j, i]"],
    "return a[1:]": ["1: -> :-1", "1: -> :", "1 -> 0", "1 -> 2"],
    "return a[:-1]": [":-1 -> 1:", ":-1 -> :", "-1 -> 1", "1 -> 0", "1 -> 2"],
    "return a[::-1]": ["::-1 -> :", "-1 -> 1", "1 -> 0", "1 -> 2"],
    "return a < b": ["a < b -> a <= b"],
    "return a < b <= c": ["a < b <= c -> a <= b <= c", "a < b <= c -> a < b < c"],
    "return a and b": ["a and b -> a or b", "a and b -> b", "a and b -> a"],
    "return a if b else c": ["b -> not b"],
    "return a if b is None else c": ["b is None -> b is not None"],
    "return not a": ["not a -> a"],
    "return f(keep=True)": ["True -> False"],
    "i, f, g = a": ["(i, f, g) -> (f, i, g)", "(i, f, g) -> (i, g, f)"],
    "return a, b": ["(a, b) -> (b, a)"],
    "return Params(a, b)": ["Params(a, b) -> Params(b, a)"],
    "return list(reversed(a))": ["reversed(a) -> a"],
    "return np.zeros(n)": ["np.zeros -> np.ones"],
    "return max(a)": ["max -> min"],
    "a += b": ["a += b -> a -= b", "a += b -> a = b", "a += b -> pass"],
    "a[n] = b": ["a[n] = b -> pass"],
    "f(a)": ["f(a) -> pass"],
    "np.subtract(a, b, out=b)": [
        "np.subtract(a, b, out=b) -> pass", "np.subtract(a, b, out=b) -> np.add(a, b, out=b)",
        "np.subtract(a, b, out=b) -> np.subtract(b, a, out=b)",
        "np.subtract(a, b, out=b) -> np.copyto(b, a)",
    ],
    "add(a, b, a)": [
        "add(a, b, a) -> pass", "add(a, b, a) -> np.subtract(a, b, out=a)",
        "add(a, b, a) -> np.copyto(a, b)",
    ],
    "a.add(b)": ["a.add(b) -> pass"],
    "a.dot(b, c)": [
        "a.dot(b, c) -> pass", "a.dot(b, c) -> np.negative(_ := a.dot(b, c), out=_)",
        "a.dot(b, c) -> b.dot(a, c)", "a.dot(b, c) -> a.T.dot(b, c)",
        "a.dot(b, c) -> a.dot(b.T, c)",
    ],
    "a, b = (f(c) for c in d)": ["(a, b) -> (b, a)"],
    "require.refuse('a', 'b', 1)": ["require.refuse('a', 'b', 1) -> pass"],
    # what is left alone
    "return f'{a + 1}'": [],
    "raise ValueError(a + 1)": [],
    "a: int | None = b": [],
    "return zip(a, b, strict=True)": [],
    "x, y = size('x y')": [],
    "(x, y), z = scalar('x y'), size('z')": [],
    "x, y = array('x', n), array('y', n)": [],
    "x, y = array('x', n), array('y', m)": ["(x, y) -> (y, x)"],
    "x, y = scalar('x'), f(a)": ["(x, y) -> (y, x)"],
    "a, b = (f(c) for _ in d)": [],
    "a, b = [], []": [],
    "return Add(a, b)": [],
    "f(seconds=60)": ["f(seconds=60) -> pass"],
    "QUICK = 196": [],
    "at = {n: 5}": [],
    "return lambda *at: x[at]": [],
    "f(at={n: 5}, sizes=(1, 2))": ["f(at={n: 5}, sizes=(1, 2)) -> pass"],
    "array('x', 3)": ["array('x', 3) -> pass", "3 -> 2"],
    "array('x', (1, n), m)": ["array('x', (1, n), m) -> pass", "1 -> 2"],
    "f(define('x', g, (0, n + 1)))": [
        "f(define('x', g, (0, n + 1))) -> pass", "0 -> 1", "n + 1 -> n - 1", "n + 1 -> n",
        "n + 1 -> 1", "1 -> 0",
    ],
}  # fmt: skip


@pytest.mark.parametrize("line", CHANGES)
def test_every_operator_makes_its_mutants_and_no_others(line):
    found = mutants(f"def f(a):\n    {line}\n")
    assert [m.change for m in found] == CHANGES[line]
    assert {(m.function, m.text, m.line) for m in found} <= {("f", line, 2)}


def test_checks_of_the_library_are_left_alone():
    body = "return f(1)\n"
    assert not mutants(f"def _limit_check():\n    {body}")
    assert mutants(f"def gradient_check():\n    {body}")
    assert len(mutants(f"def _limit():\n    {body}")) == 2


def test_only_one_place_changes_and_the_rest_is_kept():
    source = '"""é."""\n\n\nclass A:\n    def f(self, n=1):  # é\n        return [\n  n]\n'
    down, up = mutants(source)
    assert (down.function, down.line, down.text) == ("A.f", 5, "def f(self, n=1):  # é")
    assert down.source == source.replace("n=1", "n=(0)")
    assert up.source == source.replace("n=1", "n=(2)")


def test_equal_changes_of_one_line_are_told_apart():
    assert [m.name for m in mutants("a[0][0]")] == [
        ("", "a[0][0]", "0 -> 1"), ("", "a[0][0]", "0 -> 1 (2)")]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_every_mutant_of_the_library_is_another_program(target):
    source = TARGETS[target].path.read_text("utf8")
    same = ast.dump(ast.parse(source))
    found = mutants(source)
    assert len(found) >= 10 and len({m.name for m in found}) == len(found)
    for m in found[::10]:
        assert ast.dump(ast.parse(m.source)) != same, m.change


def test_every_module_with_a_backward_pass_is_a_target():
    library = HERE.parent / "fnnlib"
    assert {p.stem for p in library.glob("*.py") if "backward(" in p.read_text("utf8")} <= {
        target.name for target in NUMERIC
    }


def test_the_list_of_survivors_names_mutants_that_exist():
    for name, reasons in listed().items():
        existing = {m.name for m in mutants(TARGETS[name].path.read_text("utf8"))}
        assert set(reasons) <= existing, (name, sorted(set(reasons) - existing))
        assert all(len(reason.split()) >= 3 for reason in reasons.values()), name


TOY = """
def mean(a):
    return sum(a) / len(a)

def emptied(a):
    while a[0]:
        a[0] = 0
    return a
"""
TESTS = """
import toy

def test_the_mean_of_one_number_is_too_easy():
    assert toy.mean([1]) == 1

def test_emptied():
    assert toy.emptied([1]) == [0]
"""
BROKEN = """
def test_that_fails_in_any_case():
    raise KeyError("anyway")
"""
RUN = """
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, {tests!r})
from mutation.__main__ import Unfit, run
from mutation.mutator import mutants
from mutation.targets import Target
from mutation.trial import trial

if __name__ == "__main__":
    toy = Target("toy", "toy", Path("toy.py").resolve(), [str(Path("test_toy.py").resolve())])
    source = toy.path.read_text("utf8")
    print("nothing:", trial(toy, toy.tests, source).verdict)
    for m in mutants(source):
        print(f"{{m.text}}: {{m.change}}: {{trial(toy, toy.tests, m.source, seconds=3).verdict}}")
    broken = toy._replace(tests=[str(Path("test_broken.py").resolve())])
    try:
        run(broken, mutants(source)[:1], SimpleNamespace(sample=None, fresh=True))
    except Unfit as unfit:
        print("unfit:", str(unfit).splitlines()[-1].strip())
"""


def test_what_tests_do_not_see_is_found_and_the_file_stays_as_it_was(tmp_path):
    run = RUN.format(tests=str(HERE))
    files = {"toy": TOY, "test_toy": TESTS, "test_broken": BROKEN, "run": run}
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "run.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "nothing: survived",
        "return sum(a) / len(a): sum(a) / len(a) -> sum(a) * len(a): survived",
        "return sum(a) / len(a): sum(a) / len(a) -> sum(a): survived",
        "return sum(a) / len(a): sum(a) -> -sum(a): killed",
        "while a[0]:: a[0] -> not a[0]: killed",
        "while a[0]:: 0 -> 1: killed",
        "a[0] = 0: a[0] = 0 -> pass: endless",
        "a[0] = 0: 0 -> 1: killed",
        "a[0] = 0: 0 -> 1 (2): endless",
        "unfit: KeyError: 'anyway'",
    ]
    assert (tmp_path / "toy.py").read_text() == TOY


def test_in_a_sample_the_tests_that_fail_must_pass_without_a_mutant(monkeypatch):
    target, tried = TARGETS["embedding"], []

    def fails_anyway(target, tests, source, *_, **__):
        tried.append((tests, source))
        return Outcome("killed", "tests/test_embedding.py::test_x", "KeyError", 1, {})

    monkeypatch.setattr(__main__, "trial", fails_anyway)
    source = target.path.read_text("utf8")
    first, *_ = mutants(source)
    with pytest.raises(__main__.Unfit, match="test_x\n.*KeyError"):
        __main__.run(target, [first], SimpleNamespace(sample=1, fresh=True))
    assert tried == [(target.tests, first.source), (("tests/test_embedding.py::test_x",), source)]


def statement(rule=exp, last=lambda n: n - 1, start=0, value=0, meaning=exp, names="z h"):
    """A sum that rests on a definition, a quantity, a recurrence and a named function."""
    n, (name, state) = size("n"), names.split()
    z, f = array(name, n), function("f", lambda u: meaning(u))
    p = define("p", lambda i: rule(z[i]), n)
    q = define("q", total(lambda i: p[i] * f(z[i]), (0, last(n))))
    h = recursive(state, (0, n), start=start, value=value, rule=lambda t: q * h[t - 1] + 1)
    return D(q, z[1]) + h[n]


OTHERS = [
    {"rule": lambda u: -exp(u)}, {"last": lambda n: n - 2}, {"start": 1}, {"value": 1},
    {"value": None}, {"meaning": lambda u: exp(u) + 1}, {"names": "z z"}, {"names": "x h"},
]  # fmt: skip


def test_a_statement_that_is_made_again_has_the_same_key():
    assert memo.Key().of(statement()) == memo.Key().of(statement())


@pytest.mark.parametrize("other", OTHERS)
def test_a_statement_on_other_definitions_has_another_key(other):
    assert memo.Key().of(statement()) != memo.Key().of(statement(**other))


def test_one_definition_twice_is_not_the_same_as_two_alike():
    z = scalar("z")
    p, q = (define("p", exp(z)) for _ in range(2))
    assert memo.Key().of(p - p * z) != memo.Key().of(p - q * z)


def test_a_lemma_and_an_unrolled_step_belong_to_the_key():
    n, z = size("n"), scalar("z")
    h = recursive("h", (0, n), start=0, rule=lambda t: h[t - 1] + 1)
    lemmas = [Derivation(z, "one").step(z + k - k * exp(0), "nothing new") for k in (0, 1)]
    lemmas += [Derivation(2 * z, "one").step(z + z, "twice"), h.unroll(1), h.unroll(2)]
    keys = [memo.Key().of((z, z, [lemma])) for lemma in lemmas]
    assert keys[0] == keys[1] and len(set(keys)) == 4


def test_what_is_kept_is_found_again_and_refusals_too():
    asked = []

    def counted(a, b):
        asked.append((a, b))
        return judge(a, b)

    found, made = memo.kept(counted, {}), [statement() for _ in range(3)]
    assert [found(s, s).status for s in made] == ["proved"] * 3 and len(asked) == 1
    for s in made[:2]:
        with pytest.raises(Refused):
            found(s, s + 1)
    assert len(asked) == 2


def test_a_wrong_step_or_check_is_refuted_and_what_holds_is_still_to_be_proved(monkeypatch):
    z, proper = scalar("z"), prover.prove

    def outcome(right, checks=list):
        def derivations():
            return [Derivation(z + z, "twice").step(right, "together")]

        toy = SimpleNamespace(derivations=derivations, checks=checks)
        monkeypatch.setitem(sys.modules, "toy_derivation", toy)
        return memo.refuted("toy_derivation")

    assert outcome(2 * z) is None
    row, error = outcome(3 * z)
    assert row == 0 and isinstance(error, Refused) and "together" in str(error)
    row, error = outcome(2 * z, lambda: 1 / 0)
    assert row == 1 and isinstance(error, ZeroDivisionError)
    assert prover.prove is proper


CODE = """
STEP = 2
def inner(x): return x * STEP
def outer(x): return [inner(y) for y in x]
"""


def test_a_function_of_a_module_of_derivations_is_known_by_its_code_and_what_it_names():
    def key(source, home=memo.CHANGING + ".toy"):
        names = {"__name__": home}
        exec(source, names)
        return memo.Key().of(names["outer"])

    assert key(CODE) == key(CODE + "\n")
    others = CODE.replace("STEP = 2", "STEP = 3"), CODE.replace("x * STEP", "x + STEP")
    assert len({key(source) for source in (CODE, *others)}) == 3
    assert key(CODE, "numpy") == key(others[0], "numpy")


def test_a_mutant_of_every_backward_pass_is_killed():
    """`make mutate` runs all mutants; here is one of each, and of what only they call."""
    functions = "back|gradients|_prediction_minus_target"
    command = [sys.executable, "-m", "mutation", "--only", functions, "--sample", "1", "--fresh"]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
