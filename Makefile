# Thin names for what scripts/ does.
PREFIX ?= /usr/local

.PHONY: quickstart build test bench format lint install clean

quickstart: build ## The main job on real data, step by step
	scripts/quickstart.sh

build: ## The release binaries
	scripts/bootstrap.sh
	scripts/build.sh

test: ## All tests, those with real processes and foreign clients included
	scripts/bootstrap.sh --tests
	scripts/test.sh

bench: build ## Speed and memory, as ratios against peers in one run
	scripts/bootstrap.sh --bench
	scripts/bench.sh

format: ## Formats the Swift sources
	swift format --in-place --recursive --parallel Package.swift Sources Tests

lint: ## Checks the format
	swift format lint --strict --recursive --parallel Package.swift Sources Tests

install: build ## Installs below PREFIX
	install -D -m 755 .build/release/assay $(DESTDIR)$(PREFIX)/bin/assay
	install -D -m 755 .build/release/assay-evaluator $(DESTDIR)$(PREFIX)/libexec/assay/assay-evaluator
	install -D -m 644 .cache/onnxruntime/libonnxruntime.so $(DESTDIR)$(PREFIX)/lib/assay/libonnxruntime.so

clean:
	rm -rf .build .cache .quickstart
