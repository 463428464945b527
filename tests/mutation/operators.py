"""The small changes: from a node of the syntax tree to the texts that may stand in its place.

The tree carries the marks of :func:`marked`, as some changes are wrong in some places only.
"""

import ast

OTHER = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "%",
         ast.Mod: "//", ast.BitAnd: "|", ast.BitOr: "&"}  # fmt: skip
COMPARED = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
            ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in"}  # fmt: skip
SYMBOLS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
           ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in"}  # fmt: skip
PAIRS = [
    ("zeros", "ones"), ("zeros_like", "ones_like"), ("maximum", "minimum"), ("max", "min"),
    ("any", "all"), ("argmax", "argmin"), ("floor", "ceil"), ("is_positive", "is_nonnegative"),
    ("is_negative", "is_nonpositive"),
]  # fmt: skip
RENAMED = dict(PAIRS) | {b: a for a, b in PAIRS}
SLICES = {"1:": (":-1", ":"), ":-1": ("1:", ":"), "::-1": (":",)}
PRODUCTS = {"dot", "matmul"}
SUMS = {"sum", "total", "einsum"}
WRITTEN = {"add": "subtract", "subtract": "add", "multiply": "divide", "divide": "multiply"}
TURNED = {"swapaxes", "transpose", "moveaxis"}
SYMMETRIC = {"Add", "Mul", "Max", "Min", "KroneckerDelta"}  # calls that do not mind the order
NAMING = {"size", "index", "scalar"}  # calls whose results are told apart by name alone
AXED = {"array", "define", "recursive"}  # calls that give an array of symbols its axes
TIMES = {"t", "s", "u"}
PLAIN = ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Constant


