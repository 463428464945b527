"""The workloads in JAX, each one compiled function."""

import functools
from types import SimpleNamespace

import jax
import jax.numpy as jnp

from benchmarks import traced

jax.config.update("jax_enable_x64", True)
NN = SimpleNamespace(
    sigmoid=jax.nn.sigmoid,
    relu=jax.nn.relu,
    softmax=jax.nn.softmax,
    log_softmax=jax.nn.log_softmax,
    scan=lambda step, state, z: jax.lax.scan(step, state, z)[1],
    conv=lambda x, W: jax.lax.conv_general_dilated(x, W, (1, 1), "SAME"),
)


def make(workload, a):
    """A function of no arguments that computes all results of the workload, by name."""
    a = {name: jnp.asarray(value) for name, value in a.items()}
    if workload.startswith("adam/"):
        return _adam(a)
    loss, names = traced.loss(workload, a, jnp, NN)
    gradients = jax.jit(jax.value_and_grad(loss, argnums=range(len(names)), has_aux=True))
    args = [a[name] for name in names]

    def run():
        (_, found), d = jax.block_until_ready(gradients(*args))
        return found | {f"d{name}": part for name, part in zip(names, d, strict=True)}

    return run


def _adam(a):
    update = jax.jit(functools.partial(traced.adam, xp=jnp), donate_argnums=(1, 3, 4))
    t, p, m, v = 0, jnp.copy(a["p"]), jnp.zeros_like(a["p"]), jnp.zeros_like(a["p"])

    def run():
        nonlocal t, p, m, v
        t += 1
        p, m, v = jax.block_until_ready(update(jnp.asarray(t, p.dtype), p, a["g"], m, v))
        return {"p": p}

    return run
