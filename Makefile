# `make help` lists what can be done. Arguments of `make up` go into ARGS: make up ARGS='--app supertux'.

SHELL := /bin/bash
GO ?= go
BIN := bin/nearlight
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -X main.version=$(VERSION)
ARGS ?=

# NVML's functions are found when they are called, by symbols that stay undefined until then (edge/gpu). Systems that bind
# every symbol at start, as Ubuntu does, would end the program there. Go takes this flag from the environment alone.
export CGO_LDFLAGS ?= -O2 -g -Wl,-z,lazy

# What a session needs to run, and what the build needs.
# pipewire-pulse: desktops that have it exclude PulseAudio's, and need none.
RUNTIME_PACKAGES := xvfb bubblewrap 'pulseaudio|pipewire-pulse' libasound2-plugins libegl1 libgles2 libgl1-mesa-dri libxcb1 libxcb-shm0 fonts-dejavu-core supertux
BUILD_PACKAGES := gcc libc6-dev pkg-config libx264-dev libopenh264-dev libvpx-dev libaom-dev libffmpeg-nvenc-dev libyuv-dev libopus-dev libavcodec-dev libavutil-dev \
	libxcb1-dev libxcb-shm0-dev libxcb-damage0-dev libxcb-xfixes0-dev libxcb-randr0-dev libxcb-xtest0-dev libegl-dev libgles-dev libx11-dev
# sway and xwayland make `--display wayland`; whoever wants it at run time installs them (docs/edge.md).
TEST_PACKAGES := libx265-dev chromium firefox-esr sway xwayland xkb-data supertux extremetuxracer kobodeluxe x11-apps x11-utils pulseaudio pulseaudio-utils wireplumber alsa-utils ffmpeg iproute2 procps pebble postgresql coturn python3-aiortc

# Simulations and arithmetic without a goroutine: there is no race in them to detect, and the detector makes them six times as long. internal/archtest holds them to it.
SEQUENTIAL := ./checker/challenge ./checker/location ./checker/quality ./internal/placement ./signaling/match ./streamer/congestion ./streamer/recovery

WEB_SOURCES := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print)

.DEFAULT_GOAL := help
.PHONY: help up build test test-gpu unit web-test lint fmt generate e2e bench soak asan fuzz install-build install-test clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F ':.*?## ' '{printf "  make %-12s %s\n", $$1, $$2}'

up: build ## Install what is missing, build, and play: prints a link
	$(BIN) up $(ARGS)

build: install-build web/dist/index.html ## Build bin/nearlight with its pages
	@mkdir -p bin
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/nearlight

test: install-build install-test web/dist/index.html lint unit web-test e2e ## Install what is missing and run every check

test-gpu: install-build ## Run what this machine's GPU allows, and say what could not run
	./scripts/test-gpu.sh

unit: web/dist/index.html ## Go tests with the race detector
	$(GO) test -race -timeout 15m $$($(GO) list ./... | grep -vxF "$$($(GO) list $(SEQUENTIAL))")
	$(GO) test -timeout 15m $(SEQUENTIAL)
	CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/nearlight

web-test: web/node_modules/.package-lock.json ## TypeScript types and unit tests
	cd web && npm run typecheck && npm test

e2e: build web/node_modules/.package-lock.json ## Play in a real browser
	cd web && npm run e2e

lint: web/node_modules/.package-lock.json ## Formatting, vet, staticcheck, biome
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "make fmt would change: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	cd web && npm run lint

fmt: web/node_modules/.package-lock.json ## Format everything
	gofmt -w $$(git ls-files '*.go')
	cd web && npm run fmt

generate: ## Make generated files anew
	$(GO) generate ./...

bench: build ## Measure: the packages' benchmarks, then glass to glass and the pipeline
	$(GO) test -run '^$$' -bench . -benchmem ./...
	$(BIN) bench pipeline --json
	$(BIN) bench glass --json

soak: ## One session over changing bad networks for half an hour: memory stays flat, nothing is left; what browsers do about losses; signaling nodes killed for ten minutes, and cut off from each other for ten
	NEARLIGHT_SOAK=30m $(GO) test -run TestSoak -v -timeout 45m ./cmd/nearlight
	NEARLIGHT_CLUSTER_SOAK=10m $(GO) test -run 'TestNodesThatAre(Killed|CutOff)' -v -timeout 30m ./internal/e2e
	NEARLIGHT_EXPERIMENTS=1 $(GO) test -run TestABrowser -v -timeout 10m ./streamer

asan: install-build install-test ## C code of encoders, decoders and the GPU's memory under the address sanitizer
	CFLAGS=-fsanitize=address LSAN_OPTIONS=suppressions=$(CURDIR)/scripts/lsan.txt $(GO) test -asan -timeout 30m ./encoder/... ./edge/capture/wayland/gpubuffer ./internal/cuda ./internal/decode ./internal/opus ./internal/yuv

fuzz: ## Fuzz each decoder of outside bytes for ten seconds
	./scripts/fuzz.sh 10s

web/node_modules/.package-lock.json: web/package-lock.json
	@echo "Installing the pages' build tools (npm ci)"
	cd web && npm ci
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json $(WEB_SOURCES)
	cd web && npm run build
	@touch $@

install-build:
	@./scripts/install-packages.sh $(BUILD_PACKAGES) $(RUNTIME_PACKAGES)

install-test:
	@./scripts/install-packages.sh --idle $(TEST_PACKAGES)

clean: ## Remove what was built
	rm -rf bin build web/dist/assets web/dist/*.html.gz web/dist/index.html web/dist/bench.html
