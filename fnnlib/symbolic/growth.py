r"""How long the formulas for a gradient become: one closed formula, or one line at a time.

The net is small, so that it can be written out: :math:`h_t = \tanh(x_t w + h_{t-1} U)` with
``n`` units and scalar inputs. The loss is the sum over t of half the squared distance between the
first unit and a target. Sources: [baydin2018], [griewank2008].
"""

from sympy import Dummy, S, Symbol, diff, tanh


def closed_form(T, n=2):
    """The gradient after T steps by plain substitution and differentiation.

    Returns ``{parameter: formula}``; the formulas hold inputs, targets and parameters only.

    >>> sorted(map(str, closed_form(1)))
    ['U00', 'U01', 'U10', 'U11', 'w0', 'w1']
    """
    U, w = _parameters(n)
    h, loss = _initial(n), 0
    for t in range(1, T + 1):
        h = _cell(U, w, h, Symbol(f"x{t}"))
        loss += (h[0] - Symbol(f"y{t}")) ** 2 / 2
    return {p: diff(loss, p) for p in _flat(U, w)}


def staged(T, n=2):
    """The same gradient as a program: a list of lines ``(name, formula)``, then the gradient.

    Every state, adjoint and partial sum gets a name, so that later lines use the name. The
    derivatives are SymPy's too, but of one step, and taken once.

    >>> program, gradient = staged(3)
    >>> [str(name) for name, _ in program][:4]
    ['h1_0', 'h1_1', 'h2_0', 'h2_1']
    """
    U, w = _parameters(n)
    before, x, back = _named("before", n), Dummy("x"), _named("back", n)
    cell = _cell(U, w, before, x)
    pairing = sum(c * s for c, s in zip(back, cell, strict=True))
    to_state = [diff(pairing, s) for s in before]
    to_parameter = {p: diff(pairing, p) for p in _flat(U, w)}

    states, program = [_initial(n)], []
    for t in range(1, T + 1):
        at = _at(before, states[-1]) | {x: Symbol(f"x{t}")}
        states.append(_named(f"h{t}_", n))
        program += zip(states[-1], [c.xreplace(at) for c in cell], strict=True)
    carry, gradient = [S.Zero] * n, dict.fromkeys(to_parameter, S.Zero)
    for t in range(T, 0, -1):
        adjoint = _named(f"lambda{t}_", n)
        direct = [states[t][0] - Symbol(f"y{t}")] + [S.Zero] * (n - 1)
        program += [(m, c + d) for m, c, d in zip(adjoint, carry, direct, strict=True)]
        at = _at(before, states[t - 1]) | _at(back, adjoint) | {x: Symbol(f"x{t}")}
        carry = [s.xreplace(at) for s in to_state]
        for p, share in to_parameter.items():
            so_far = Symbol(f"d{p}_{t}")
            program.append((so_far, gradient[p] + share.xreplace(at)))
            gradient[p] = so_far
    return program, gradient


def nodes(*formulas):
    """The number of names, numbers and operations in the formulas, written out in full.

    >>> nodes(Symbol("a") * Symbol("b") + 1)
    5
    """
    known = {}

    def count(e):
        if e not in known:
            known[e] = 1 + sum(map(count, e.args))
        return known[e]

    return sum(map(count, formulas))


def _parameters(n):
    U = [[Symbol(f"U{k}{j}") for j in range(n)] for k in range(n)]
    return U, _named("w", n)


def _initial(n):
    return _named("h0_", n)


def _named(name, n):
    return [Symbol(f"{name}{j}") for j in range(n)]


def _cell(U, w, h, x):
    n = len(w)
    return [tanh(x * w[j] + sum(h[k] * U[k][j] for k in range(n))) for j in range(n)]


def _flat(U, w):
    return [u for row in U for u in row] + w


def _at(symbols, values):
    return dict(zip(symbols, values, strict=True))
