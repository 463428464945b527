"""Invented problems, padding and splits, and real files that are checked before they are read."""

import collections
import hashlib
import http.server
import io
import tarfile
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import quick
from sklearn.linear_model import LinearRegression, LogisticRegression

from fnnlib import data
from fnnlib.data import files

RNG = np.random.default_rng(0)


def rng(seed=0):
    return np.random.default_rng(seed)


# Sentences


def bag(sentence):
    return tuple(sorted(sentence.words))


def test_labels_are_those_of_the_grammar():
    for words, label in data.sentences(rng(1), 300):
        parts = " ".join(words).replace(" although ", "|").replace(" but ", "|").split("|")
        clause = parts[-1] if "but" in words else parts[0]
        good = clause.split()[-1] in ("bright", "fine", "good")
        assert label == int(good != ("not" in clause.split()))
        assert len(parts) == 1 + ("but" in words or "although" in words)


def test_no_function_of_the_bag_of_words_reaches_80_percent():
    """The best one knows the share of labels for each bag: what it reaches on what it has seen."""
    seen = collections.defaultdict(lambda: [0, 0])
    drawn = data.sentences(rng(2), 60_000)
    for sentence in drawn:
        seen[_types(sentence)][sentence.label] += 1
    best = sum(map(max, seen.values())) / len(drawn)
    expected = 0.25 + 0.75 * (0.25 + 0.75 / 2)  # one clause; two that agree whatever the order
    assert best == pytest.approx(expected, abs=0.01) and best < 0.8


def _types(sentence):
    """The bag with nouns and like adjectives merged: they say nothing more about the label."""
    kinds = collections.Counter()
    for word in sentence.words:
        kinds["good" if word in ("bright", "fine", "good") else
              "bad" if word in ("bad", "dull", "weak") else
              word if word in ("not", "but", "although") else ""] += 1
    return tuple(kinds[word] for word in ("good", "bad", "not", "but", "although"))


def test_a_linear_reader_of_the_bag_stays_below_80_percent_and_word_order_is_enough():
    drawn = data.sentences(rng(3), 4000)
    labels = np.array([s.label for s in drawn])
    counts = np.array([np.bincount(data.encode(s.words), minlength=len(data.VOCABULARY))
                       for s in drawn])
    bags = LogisticRegression(max_iter=1000).fit(counts[:3000], labels[:3000])
    assert bags.score(counts[3000:], labels[3000:]) < 0.8
    ordered = collections.defaultdict(set)
    for sentence in drawn:
        ordered[sentence.words].add(sentence.label)
    assert all(len(found) == 1 for found in ordered.values())


def test_both_labels_are_equally_frequent_and_lengths_differ():
    drawn = data.sentences(rng(4), 4000)
    assert np.mean([s.label for s in drawn]) == pytest.approx(0.5, abs=0.03)
    assert {len(s.words) for s in drawn} == {4, 5, 6, 9, 10, 11, 12, 13}


def test_words_and_numbers_correspond():
    assert len(set(data.VOCABULARY)) == len(data.VOCABULARY) and data.VOCABULARY[0] == ""
    for words, _ in data.sentences(rng(), 50):
        assert tuple(data.VOCABULARY[k] for k in data.encode(words)) == words


# Series and problems of memory


def test_without_noise_the_price_is_the_formula():
    x, y = data.house_prices(rng(), 100, noise=0)
    area, rooms, age, distance = x.T
    np.testing.assert_allclose(y[:, 0], 3 * area * np.exp(-distance / 10) + 8 * rooms - age)
    assert (np.array([area.min(), age.min(), distance.min()]) >= [30, 0, 0]).all()


def test_houses_are_spread_over_their_stated_ranges():
    area, rooms, age, distance = data.house_prices(rng(), 50_000)[0].T
    for values, low, high in ((area, 30, 200), (age, 0, 80), (distance, 0, 20)):
        assert low <= values.min() < low + 0.02 and high - 0.02 < values.max() <= high
        assert np.mean(values) == pytest.approx((low + high) / 2, rel=0.01)
    extra = rooms - area / 30  # rounded up from between 0 and 2: from 0 to 3
    assert (rooms == np.round(rooms)).all() and 0 <= extra.min() < 0.05 and 2.95 < extra.max() < 3
    assert np.mean(extra) == pytest.approx(1.5, rel=0.01)


