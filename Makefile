# make book    build the book and say what to open        make test    every test; needs Chromium and Slurm, finds or installs them
# make lab     the chapters in JupyterLab                 make check   what continuous integration runs
# make train   a small GPT, in two minutes; stopped, it goes on. TRAIN="--steps 5000 …": python -m labs.gpt --help tells of all options
# make serve   the recorded GPT behind an HTTP endpoint; SERVE="FOLDER --port 8080 …" serves another
# make pdf     the whole book as one PDF           make epub    as one EPUB           make zip     its pages, to be opened from disk
# make notebooks             run every chapter again and store its outputs
# make bench                 measure the engine, the GPTs and the pages, and write the tables (an hour of a quiet machine)
# make address URL=https://github.com/OWNER/REPOSITORY    move the book to another repository
#
# All of it happens in .venv and _build. PYTHON=/path/to/python3.12 chooses another Python, 3.11 or newer.

PYTHON ?= python3
BIN := .venv/bin
COLAB := .venv-colab/bin
CLOUD := .venv-cloud/bin

# A progress bar is no result: left out wherever outputs are compared or published.
book notebooks test colab: export LABS_PROGRESS = off
# Threads that wait leave the core to others. Else small operations take many times longer on a busy machine.
book notebooks test colab: export OMP_WAIT_POLICY = passive

.PHONY: help book lab train serve pdf epub zip notebooks test colab lint check bench address clean
help:
	@sed -n 's/^# \(make.*\)/\1/p' Makefile

.venv/.installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'expected Python 3.11 or newer, got '"$$($(PYTHON) --version 2>&1)"'; name one: make PYTHON=/path/to/python3.12 …'; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { rm -rf .venv; echo 'could not make .venv; on Debian and Ubuntu: apt-get install python3-venv'; exit 1; }
	$(BIN)/python -m pip install --quiet -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

# A second environment, with Google Colab's versions: the chapters and the widgets must work there too.
.venv-colab/.installed: tests/colab/requirements.txt pyproject.toml
	@$(PYTHON) -m venv .venv-colab || { rm -rf .venv-colab; exit 1; }
	$(COLAB)/python -m pip install --quiet -r tests/colab/requirements.txt
	$(COLAB)/python -m pip install --quiet --no-deps --editable .
	@$(COLAB)/python -c 'import matplotlib.font_manager'
	@touch $@

# A third one, with what checks the files for the cloud: it asks for other versions of what the book stands on.
.venv-cloud/.installed: tests/cloud/requirements.txt
	@$(PYTHON) -m venv .venv-cloud || { rm -rf .venv-cloud; exit 1; }
	$(CLOUD)/python -m pip install --quiet --no-compile -r tests/cloud/requirements.txt
	@touch $@

# Matplotlib says so on stderr when its list of fonts takes long, and a page that says something there fails: so it is made first.
book: .venv/.installed
	@$(BIN)/python -c 'import matplotlib.font_manager'
	$(BIN)/jupyter-book build book --config _config.yml --toc "$(CURDIR)/_toc.yml" --path-output . -W --keep-going
	@echo 'Open _build/html/index.html'

lab: .venv/.installed
	cd book && ../$(BIN)/jupyter lab

train: .venv/.installed
	$(BIN)/python -m labs.gpt _build/train --layers 2 --width 128 --heads 4 --context 128 --optimizer muon \
	  --steps 500 --save-every 50 --evaluate-every 100 $(TRAIN)

serve: .venv/.installed
	@$(BIN)/python -m labs.serve $(SERVE)

# The book to take along, in _build/take.
pdf epub zip: book
	$(BIN)/python tools/$(if $(filter zip,$@),site_zip,$@).py

notebooks: .venv/.installed
	$(BIN)/python tools/notebooks.py

# Notebooks are compared strictly: what a cell prints now must be what the file holds, but for numbers after ≈.
# Two processes share the files, the longest first: a file's tests, and a notebook's cells, stay in one.
test: export COLAB_PYTHON = $(CURDIR)/$(COLAB)/python
test: export CLOUD_PYTHON = $(CURDIR)/$(CLOUD)/python
test: book pdf epub zip .venv-colab/.installed .venv-cloud/.installed
	$(BIN)/python tools/find_slurm.py
	CHROMIUM="$$($(BIN)/python tools/find_chromium.py)" && export CHROMIUM && \
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder --nbval --nbval-current-env --nbval-cell-timeout=600 \
	  --nbval-sanitize-with tests/nbval_sanitize.cfg tests book

# The part of `test` that depends on Colab's versions, whichever tests/colab/requirements.txt names.
colab: export COLAB_PYTHON = $(CURDIR)/$(COLAB)/python
colab: book .venv-colab/.installed
	CHROMIUM="$$($(BIN)/python tools/find_chromium.py)" && export CHROMIUM && \
	$(BIN)/python -m pytest tests/colab tests/browser/test_chapters.py -k 'not same_torch and not own-'

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check: lint test

bench: book
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/scaling.py
	$(BIN)/python benchmarks/gpt.py
	$(BIN)/python benchmarks/serve.py
	CHROMIUM="$$($(BIN)/python tools/find_chromium.py)" $(BIN)/python benchmarks/pages.py
	$(BIN)/python benchmarks/report.py

address:
	$(PYTHON) tools/set_address.py "$(URL)"

clean:
	rm -rf _build .venv .venv-colab .venv-cloud
