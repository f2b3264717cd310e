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
FLAGS_asan    := -O1 -g -fPIE -DWEIR_DEBUG -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan    := -O1 -g -fPIE -DWEIR_DEBUG -fsanitize=thread
FLAGS_cover   := -O0 -g -fPIE -DWEIR_DEBUG --coverage
FLAGS_fuzz    := -O1 -g -fPIE -DWEIR_DEBUG -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all

ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -Isrc -pthread -fvisibility=hidden \
	-fno-omit-frame-pointer $(WARN) \
	$(if $(findstring clang,$(CC)),$(WARN_CLANG),$(WARN_GCC)) $(FLAGS_$(PRESET)) $(CFLAGS)
ALL_LDFLAGS = -pie -pthread -Wl,-z,relro,-z,now $(filter -fsanitize% --coverage -g,$(FLAGS_$(PRESET))) \
	$(LDFLAGS)
LIBS := -lyaml -lpcap -lmicrohttpd

# --- What is built -----------------------------------------------------------------------------

SRC      := $(sort $(wildcard src/*/*.c))
OBJ      := $(SRC:%.c=$(B)/%.o)
LIB_OBJ  := $(filter-out $(B)/src/app/main.o,$(OBJ))
UNIT_SRC := $(sort $(wildcard test/unit/*/*_test.c))
UNIT     := $(UNIT_SRC:%.c=$(B)/%)

.DEFAULT_GOAL := all
.SECONDARY:
.DELETE_ON_ERROR:

all: $(B)/weir $(B)/goflow2 ## build weir (and its other name, goflow2)

$(B)/weir: $(OBJ)
	@echo "  LINK $@"
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(ALL_LDFLAGS) $(LIBS)

$(B)/goflow2: | $(B)/weir
	ln -sf weir $@

$(B)/libweir.a: $(LIB_OBJ)
	@echo "  AR   $@"
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC   $@"
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/src/app/version.o: ALL_CFLAGS += -DWEIR_VERSION='"$(VERSION)"'

$(B)/test/unit/%: $(B)/test/unit/%.o $(B)/libweir.a
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(ALL_LDFLAGS) $(LIBS) -lcmocka

-include $(OBJ:.o=.d) $(UNIT:=.d)

.PHONY: all unit clean

unit: $(UNIT) ## run the unit tests of this preset
	@set -e; for t in $(UNIT); do $$t; done

clean: ## remove everything built
	rm -rf build
