# Shoal's build. `make help` lists the targets; V=1 shows the commands.
#
# VARIANT=release|asan|tsan|fuzz picks flags and an object folder of its own: build/VARIANT.
# Jobs run in parallel unless -j says how many.

VARIANT  ?= release
BUILD    ?= build/$(VARIANT)
PREFIX   ?= /usr/local
DESTDIR  ?=
VERSION  := 1.0.0
Q        := $(if $(V),,@)
PYTHON   ?= python3

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif
ifeq ($(origin CXX),default)
CXX := g++
endif

# DEBUG=1 adds debug information to a release build, which makes it twenty times as large. Sanitizers always
# have line numbers, for their reports.
SYMBOLS  := $(if $(DEBUG),-g,$(if $(filter release,$(VARIANT)),,-g1))
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
CPPFLAGS += -Iinclude -Isrc -DSHOAL_VERSION='"$(VERSION)"' -D_FILE_OFFSET_BITS=64
CXXFLAGS += -std=c++20 $(SYMBOLS) -pthread -fPIE -fstack-protector-strong -fstack-clash-protection \
            -fcf-protection $(WARNINGS) -MMD -MP
LDFLAGS  += -pthread -pie -Wl,-z,relro,-z,now,-z,noexecstack
LDLIBS   += -lboost_program_options

# Fuzz targets are driven by libFuzzer where clang++ has it, else by a seeded loop of our own.
DRIVER   := tests/fuzz/driver/seeded_loop.cpp

# What GCC's flow analysis sees in std::string once its header is precompiled, and with sanitizers: faults that are none.
GCC_ONLY := -Wno-stringop-overread -Wno-stringop-overflow $(if $(filter release,$(VARIANT)),,-Wno-maybe-uninitialized)
CXXFLAGS += $(GCC_ONLY)
ifeq ($(VARIANT),release)
CXXFLAGS += -O2
CPPFLAGS += -D_FORTIFY_SOURCE=2 -D_GLIBCXX_ASSERTIONS
else ifeq ($(VARIANT),asan)
CXXFLAGS += -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
LDFLAGS  += -fsanitize=address,undefined
CPPFLAGS += -D_GLIBCXX_ASSERTIONS
else ifeq ($(VARIANT),tsan)
CXXFLAGS += -O1 -fno-omit-frame-pointer -fsanitize=thread
LDFLAGS  += -fsanitize=thread
CPPFLAGS += -D_GLIBCXX_ASSERTIONS
else ifeq ($(VARIANT),fuzz)
CXXFLAGS += -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
LDFLAGS  += -fsanitize=address,undefined
ifeq ($(shell sh tests/fuzz/has-libfuzzer.sh),yes)
CXX      := clang++
CXXFLAGS := $(filter-out $(GCC_ONLY),$(CXXFLAGS))
CXXFLAGS += -fsanitize=fuzzer-no-link -fsanitize-ignorelist=tests/fuzz/ignore.txt
LDFLAGS  += -fsanitize=fuzzer
DRIVER   :=
endif
else
$(error VARIANT is release, asan, tsan or fuzz)
endif

