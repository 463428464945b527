# Two commands: `make book` builds the site, `make test` proves it. Each target sets up what it needs.
PYTHON ?= python3
# The book's matrices are small: sharing them out between threads costs more than it saves.
export OPENBLAS_NUM_THREADS ?= 1
ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif
PY := $(BIN)/python
READY := .venv/ready
TORCH := .venv/ready-torch

.DEFAULT_GOAL := help
.PHONY: help ready browser book test mutate bench lab store pdf picture lock clean

help:
	@echo "make book   execute every notebook and build the site in _build/html"
	@echo "make test   everything that proves the book: lint, tests, notebooks, site"
	@echo "make mutate every small wrong change of the library, and whether a test sees it (T=lstm for one)"
	@echo "make bench  fnnlib beside PyTorch, JAX and autograd: table, plot, results.json (W='rnn/*' for some)"
	@echo "make lab    the notebooks in JupyterLab"
	@echo "make store  execute the notebooks and store their text results (NB=file for one)"
	@echo "make pdf    the whole book as _build/book.pdf"
	@echo "make picture  take the README's picture again"
	@echo "make browser  download a Chromium for the tests and the PDF, where the system has none"
	@echo "make lock   resolve requirements.txt from pyproject.toml (LOCK=--upgrade for newer versions)"
	@echo "make clean  remove _build; 'rm -r .venv' removes the environment"

# The environment is renewed only when the lock or the package's own metadata changes.
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c "import sys; v = sys.version_info; sys.exit(v < (3, 11) and 'Python 3.11 or newer is needed, $(PYTHON) is %d.%d; name another: make PYTHON=python3.12' % v[:2])"
	@$(PYTHON) -m venv .venv || { echo "cannot create .venv; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "installing the locked environment in .venv, a few minutes the first time"
	$(PY) -m pip install --quiet --require-hashes -r requirements.txt
	$(PY) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@echo ready > $@

# PyTorch is outside the lock: its CPU build has another name on every system.
$(TORCH): $(READY) requirements-torch.txt
	$(PY) -m pip install --quiet -r requirements-torch.txt
	@echo ready > $@

ready: $(READY)

browser: $(READY)
	$(BIN)/playwright install --with-deps chromium

book: $(READY)
	$(PY) -m fnnlib.sphinx html

test: $(TORCH)
	$(BIN)/ruff check .
	$(BIN)/codespell
	$(PY) -m fnnlib.sphinx html
	$(PY) -m pytest -n auto --dist loadfile

# The results are kept in _build/mutation: stop it at will, it goes on where it was.
mutate: $(TORCH)
	cd tests && $(abspath $(PY)) -m mutation $(T)

# What is finished is stored; results of another machine are replaced.
bench: $(TORCH)
	$(PY) -m benchmarks $(if $(W),--only '$(W)')

lab: $(READY)
	$(PY) -m jupyterlab notebooks

store: $(READY)
	$(PY) -m fnnlib.sphinx store $(NB)

pdf: $(READY)
	$(PY) -m fnnlib.sphinx pdf

picture: $(READY)
	$(PY) -m fnnlib.sphinx picture

lock:
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet uv
	$(PY) -m uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" $(LOCK) --quiet -o requirements.txt

clean:
	rm -rf _build
