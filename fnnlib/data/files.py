"""Real data sets that are too large to come with a package: MNIST and California housing.

A file is downloaded once into a folder and believed only if its SHA-256 is the one written here.
The two addresses and checksums are those that Keras and scikit-learn use for the same files.
"""

import hashlib
import http.client
import io
import tarfile
import urllib.request
from typing import NamedTuple

import numpy as np

from fnnlib import require

TIMEOUT = 30  # seconds without an answer


class Source(NamedTuple):
    """Where a file is from, what it is called and what it must be."""

    url: str
    file: str
    sha256: str


MNIST = Source(
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    "mnist.npz",
    "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
)
CALIFORNIA = Source(
    "https://ndownloader.figshare.com/files/5976036",
    "cal_housing.tgz",
    "aaa5c9a6afe2225cc2aed2723682ae403280c4a3695a2ddda4ffb5d8215ea681",
)


class Unavailable(OSError):
    """A file is neither in the folder nor can it be downloaded; the message says what to do."""


class Images(NamedTuple):
    """Images in [0, 1] and the class each shows."""

    x_train: np.ndarray  # (60000, 28, 28)
    y_train: np.ndarray  # (60000,) integers 0 to 9
    x_test: np.ndarray  # (10000, 28, 28)
    y_test: np.ndarray  # (10000,)


class Housing(NamedTuple):
    """Districts as rows, and their median house value in units of 100,000 dollars."""

    x: np.ndarray  # (20640, 8): income, age, rooms, bedrooms, people, per home, latitude, longitude
    y: np.ndarray  # (20640, 1)


def mnist(folder, dtype=np.float64):
    """Handwritten digits ([lecun1998]), from ``folder`` or else from the internet.

    Unavailable is raised where there is no file and no connection, ValueError for a file with
    another checksum.
    """
    dtype = require.precision("dtype", dtype)
    with np.load(io.BytesIO(fetch(MNIST, folder)), allow_pickle=False) as file:
        x_train, y_train, x_test, y_test = (
            file[name] for name in ("x_train", "y_train", "x_test", "y_test")
        )
    x_train, x_test = ((x / 255).astype(dtype) for x in (x_train, x_test))
    return Images(x_train, y_train.astype(int), x_test, y_test.astype(int))


def california_housing(folder, dtype=np.float64):
    """Districts of California in 1990 ([pace1997]), from ``folder`` or else from the internet.

    The features are those of scikit-learn: rooms and bedrooms are means per household. Errors are
    those of :func:`mnist`.
    """
    dtype = require.precision("dtype", dtype)
    with tarfile.open(fileobj=io.BytesIO(fetch(CALIFORNIA, folder)), mode="r:gz") as archive:
        table = np.loadtxt(archive.extractfile("CaliforniaHousing/cal_housing.data"), delimiter=",")
    longitude, latitude, age, rooms, bedrooms, people, homes, income, value = table.T
    x = np.column_stack([
        income, age, rooms / homes, bedrooms / homes, people, people / homes, latitude, longitude
    ])  # fmt: skip
    return Housing(x.astype(dtype), (value / 1e5)[:, None].astype(dtype))


def fetch(source, folder):
    """The bytes of a file, read from ``folder`` or downloaded and stored there; always checked."""
    path = require.path("folder", folder) / require.kind("source", source, Source).file
    if path.exists():
        return _checked(path.read_bytes(), source, path)
    try:
        with urllib.request.urlopen(source.url, timeout=TIMEOUT) as answer:
            data = answer.read()
    except (OSError, http.client.HTTPException) as cause:  # the second, where it breaks off
        raise Unavailable(
            f"{path} is not there and {source.url} cannot be reached ({cause}). "
            f"Download it elsewhere and put it there; its SHA-256 is {source.sha256}"
        ) from cause
    _checked(data, source, source.url)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return data


def _checked(data, source, place):
    found = hashlib.sha256(data).hexdigest()
    if found != source.sha256:
        require.refuse(place, f"SHA-256 {source.sha256}", f"{found} ({len(data)} bytes)")
    return data
