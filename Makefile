# Two commands for people: make demo, make test. The others are their parts.
.DEFAULT_GOAL := help
SHELL := /bin/sh

BIN := .venv/bin
COLLECTION := collections/ansible_collections/coulomb/sandboxer
HOST_LIBRARY := $(COLLECTION)/plugins/module_utils/host
PYTEST := $(BIN)/python -m pytest
PAGES := $(patsubst tests/docs/test_%.py,pages-%,$(wildcard tests/docs/test_*.py))
FIRST_PAGES := pages-readme
LONGEST := faults-trouble faults-maker faults-kill
FAULTS := $(patsubst tests/faults/test_%.py,faults-%,$(wildcard tests/faults/test_*.py))
# So many at once; below another of these, as many as that one has left.
beside = +@$(MAKE) --no-print-directory --output-sync=target $(if $(findstring jobserver,$(MAKEFLAGS)),,-j $(1))

.PHONY: help setup demo e2e test lint types docs changelog changelog-lint artifact collection sanity hooks generate unit unit-program machine faults soak pages pages-first pages-more prove lab-up lab-down stand-ins lab h2-and-old-core bench compose-corpus old-core

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv with everything in it
	@scripts/setup.sh

demo: setup ## See a real sandbox made, answering and taken away on this machine
	@scripts/demo.sh

# The recipe's shell reads the variables from its environment, so that their words stay words. Make
# says the program's status in its last line and ends with 2 itself.
e2e: setup ## Validate a repository: REPO=path, and INVENTORY= HOST= KEEP= PROFILE= as options
	@$(BIN)/validate run $${INVENTORY:+--inventory "$$INVENTORY"} $${HOST:+--host "$$HOST"} \
		$${KEEP:+--keep "$$KEEP"} $${PROFILE:+--profile "$$PROFILE"} -- "$${REPO:?say which: REPO=path}"

# Unit tests listen on loopback, and tests of this machine look at all that listens here: not beside
# each other. The collection's units are run by sanity, on two Pythons.
test: machine /usr/sbin/sshd ## Run every test; sets up what they need (root)
	$(call beside,3) faults lab-up stand-ins lint types unit-program
	$(call beside,5) lab sanity collection docs
	@echo "not in here, it takes too long for each time: make soak"

