MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
# Packages that Debian lacks, and this one, live in the private library .lib.
export R_LIBS := $(CURDIR)/.lib$(if $(R_LIBS),:$(R_LIBS))
# Options of bench/speed.R.
BENCH ?= --short
# First seed and number of cases of the fuzz.
SEED ?= 1
CASES ?= 2000

.PHONY: demo test tidymodels fuzz check asan portable bench site docs format lint layers warnings budget install clean help

demo: ## install what is missing, build, analyse the wheat lines
	@tools/deps.sh demo
	@tools/install.sh
	@Rscript tools/demo.R

test: ## run the R and C++ tests (FILTER=name: those R test files only)
	@tools/deps.sh test
	@tools/install.sh
	@OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} Rscript tools/test.R $(FILTER)

tidymodels: ## the tests of the engine for parsnip, in tidymodels from CRAN
	@tools/deps.sh tidymodels
	@tools/install.sh
	@R_LIBS=$(CURDIR)/.lib/tidymodels:$$R_LIBS Rscript tools/test.R tidymodels

fuzz: ## 2000 random models against the laws of the package (SEED=n CASES=n)
	@tools/deps.sh test
	@tools/install.sh
	@HDLMM_FUZZ_SEED=$(SEED) HDLMM_FUZZ_CASES=$(CASES) Rscript tools/test.R fuzz

check: ## R CMD build and R CMD check --as-cran, in build-check
	@tools/deps.sh dev
	@tools/check.sh

asan: ## C++ tests under the address and undefined-behaviour sanitizers
	@tools/deps.sh test
	@tools/cpp-tests.sh --sanitize

portable: ## C++ tests for 64-bit ARM, under an emulator
	@tools/deps.sh portable
	@tools/cpp-tests.sh --arm64

bench: ## speed beside peer packages, short (BENCH=--install: in full, peers fetched)
	@tools/deps.sh test
	@tools/install.sh
	@HDLMM_PEER_LIB=$${HDLMM_PEER_LIB:-$(CURDIR)/.lib/peers} Rscript bench/speed.R $(BENCH)

site: ## the documentation site in build-site, its links followed (pkgdown; no network)
	@tools/deps.sh site
	@tools/install.sh
	@Rscript tools/site.R
	@tools/check-links

docs: ## regenerate RcppExports, NAMESPACE and man/
	@tools/deps.sh dev
	@Rscript tools/docs.R

format: ## clang-format the C++ files in place
	@tools/format.sh

lint: layers ## clang-format, lintr and the include rules; any finding fails
	@tools/format.sh --check
	@Rscript tools/lint.R

layers: ## the include rules of the core, the floors of the R code, no name of a method there
	@tools/check-layers
	@tools/check-floors
	@tools/check-methods

warnings: ## every C++ file by g++ and clang++, warnings as errors (8 minutes of CPU)
	@tools/deps.sh test
	@tools/check-warnings

budget: ## what compiling costs, in units of RcppEigen.h
	@tools/deps.sh demo
	@tools/install.sh
	@tools/check-budget

install: ## build into .lib, with help pages and vignettes
	@tools/deps.sh install
	@tools/install.sh --vignettes

clean: ## remove what was built (the dependencies in .lib stay)
	rm -rf build-* demo-output .lib/hdlmm .lib/.stamp .lib/.build-* *.Rcheck *.tar.gz
	find src -name "*.o" -exec rm -f {} +; rm -f src/*.so

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14
