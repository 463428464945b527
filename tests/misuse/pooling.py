"""Malformed calls of pooling."""

from fnnlib import pooling
from misuse.spoilt import Maybe, f, free

X = f(4, 3, 6, 5)
WINDOW = {"window": 2, "stride": Maybe(2), "padding": 1}
AVERAGE, MAX = pooling.average_forward(X, 2), pooling.max_forward(X, 2)

CALLS = {
    "pooling.average_forward": (pooling.average_forward, {"x": X, **WINDOW}),
    "pooling.average_backward": (
        pooling.average_backward, {"dy": f(*AVERAGE[0].shape), "cache": AVERAGE[1]}
    ),
    "pooling.max_forward": (pooling.max_forward, {"x": X, **WINDOW}),
    "pooling.max_backward": (pooling.max_backward, {"dy": f(*MAX[0].shape), "cache": MAX[1]}),
}  # fmt: skip

# Changes of one array after which it still fits.
FREE = {
    f"pooling.{kind}_forward": {"x": free(0, 1, 2, 3, precision=True)}
    for kind in ("average", "max")
}
