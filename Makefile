# Every target does its own set-up; tests/run.py does the work with the system's Python alone.
PYTHON ?= python3
RUN = $(PYTHON) -B tests/run.py

.DEFAULT_GOAL := help
.PHONY: help check test test-long fuzz benchmark reliability demo demo-down format clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | awk -F'|' '{ printf "make %-11s %s\n", $$1, $$2 }'

check: ## the fast loop, a few minutes: lint, types, contract and unit tests (ONLY=text picks steps)
	@$(RUN) check $(if $(ONLY),--only "$(ONLY)")

test: ## every check: check, other Pythons, ansible-test, the built collection, the lab (ONLY=text picks steps)
	@$(RUN) test $(if $(ONLY),--only "$(ONLY)")

test-long: ## what takes longer than make test may; its results are recorded in docs
	@$(RUN) test-long $(if $(ONLY),--only "$(ONLY)")

fuzz: ## every parser and the whole plan against generated input (CASES=1000000 asks for so many new cases a test)
	@$(if $(CASES),NOVA_PCI_FUZZ_CASES=$(CASES)) $(RUN) test --only fuzz

benchmark: ## measure anew what docs/performance.md says; hours (ONLY=text picks steps; PEERS="NAME=PATH ..." for peers)
	@$(if $(PEERS),NOVA_PCI_PEERS="$(PEERS)") $(RUN) benchmark $(if $(ONLY),--only "$(ONLY)")

reliability: ## bring the table of docs/reliability.md up to date with what the kept runs have tried
	@$(RUN) reliability

demo: ## from a bare host to an OpenStack server that prints the PCI devices it holds
	@$(RUN) demo

demo-down: ## remove everything that the demo started
	@$(RUN) demo-down

format: ## let ruff lay out the code and mend what it can
	@$(RUN) format

clean: ## remove what the tools left in the checkout
	@$(RUN) clean