def marked(tree):
    """The tree with marks: what decides a branch, what is returned, what only gives names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            _mark_naming(node.targets[0], node.value)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.GeneratorExp):
            node.targets[0].naming = _repeats(node.value)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            if len(getattr(node.targets[0], "elts", ())) == len(node.value.elts):
                node.targets[0].given = [_nameless(value) for value in node.value.elts]
        if isinstance(node, ast.Expr):
            node.value.effect = True
        for test in [*filter(None, [getattr(node, "test", None)]), *getattr(node, "ifs", [])]:
            test.decides = True
        if isinstance(node, ast.Return) and node.value:
            node.value.returned = True
        if isinstance(node, ast.Call) and called(node) == "reshape":
            for size in node.args:  # NumPy takes every negative size as the one to be found
                getattr(size, "operand", size).inferred = isinstance(size, ast.UnaryOp)
        if isinstance(node, ast.Call) and called(node) in AXED:
            for axis in node.args:  # of a wider one, no entry more is read
                axis.ends = True
                if isinstance(axis, ast.Tuple) and len(axis.elts) == 2:
                    axis.elts[0].begins, getattr(axis.elts[1], "right", axis).ends = True, True
    return tree


def _nameless(value):
    """The text of a value; free arrays with the same axes are told apart by name alone."""
    if isinstance(value, ast.Call) and called(value) == "array":
        return ast.unparse(ast.Tuple(value.args[1:], ast.Load()))
    return ast.unparse(value)


def _mark_naming(target, value):
    """Names for what is told apart by name alone: all from one call, or each from its own."""
    parts = [value]
    if isinstance(value, ast.Tuple) and isinstance(target, ast.Tuple):
        parts = value.elts
        for pair in zip(target.elts, parts, strict=False):
            _mark_naming(*pair)
    target.naming = all(isinstance(n, ast.Call) and called(n) in NAMING for n in parts)


def _repeats(n):
    """Whether a generator makes the same each time: what is made is told apart by name alone."""
    counted = {name.id for name in ast.walk(n.generators[0].target) if isinstance(name, ast.Name)}
    return not counted & {name.id for name in ast.walk(n.elt) if isinstance(name, ast.Name)}


def called(node):
    """The last name of the function that a call names."""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def operations(n):
    """Another operation, or one operand alone: signs, factors, terms."""
    if isinstance(n, ast.BinOp):
        if type(n.op) in OTHER:
            yield _text(n.left, f" {OTHER[type(n.op)]} ", n.right)
        yield ast.unparse(n.left)
        if isinstance(n.op, ast.Sub):
            yield _text("-", n.right)
        elif not isinstance(n.op, (ast.Div, ast.Pow)):
            yield ast.unparse(n.right)
    elif isinstance(n, ast.UnaryOp) and not isinstance(n.op, ast.UAdd):
        yield ast.unparse(n.operand)
    elif isinstance(n, ast.Call) and called(n) in PRODUCTS | SUMS:
        yield f"np.negative(_ := {ast.unparse(n)}, out=_)" if _is_effect(n) else _text("-", n)


def in_place(n):
    """The same for what writes its result into its last argument."""
    if not (isinstance(n, ast.Call) and _is_effect(n) and called(n) in WRITTEN):
        return
    operands = [ast.unparse(a) for a in (*n.args, *(k.value for k in n.keywords))]
    if len(operands) != 3:  # a method of that name, such as that of a set
        return
    a, b, out = operands
    yield f"np.{WRITTEN[called(n)]}({a}, {b}, out={out})"
    if called(n) in ("subtract", "divide"):
        yield f"np.{called(n)}({b}, {a}, out={out})"
    yield from (f"np.copyto({out}, {alone})" for alone in (a, b) if alone != out)


def _is_effect(n):
    return getattr(n, "effect", False)


def transposes(n):
    """A transpose left out or put in, factors of a matrix product in the other order."""
    if isinstance(n, ast.Attribute) and n.attr == "T":
        yield ast.unparse(n.value)
    elif isinstance(n, ast.Call) and called(n) in TURNED:
        yield ast.unparse(n.func.value if len(n.args) < 3 else n.args[0])
    elif isinstance(n, ast.BinOp) and isinstance(n.op, ast.MatMult):
        yield _text(n.right, " @ ", n.left)
        yield _text(n.left, ".T @ ", n.right)
        yield _text(n.left, " @ ", n.right, ".T")
    elif isinstance(n, ast.Call) and called(n) == "dot" and _is_effect(n) and len(n.args) == 2:
        a, b, out = n.func.value, *n.args  # a method that writes into its last argument
        yield _text(b, ".dot(", a, ", ", out, ")")
        yield from (_text(turned, ".dot(", b, ", ", out, ")") for turned in _transposed(a))
        yield from (_text(a, ".dot(", turned, ", ", out, ")") for turned in _transposed(b))
    elif isinstance(n, ast.Call) and called(n) in PRODUCTS and len(n.args) == 2:
        a, b = n.args
        yield _with(n, args=[b, a])
        yield from (_with(n, args=[turned, b]) for turned in _transposed(a))
        yield from (_with(n, args=[a, turned]) for turned in _transposed(b))


def _transposed(n):
    if not (isinstance(n, ast.Attribute) and n.attr == "T"):  # else it is taken away elsewhere
        yield ast.Attribute(n, "T", ast.Load())


def constants(n):
    """Numbers one up and one down, truth values the other way."""
    if not isinstance(n, ast.Constant):
        return
    if isinstance(n.value, bool):
        yield str(not n.value)
    elif isinstance(n.value, (int, float)):
        if n.value >= 1 and not hasattr(n, "begins"):
            yield repr(n.value - 1)
        if not getattr(n, "inferred", False) and not hasattr(n, "ends"):
            yield repr(n.value + 1)


def indices(n):
    """A time one later or earlier, neighbouring indices swapped, a slice moved or not reversed."""
    if isinstance(n, ast.Slice):
        yield from SLICES.get(ast.unparse(n), ())
    if not isinstance(n, ast.Subscript):
        return
    at = n.slice.elts if isinstance(n.slice, ast.Tuple) else [n.slice]
    for k, i in enumerate(at):
        if isinstance(i, ast.Name) and i.id in TIMES:
            for op in (ast.Add(), ast.Sub()):
                yield _indexed(n, [*at[:k], ast.BinOp(i, op, ast.Constant(1)), *at[k + 1 :]])
    for k, (i, j) in enumerate(zip(at, at[1:], strict=False)):
        if isinstance(i, ast.Name) and isinstance(j, ast.Name) and i.id != j.id:
            yield _indexed(n, [*at[:k], j, i, *at[k + 2 :]])


def _indexed(n, at):
    return _with(n, slice=ast.Tuple(at, ast.Load()) if len(at) > 1 else at[0])


def conditions(n):
    """Comparisons with or without equality, conditions negated or left out, ``and`` for ``or``."""
    if isinstance(n, ast.Compare):
        sides = [n.left, *n.comparators]
        for op in n.ops:
            signs = [COMPARED[type(o)] if o is op else SYMBOLS[type(o)] for o in n.ops]
            texts = [p for sign, side in zip(signs, sides[1:], strict=True)
                     for p in (f" {sign} ", side)]
            yield _text(n.left, *texts)
    elif isinstance(n, ast.BoolOp):
        yield _with(n, op=ast.Or() if isinstance(n.op, ast.And) else ast.And())
        for k in range(len(n.values)):
            rest = [*n.values[:k], *n.values[k + 1 :]]
            yield _with(n, values=rest) if len(rest) > 1 else ast.unparse(rest[0])
    if getattr(n, "decides", False) and not isinstance(n, (ast.Compare, ast.UnaryOp)):
        yield _text("not ", n)


def order(n):
    """What is unpacked or handed over side by side changes places; time runs the other way."""
    if isinstance(n, ast.Call) and called(n) == "reversed":
        yield ast.unparse(n.args[0])
    if isinstance(n, ast.Call) and called(n)[:1].isupper() and called(n) not in SYMMETRIC:
        yield from (_with(n, args=args) for args in _neighbours(n.args, range(len(n.args))))
    if isinstance(n, ast.Tuple):
        unpacked = isinstance(n.ctx, ast.Store) and not getattr(n, "naming", False)
        if unpacked or hasattr(n, "returned"):
            given = getattr(n, "given", range(len(n.elts)))
            yield from (_with(n, elts=elts) for elts in _neighbours(n.elts, given))


def _neighbours(nodes, given):
    """The nodes with two neighbours swapped, where both are names of unlike values."""
    for k, pair in enumerate(zip(nodes, nodes[1:], strict=False)):
        if all(isinstance(n, PLAIN[:-1]) for n in pair) and given[k] != given[k + 1]:
            yield [*nodes[:k], *pair[::-1], *nodes[k + 2 :]]


def names(n):
    """Ones for zeros, the largest for the smallest, all for any."""
    if isinstance(n, ast.Name) and n.id in RENAMED and isinstance(n.ctx, ast.Load):
        yield RENAMED[n.id]
    elif isinstance(n, ast.Attribute) and n.attr in RENAMED:
        yield _with(n, attr=RENAMED[n.attr])


def statements(n):
    """A change in place left out or turned round, a call for its effect left out."""
    if isinstance(n, ast.AugAssign):
        target, value = ast.unparse(n.target), ast.unparse(n.value)
        if type(n.op) in OTHER:
            yield f"{target} {OTHER[type(n.op)]}= {value}"
        yield f"{target} = {value}"
        yield "pass"
    elif isinstance(n, ast.Expr) and isinstance(n.value, ast.Call):
        yield "pass"
    elif isinstance(n, ast.Assign) and any(isinstance(t, ast.Subscript) for t in n.targets):
        yield "pass"


def _text(*parts):
    """Texts, and nodes in parentheses where they need them."""
    return "".join(p if isinstance(p, str) else _closed(p) for p in parts)


def _closed(node):
    return ast.unparse(node) if isinstance(node, PLAIN) else f"({ast.unparse(node)})"


def _with(node, **fields):
    return ast.unparse(type(node)(**{**dict(ast.iter_fields(node)), **fields}))


OPERATORS = (
    operations, in_place, transposes, constants, indices, conditions, order, names, statements,
)  # fmt: skip
