"""Parts: derivations that belong together, and the sentence that opens them on the page."""

from functools import wraps


def part(make):
    """Mark what ``make`` returns, a derivation or a list, with the start of its docstring.

    >>> from fnnlib.symbolic import D, Derivation, scalar
    >>> @part
    ... def slope(z):
    ...     '''How steep a parabola is.'''
    ...     return Derivation(D(z**2, z), "parabola").step(2 * z, "power rule")
    >>> slope(scalar("z")).part
    'How steep a parabola is.'
    """

    @wraps(make)
    def marked(*arguments):
        made = make(*arguments)
        for one in made if isinstance(made, list) else [made]:
            one.part = " ".join(make.__doc__.split("\n\n")[0].split())
        return made

    return marked
