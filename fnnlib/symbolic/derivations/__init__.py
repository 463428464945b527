"""The derivations of the library's networks, one module each, proved when they are asked for.

Every module offers ``derivations()``, a list of Derivation and Induction objects, and
``checks()``, a list of Agreement objects that compare the library's code with them. Its docstring
and those of its parts (:func:`fnnlib.symbolic.part.part`) are the words of its page.
"""

import importlib
import pkgutil


def modules():
    """The modules of this package, by name.

    >>> "dense" in [module.__name__.rpartition(".")[2] for module in modules()]
    True
    """
    names = sorted(found.name for found in pkgutil.iter_modules(__path__))
    return [importlib.import_module(f"{__name__}.{name}") for name in names]


def records():
    """The ledger's entries of all derivations and checks."""
    return [made.record for module in modules()
            for made in (*module.derivations(), *module.checks())]