SOURCES  := $(filter-out src/main.cpp,$(wildcard src/*/*.cpp src/*/*/*.cpp))
LIBRARY  := $(BUILD)/libshoal.a
SHOAL    := $(if $(filter build/release,$(BUILD)),shoal,$(BUILD)/shoal)
objects   = $(patsubst %.cpp,$(BUILD)/%.o,$(1))

# ThreadSanitizer has nothing to look for in one thread: neither in most unit tests nor in the simulator.
THREADED  = $(shell grep -lE '<thread>|test_peer|test_gateway' tests/unit/*.cpp)
UNIT     := $(call objects,$(if $(filter tsan,$(VARIANT)),$(THREADED),$(wildcard tests/unit/*.cpp)) \
                           $(wildcard tests/support/*.cpp))
SIM      := $(call objects,$(wildcard tests/sim/*.cpp) tests/support/catch_main.cpp)
FUZZ     := $(patsubst tests/fuzz/%.cpp,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.cpp))
BENCHES  := $(patsubst tests/bench/%.cpp,$(BUILD)/bench/%,$(wildcard tests/bench/*.cpp))
TESTS    := $(SHOAL) $(BUILD)/unit-tests $(if $(filter tsan,$(VARIANT)),,$(BUILD)/sim-tests)
RUN      := $(PYTHON) tests/run.py
# Another make, once deps has run; and one of another variant, in that one's own folder.
AGAIN     = $(MAKE) --no-print-directory
variant   = $(AGAIN) VARIANT=$(1) BUILD=build/$(1)

.PHONY: all deps demo demo-ftp run programs tests-alone fuzzers test test-long asan tsan fuzz bench bench-ftp bench-links headers tidy lint format install \
        uninstall clean help
.DELETE_ON_ERROR:
.SUFFIXES:
.PRECIOUS: $(BUILD)/%.o $(BUILD)/precompiled/%.hpp $(BUILD)/precompiled/%.hpp.gch

all: $(SHOAL)  ## build ./shoal

help:  ## this list
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

# Object files and programs -------------------------------------------------------------------

define link
@mkdir -p $(@D)
@$(if $(V),,echo "  LD   $@")
$(Q)$(CXX) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LDLIBS)
endef

# Most tests wait for something else, and Catch's macros take the optimizer most of the time; but the
# simulator computes, and benchmarks measure. Catch's own main needs its header anew.
PLAIN    := -O0 -U_FORTIFY_SOURCE
FAST     := $(if $(filter release,$(VARIANT)),tests/sim/% tests/bench/%)
plain     = $(if $(filter-out $(FAST),$(filter tests/%,$(1))),$(PLAIN))
prefix    = -include $(BUILD)/precompiled/$(if $(call plain,$(1)),tests,src).hpp

$(BUILD)/%.o: %.cpp | $(BUILD)/precompiled/src.hpp.gch $(BUILD)/precompiled/tests.hpp.gch
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CXX  $<")
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(call plain,$<) $(if $(findstring catch_main,$<),,$(call prefix,$<)) -c -o $@ $<

$(BUILD)/precompiled/src.hpp: src/precompiled.hpp
$(BUILD)/precompiled/tests.hpp: tests/support/precompiled.hpp
$(BUILD)/precompiled/%.hpp:
	@mkdir -p $(@D)
	$(Q)echo '#include "$<"' > $@

$(BUILD)/precompiled/%.hpp.gch: $(BUILD)/precompiled/%.hpp src/precompiled.hpp tests/support/precompiled.hpp
	@$(if $(V),,echo "  PCH  $@")
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(if $(findstring /tests.hpp,$@),$(PLAIN)) -I. -x c++-header -o $@ $<

# Each header alone, without what is precompiled; a stamp says that it was good.
$(BUILD)/headers/%.ok: %
	@mkdir -p $(@D)
	@$(if $(V),,echo "  ALONE $<")
	$(Q)$(CXX) $(CPPFLAGS) -std=c++20 -Wall -Wextra -Werror -MMD -MP -MF $@.d -MT $@ -fsyntax-only \
	    -include $< -x c++ /dev/null
	$(Q)touch $@

$(LIBRARY): $(call objects,$(SOURCES))
	@$(if $(V),,echo "  AR   $@")
	$(Q)rm -f $@ && ar rcs $@ $^

$(SHOAL): $(BUILD)/src/main.o $(LIBRARY)
	$(link)

$(BUILD)/unit-tests: $(UNIT) $(LIBRARY)
	$(link)

$(BUILD)/sim-tests: $(SIM) $(LIBRARY)
	$(link)

$(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(LIBRARY)
	$(link)

$(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(call objects,$(DRIVER)) $(LIBRARY)
	$(link)

programs: $(TESTS) $(FUZZ)
tests-alone: $(TESTS)
fuzzers: $(FUZZ)

# What people run -----------------------------------------------------------------------------

# '+' hands the jobs on: make does not see its own name behind a variable.
deps:  ## install through apt what is missing
	$(Q)EXTRA="$(EXTRA)" sh tests/support/install-deps.sh

run: all  ## the peer, with a prompt
	./$(SHOAL)

demo: deps  ## a real file from four hosts at once, one of them killed midway
	+$(Q)$(AGAIN) all
	$(Q)$(PYTHON) tests/support/demo.py ./$(SHOAL)

demo-ftp: deps  ## a file put at one host by an FTP client, got at another
	+$(Q)$(AGAIN) all
	$(Q)$(PYTHON) tests/support/demo_ftp.py ./$(SHOAL)

test: deps  ## everything that takes minutes: unit, simulator, fuzz corpus, rules, real processes
	+$(Q)$(AGAIN) programs
	$(Q)$(RUN) test --build $(BUILD) --shoal $(SHOAL)

test-long: deps  ## the same under sanitizers, 200 kills, files over 4 GiB, fuzzing
	+$(Q)$(AGAIN) programs headers
	+$(Q)$(call variant,asan) tests-alone
	+$(Q)$(call variant,tsan) tests-alone
	+$(Q)$(call variant,fuzz) fuzzers
	$(Q)$(RUN) long --build $(BUILD) --shoal $(SHOAL)

asan: deps  ## build and test with AddressSanitizer and UBSan
tsan: deps  ## build and test with ThreadSanitizer
asan tsan:
	+$(Q)$(call variant,$@) tests-alone
	$(Q)$(RUN) $@

fuzz: deps  ## fuzz every decoder for FUZZ_SECONDS (60) each
	+$(Q)$(call variant,fuzz) fuzzers
	$(Q)$(RUN) fuzz

bench: deps  ## speed and memory beside a limit measured in the same run, then bench-links (an hour)
	+$(Q)$(AGAIN) all $(BENCHES)
	$(Q)$(PYTHON) tests/bench/run.py --build $(BUILD) --shoal $(SHOAL)
	$(Q)$(PYTHON) tests/bench/load.py --build $(BUILD) --shoal $(SHOAL)
	$(Q)$(PYTHON) tests/bench/json_gateway.py --build $(BUILD) --shoal $(SHOAL)
	+$(Q)$(AGAIN) bench-links

bench-links: deps  ## the last part of it: swarms over shaped links, in network namespaces, beside other programs
	+$(Q)$(AGAIN) all $(BENCHES)
	$(Q)$(PYTHON) tests/bench/run_links.py --build $(BUILD) --shoal $(SHOAL) --write docs

bench-ftp: deps  ## the FTP gateway under load, beside other servers where they are installed
	+$(Q)$(AGAIN) all $(BENCHES)
	$(Q)$(PYTHON) tests/bench/ftp.py --build $(BUILD) --shoal $(SHOAL)

headers: $(patsubst %,$(BUILD)/headers/%.ok,$(filter-out src/precompiled.hpp,$(shell find include src -name '*.hpp')))  ## each header compiles alone

tidy: deps  ## the project's rules: layers, functions' sizes, words, documents
	$(Q)$(PYTHON) tests/tidy/tidy.py

lint:  ## clang-tidy, where it is installed
	$(Q)command -v clang-tidy >/dev/null || { echo "make lint: clang-tidy is not installed" >&2; exit 1; }
	$(Q)printf '%s\n' $(SOURCES) src/main.cpp | xargs -P $$(nproc) -I '{}' \
	    clang-tidy --quiet '{}' -- $(CPPFLAGS) -std=c++20

format:  ## clang-format over all C++
	$(Q)find include src tests -name '*.[ch]pp' -o -name '*.inc' | xargs clang-format -i

install: all  ## into $DESTDIR$PREFIX
	install -D -m 755 $(SHOAL) $(DESTDIR)$(PREFIX)/bin/shoal
	install -D -m 644 docs/shoal.1 $(DESTDIR)$(PREFIX)/share/man/man1/shoal.1
	install -D -m 644 docs/shoal.bash-completion \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/shoal

uninstall:  ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/shoal $(DESTDIR)$(PREFIX)/share/man/man1/shoal.1 \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/shoal

clean:  ## remove what was built
	rm -rf build shoal

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