def test_ten_is_the_noise_unless_told_otherwise():
    (_, y), (_, ten) = data.house_prices(rng(), 5), data.house_prices(rng(), 5, noise=10)
    np.testing.assert_array_equal(y, ten)


def test_the_noise_is_the_error_of_the_best_model_and_a_line_does_worse():
    x, y = data.house_prices(rng(), 20_000, noise=7.0)
    _, clean = data.house_prices(rng(), 20_000, noise=0)
    assert np.std(y - clean) == pytest.approx(7.0, rel=0.02)
    assert abs(np.mean(y - clean)) < 0.3
    line = LinearRegression().fit(x, y).predict(x)
    assert np.sqrt(np.mean((y - line) ** 2)) > 3 * 7.0


def test_the_series_is_the_exact_solution_while_the_past_is_constant():
    """For t below tau it is an exponential towards 2 c / (1 + c^10)."""
    c = 0.7
    goal = 2 * c / (1 + c**10)
    t = np.arange(18)
    np.testing.assert_allclose(
        data.mackey_glass(18, start=c), goal + (c - goal) * np.exp(-0.1 * t), rtol=1e-9
    )


def test_a_step_of_one_is_enough_where_it_reaches_back_three():
    goal = 2 * 0.7 / (1 + 0.7**10)
    t = np.arange(4)
    np.testing.assert_allclose(
        data.mackey_glass(4, tau=3, start=0.7, substeps=1),
        goal + (0.7 - goal) * np.exp(-0.1 * t), rtol=1e-6,
    )  # fmt: skip


def test_the_past_between_two_steps_is_the_cubic_through_its_neighbours():
    """Runge and Kutta's method in a few lines, with the weights of a table for the halves."""
    back, h, x = 12, 1 / 4, [0.7] * 13  # the past is constant up to the kink at number 12

    def slope(now, past):
        return 0.2 * past / (1 + past**10) - 0.1 * now

    for k in range(back, back + 44):
        i, now = k - back, x[k]
        if i < back:
            half = 0.7
        elif i == back:  # on one side of the kink
            half = np.dot([5, 15, -5, 1], x[i : i + 4]) / 16
        else:
            half = np.dot([-1, 9, 9, -1], x[i - 1 : i + 3]) / 16
        k1 = slope(now, x[i])
        k2 = slope(now + h / 2 * k1, half)
        k3 = slope(now + h / 2 * k2, half)
        k4 = slope(now + h * k3, x[i + 1])
        x.append(now + h * (k1 + 2 * k2 + 2 * k3 + k4) / 6)
    found = data.mackey_glass(12, tau=3, start=0.7, substeps=4)
    np.testing.assert_allclose(found, x[back::4], rtol=1e-13)


def test_unless_told_otherwise_the_series_is_the_chaotic_one():
    np.testing.assert_array_equal(
        data.mackey_glass(50), data.mackey_glass(50, tau=17, start=1.2, substeps=10)
    )


def test_the_series_converges_with_the_third_power_and_rests_where_it_should():
    fine = data.mackey_glass(60, substeps=160)
    errors = [np.abs(data.mackey_glass(60, substeps=s) - fine).max() for s in (5, 10, 20, 40)]
    assert errors[0] < 1e-6
    assert all(a / b > 7 for a, b in zip(errors, errors[1:], strict=False))
    np.testing.assert_allclose(data.mackey_glass(100, start=1.0), 1.0)


def test_the_series_stays_in_its_band_and_does_not_settle():
    x = data.mackey_glass(3000)[500:]
    assert 0.3 < x.min() < 0.6 and 1.2 < x.max() < 1.5
    assert np.std(x[-300:]) > 0.15
    settled = data.mackey_glass(3000, tau=2)[-300:]
    np.testing.assert_allclose(settled, 1.0, atol=1e-6)


