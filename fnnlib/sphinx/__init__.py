"""From notebooks to the site: execute, collect the ledger, build strictly, print.

`python -m fnnlib.sphinx html | pdf | picture | store | rules` runs from the root of the book.
"""