lint: setup changelog-lint ## Style of Python, Ansible and shell
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/shellcheck scripts/*.sh tests/corpus/image/*.sh tests/corpus/image/root/usr/local/bin/*.sh tests/corpus/image/root/opt/bin/*.sh tests/corpus/image/root/taiga-back/docker/*.sh tests/faults/*.sh tests/bench/*.sh sandboxer_cli/doctor/*.sh .ci/run
	PATH="$$PWD/$(BIN):$$PATH" $(BIN)/ansible-lint -q --nocolor

types: setup ## Types, strictly
	$(BIN)/mypy
	MYPYPATH=collections $(BIN)/mypy --python-version 3.10 $(HOST_LIBRARY)
	MYPYPATH=collections $(BIN)/mypy --allow-subclassing-any --no-warn-return-any $(COLLECTION)/plugins/action

docs: setup ## The documentation, into build/docs; a broken link is an error
	install -d -m 755 docs/reference/collection
	PATH="$(CURDIR)/$(BIN):$$PATH" ANSIBLE_COLLECTIONS_PATH=collections antsibull-docs collection --use-current \
		--squash-hierarchy --cleanup everything --dest-dir docs/reference/collection coulomb.sandboxer
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env docs build/docs

sanity: setup ## ansible-test: sanity, and units on the oldest and the newest Python
	@nice $(BIN)/python -m scripts.sanity

collection: setup ## The collection's docs, and its artifact: built twice, imported, run by itself
	cd $(COLLECTION) && PATH="$(CURDIR)/$(BIN):$$PATH" antsibull-docs lint-collection-docs --plugin-docs .
	$(PYTEST) tests/collection

artifact: setup ## Build the collection into dist/
	@$(BIN)/python -m scripts.artifact dist

changelog: setup ## Write the collection's CHANGELOG of this version from its fragments
	cd $(COLLECTION) && PATH="$(CURDIR)/$(BIN):$$PATH" antsibull-changelog release

changelog-lint: setup
	cd $(COLLECTION) && $(CURDIR)/$(BIN)/antsibull-changelog lint

hooks: setup ## Have git run the checks before a commit and a push
	$(BIN)/pre-commit install

generate: setup ## Write what is generated: docs/reference, the surveys of awx
	$(BIN)/python -c 'from pathlib import Path; from sandboxer_cli import contract; contract.write(Path("docs/reference"))'
	$(BIN)/python -m scripts.reference docs/reference
	$(BIN)/python -c 'from pathlib import Path; from sandboxer_cli import surveys; surveys.write(Path("$(COLLECTION)"), Path("awx/surveys"))'

# Host keys and refusals are tried on a real one. Without it those tests fail for root, and are
# skipped for others.
/usr/sbin/sshd:
	[ "$$(id -u)" != 0 ] || { apt-get update -qq && apt-get install -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends openssh-server; }

unit: unit-program ## Tests that need no prepared machine
	$(PYTEST) -n 2 $(COLLECTION)/tests/unit

unit-program: setup /usr/sbin/sshd
	$(PYTEST) -n 2 -m 'not soak' tests/unit

machine: setup ## Prepare this machine, as `make demo` does
	@$(BIN)/sandboxer host prepare --fix-engine

faults: machine ## The host program under SIGKILL, races and trouble; what pages type (podman, root)
	$(call beside,2) $(LONGEST) pages-first $(filter-out $(LONGEST),$(FAULTS))

faults-%:
	tests/faults/private.sh $(PYTEST) -m 'not soak' tests/faults/test_$*.py

soak: machine lab-up pages-more ## The tests that take too long for each `make test` (podman, root)
	$(PYTEST) -n 2 -m soak tests/unit
	tests/faults/private.sh $(PYTEST) -m soak tests/faults
	$(PYTEST) -m soak tests/lab

pages: machine pages-first pages-more ## What pages type, typed on a private machine (podman, root)

pages-first: $(FIRST_PAGES)

pages-more: $(filter-out $(FIRST_PAGES),$(PAGES))

pages-%:
	tests/faults/private.sh $(PYTEST) tests/docs/test_$*.py

prove: machine ## Take each protection away and see its test fail; ROWS=word for some (podman, root)
	@$(BIN)/python -m tests.prove $(ROWS)

lab-up: setup ## Start the lab's hosts (root)
	@$(BIN)/python -m tests.lab up

lab-down: ## Take the lab's hosts away
	@$(BIN)/python -m tests.lab down

# once, before each host's tests want them
stand-ins: lab-up
	@$(BIN)/python -m tests.corpus images >/dev/null

lab: machine lab-up stand-ins ## Tests on this machine and on the lab's hosts
	$(call beside,5) on-h1 h2-and-old-core on-h3 on-h4 on-here
	$(PYTEST) -m 'whole_lab and not soak' tests/lab

bench: lab-up ## Time create and destroy beside what others would type; RUNS=7
	@$(BIN)/python -m tests.bench $(if $(RUNS),--runs $(RUNS))
	@$(BIN)/python -m tests.bench.validation
	@$(BIN)/python -m tests.bench.outbox

h2-and-old-core:
	+@$(MAKE) on-h2 && $(MAKE) old-core

compose-corpus: ## Try stacks of the shape of real ones, and say how each ended; HOSTS="h1 h2 h3"
	@$(BIN)/python -m tests.corpus shapes $(HOSTS)
	@$(BIN)/python -m tests.corpus makers $(HOSTS)

on-%:
	$(PYTEST) -m '$* and not soak' tests/lab

old-core: lab-up ## The doors once more, with the oldest ansible-core that is supported
	@scripts/setup.sh .venv-old 2.19.14
	SANDBOXER_TEST_BIN=.venv-old/bin $(PYTEST) -m h2 tests/lab/test_create.py -k 'by_the or cancelled'