@quick
@given(T=st.integers(2, 30), B=st.integers(1, 8), seed=st.integers(0, 2**32))
def test_adding_marks_one_number_in_each_half(T, B, seed):
    x, y = data.adding(rng(seed), T, B)
    assert x.shape == (T, B, 2) and y.shape == (B, 1)
    assert (x[: T // 2, :, 1].sum(axis=0) == 1).all() and (x[T // 2 :, :, 1].sum(axis=0) == 1).all()
    for b in range(B):
        assert y[b, 0] == pytest.approx(x[x[:, b, 1] == 1, b, 0].sum())


def test_to_answer_one_in_adding_costs_a_sixth():
    x, y = data.adding(rng(), 10, 50_000)
    assert np.mean((y - 1) ** 2) == pytest.approx(1 / 6, rel=0.02)
    marks = x[:, :, 1].mean(axis=1)
    np.testing.assert_allclose(marks, 0.2, atol=0.01)  # everywhere in its half
    assert (x[:, :, 0].min(), x[:, :, 0].max()) == (pytest.approx(0, abs=1e-4),
                                                    pytest.approx(1, abs=1e-4))


@quick
@given(length=st.integers(1, 5), delay=st.integers(1, 6), B=st.integers(1, 4),
       symbols=st.integers(1, 9))
def test_copying_repeats_the_symbols_when_the_signal_came(length, delay, B, symbols):
    x, y = data.copying(rng(), length, delay, B, symbols)
    assert x.shape == y.shape == (2 * length + delay, B)
    np.testing.assert_array_equal(x[:length], y[-length:])
    assert x[:length].min() >= 1 and x[:length].max() <= symbols
    assert (y[:-length] == 0).all()
    rest = x[length:]
    assert (rest[delay - 1] == symbols + 1).all()
    assert not np.delete(rest, delay - 1, axis=0).any()


def test_copying_uses_every_symbol():
    x, _ = data.copying(rng(), 10, 3, 100)
    assert set(np.unique(x[:10])) == set(range(1, 9))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_either_precision(dtype):
    made = [*data.house_prices(rng(), 3, dtype=dtype), data.mackey_glass(3, dtype=dtype),
            *data.adding(rng(), 4, 2, dtype)]
    assert {x.dtype for x in made} == {np.dtype(dtype)}


def test_the_same_seed_gives_the_same_data():
    for make in (lambda r: data.house_prices(r, 5).y, lambda r: data.adding(r, 5, 3).x,
                 lambda r: data.copying(r, 3, 3, 3).x):
        np.testing.assert_array_equal(make(rng(1)), make(rng(1)))
        assert (make(rng(1)) != make(rng(2))).any()
    assert data.sentences(rng(1), 9) == data.sentences(rng(1), 9) != data.sentences(rng(2), 9)


# Batches


@quick
@given(lengths=st.lists(st.integers(0, 6), min_size=1, max_size=6).filter(any),
       more=st.lists(st.integers(1, 3), max_size=2))
def test_padding_keeps_every_entry_and_marks_it(lengths, more):
    parts = [RNG.normal(size=(T, *more)) for T in lengths]
    x, mask = data.pad(parts, value=-7)
    assert x.shape == (max(lengths), len(lengths), *more) and mask.shape == x.shape[:2]
    for b, part in enumerate(parts):
        np.testing.assert_array_equal(x[mask[:, b], b], part)
        np.testing.assert_array_equal(mask[:, b], np.arange(max(lengths)) < lengths[b])
    assert (x[~mask] == -7).all()


@quick
@given(n=st.integers(2, 60), share=st.floats(0.05, 0.95), seed=st.integers(0, 2**32))
def test_a_split_is_a_partition_of_the_stated_size(n, share, seed):
    if not 0 < round(share * n) < n:
        with pytest.raises(ValueError, match=r"share: expected both parts of \d+ examples"):
            data.split(n, share, rng(seed))
        return
    training, validation = data.split(n, share, rng(seed))
    assert sorted([*training, *validation]) == list(range(n))
    assert abs(len(validation) - share * n) <= 0.5


def test_a_split_is_random():
    assert {tuple(data.split(6, 0.5, rng(seed))[1]) for seed in range(200)} == {
        (a, b, c) for a in range(6) for b in range(a + 1, 6) for c in range(b + 1, 6)
    }


# Files


PIXELS, CLASSES = RNG.integers(0, 256, (4, 28, 28), np.uint8), np.arange(4, dtype=np.uint8)


def images():
    file = io.BytesIO()
    np.savez(file, x_train=PIXELS, y_train=CLASSES, x_test=PIXELS[1:2], y_test=CLASSES[1:2])
    return file.getvalue()


HOUSES = np.array([[-122.23, 37.88, 41, 880, 129, 322, 126, 8.3252, 452600],
                   [-122.22, 37.86, 21, 7099, 1106, 2401, 1138, 8.3014, 358500]])


def houses():
    text = "\n".join(",".join(map(repr, row)) for row in HOUSES.tolist()).encode()
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo("CaliforniaHousing/cal_housing.data")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return file.getvalue()


@pytest.fixture
def served(tmp_path, monkeypatch):
    """`served("MNIST", bytes)` makes these bytes the file that a source names; returns a folder."""
    def serve(name, content, sha256=None):
        there = tmp_path / "there"
        there.write_bytes(content)
        found = sha256 or hashlib.sha256(content).hexdigest()
        source = getattr(files, name)._replace(url=there.as_uri(), sha256=found)
        monkeypatch.setattr(files, name, source)
        return tmp_path / "folder"

    return serve


def test_mnist_is_downloaded_once_checked_and_scaled(served, tmp_path):
    folder = served("MNIST", images())
    d = data.mnist(folder)
    np.testing.assert_array_equal(d.x_train, PIXELS / 255)
    np.testing.assert_array_equal(d.x_test, PIXELS[1:2] / 255)
    assert d.y_train.tolist() == [0, 1, 2, 3] and d.y_test.tolist() == [1]
    (tmp_path / "there").unlink()  # the second time it is in the folder
    again = data.mnist(folder, np.float32)
    np.testing.assert_allclose(again.x_train, d.x_train, rtol=1e-7)
    assert again.x_train.dtype == np.float32


def test_the_folder_may_be_there_or_lie_in_others_that_are_not(served):
    folder = served("MNIST", images())
    for place in (folder / "deep" / "inside", folder / "deep"):
        data.mnist(place)
        assert [path.name for path in place.iterdir() if path.is_file()] == ["mnist.npz"]


def test_objects_in_a_file_are_never_made(served):
    """A file of the right checksum, in which an array is a pickle: it could run any code."""
    file = io.BytesIO()
    np.savez(file, x_train=PIXELS, y_train=np.array([None] * 4), x_test=PIXELS, y_test=CLASSES)
    folder = served("MNIST", file.getvalue())
    with pytest.raises(ValueError, match="allow_pickle=False"):
        data.mnist(folder)


def test_the_features_of_a_district_are_those_of_scikit_learn(served):
    """The first two districts, whose raw numbers and features its documentation prints."""
    d = data.california_housing(served("CALIFORNIA", houses()))
    np.testing.assert_allclose(d.x[0], [8.3252, 41, 6.98412698, 1.02380952, 322, 2.55555556, 37.88,
                                        -122.23], rtol=1e-8)
    np.testing.assert_allclose(d.y, [[4.526], [3.585]])


@pytest.mark.parametrize("name, load", [("MNIST", data.mnist),
                                        ("CALIFORNIA", data.california_housing)])
def test_offline_the_error_says_what_to_do(served, tmp_path, name, load):
    folder = served(name, b"")
    (tmp_path / "there").unlink()
    source = getattr(files, name)
    with pytest.raises(data.Unavailable) as error:
        load(folder)
    for part in (str(folder / source.file), source.url, source.sha256, "put it there"):
        assert part in str(error.value)
    assert not folder.exists()


class Half(http.server.BaseHTTPRequestHandler):
    """Announces a file, sends a part of it and hangs up."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"half of it")

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("answers", [False, True])
def test_a_download_that_fails_or_breaks_off_is_explained(served, monkeypatch, answers):
    folder = served("MNIST", images())
    with http.server.HTTPServer(("127.0.0.1", 0), Half) as server:
        url = f"http://127.0.0.1:{server.server_port}/mnist.npz"
        monkeypatch.setattr(files, "MNIST", files.MNIST._replace(url=url))
        thread = threading.Thread(target=server.handle_request)
        if answers:
            thread.start()
        else:
            server.server_close()  # nobody is there
        with pytest.raises(data.Unavailable, match=f"{url} cannot be reached .*Download it elsew"):
            data.mnist(folder)
        if answers:
            thread.join()
    assert not folder.exists()


@pytest.mark.parametrize("stored", [False, True])
def test_a_wrong_checksum_is_refused_and_nothing_is_stored(served, stored):
    folder = served("MNIST", images(), sha256="0" * 64)
    if stored:
        folder.mkdir()
        (folder / "mnist.npz").write_bytes(b"half of it")
    with pytest.raises(ValueError, match=f"expected SHA-256 {'0' * 64}, got [0-9a-f]{{64}}"):
        data.mnist(folder)
    assert stored or not folder.exists()


def test_the_checksums_are_those_of_scikit_learn_and_whole():
    from sklearn.datasets import _california_housing

    theirs = _california_housing.ARCHIVE
    assert (files.CALIFORNIA.url, files.CALIFORNIA.sha256) == (theirs.url, theirs.checksum)
    assert len(files.MNIST.sha256) == 64


MISUSE = [
    (lambda: data.house_prices(0, 3), TypeError, "rng: expected Generator"),
    (lambda: data.house_prices(RNG, 0), ValueError, "n: expected a whole number >= 1"),
    (lambda: data.house_prices(RNG, 3, noise=-1), ValueError, "noise: expected a number >= 0"),
    (lambda: data.mackey_glass(0), ValueError, "steps: expected a whole number >= 1"),
    (lambda: data.mackey_glass(5, tau=1.5), TypeError, "tau: expected a whole number"),
    (lambda: data.mackey_glass(5, start=0), ValueError, "start: expected a number > 0"),
    (lambda: data.mackey_glass(5, tau=1, substeps=2), ValueError, "substeps: expected at least 3"),
    (lambda: data.adding(RNG, 1, 3), ValueError, "T: expected at least two steps, got 1"),
    (lambda: data.adding(RNG, 5, 0), ValueError, "B: expected a whole number >= 1"),
    (lambda: data.copying(RNG, 0, 3, 2), ValueError, "length: expected a whole number >= 1"),
    (lambda: data.copying(RNG, 2, 0, 2), ValueError, "delay: expected a whole number >= 1"),
    (lambda: data.sentences(None, 3), TypeError, "rng: expected Generator"),
    (lambda: data.sentences(RNG, 2.0), TypeError, "n: expected a whole number"),
    (lambda: data.encode(("the", "cat")), ValueError, "words: expected words of the vocabulary"),
    (lambda: data.encode("the"), TypeError, "words: expected tuple, got str"),
    (lambda: data.encode(()), ValueError, "words: expected at least one word"),
    (lambda: data.encode(("",)), ValueError, "words: expected words of the vocabulary, got ''"),
    (lambda: data.pad([]), ValueError, "sequences: expected at least one sequence"),
    (lambda: data.pad(np.ones((2, 2))), TypeError, "sequences: expected list, got ndarray"),
    (lambda: data.pad([[1]]), TypeError, r"sequences\[0\]: expected a NumPy array, got list"),
    (lambda: data.pad([np.ones(2), np.ones(2, int)]), ValueError,
     r"sequences\[1\]: expected float64 like sequences\[0\], got int64"),
    (lambda: data.pad([np.ones((2, 3)), np.ones((2, 4))]), ValueError,
     r"sequences\[1\]\[t\]: expected shape \(3,\), got \(4,\)"),
    (lambda: data.pad([np.ones(0)]), ValueError, "sequences: expected a sequence that is not"),
    (lambda: data.split(5, 0.0, RNG), ValueError, "share: expected a number > 0 and < 1"),
    (lambda: data.split(1, 0.5, RNG), ValueError, "share: expected both parts of 1 examples"),
    (lambda: data.split(5, 0.5, 0), TypeError, "rng: expected Generator"),
    (lambda: data.mnist("nowhere", "f4"), ValueError, "dtype: expected"),
    (lambda: files.fetch("MNIST", "nowhere"), TypeError, "source: expected"),
]


@pytest.mark.parametrize("call, error, message", MISUSE)
def test_malformed_calls_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
