# Every target sets up what it needs: .venv, from requirements.lock.
# A set-up that has nothing to do takes a fraction of a second.

PYTHON ?= python3
SEED ?= 0
ARGS ?=
ifndef TASK
TASK := three robots drive to the red, green and blue pads without touching each other
endif

VENV := .venv/bin
# Only a Python that somebody asked for replaces the one .venv was made from.
SETUP := $(PYTHON) -m metabot.setup$(if $(filter file default,$(origin PYTHON)),, --this-python)

# The second act, where nobody asked for another sentence.
ARMS := --family grasp-place --robots 2 --resume models/ridge-dynamics-grasp-place --rounds 0 --episodes 2 --trials 32 --quick

# A sentence reaches the shell as data: the environment is not read as code.
unexport TASK SEED
export METABOT_DEMO_TASK = $(value TASK)
export METABOT_DEMO_SEED = $(value SEED)

.PHONY: help setup demo test bench lint format lock doctor clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  make demo TASK="..." SEED=1    another sentence, another seed'
	@echo '  make test ARGS="-k simulator"  words for pytest; likewise for bench'
	@echo '  make PYTHON=python3.12 setup   another Python'

setup: ## make .venv ready, doing only what changed
	@$(SETUP)

demo: setup ## run the main job: a sentence, a fleet that learns to learn, robots that drive
	@$(VENV)/metabot demo "$$METABOT_DEMO_TASK" --seed "$$METABOT_DEMO_SEED"
	$(if $(filter file,$(origin TASK)),@echo; $(VENV)/metabot demo $(ARMS) --seed "$$METABOT_DEMO_SEED")

# The tests share the cores; those that start fleets run one after the other.
test: setup ## run the tests
	@OMP_NUM_THREADS=1 $(VENV)/python -m pytest $(if $(strip $(ARGS)),$(ARGS),--numprocesses auto --dist loadgroup)

bench: setup ## run the benchmarks
	@$(VENV)/metabot bench $(ARGS)

lint: setup ## check style, format and types
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/mypy

format: setup ## put the code into its format
	@$(VENV)/ruff check --fix .
	@$(VENV)/ruff format .

lock: ## write requirements.lock from pyproject.toml; ARGS=--upgrade takes newer versions
	@$(PYTHON) -m metabot.setup lock $(ARGS)

doctor: ## say what this machine has and how to mend what is missing
	@$(PYTHON) -m metabot.setup doctor $(ARGS)

clean: ## remove .venv and everything built; runs/ stays
	rm -rf .venv build dist *.egg-info ros2_ws/build ros2_ws/install ros2_ws/log
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
