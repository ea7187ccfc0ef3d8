# A thin front: meson and ninja do the work.  On a fresh machine every target first installs what
# is missing (tools/setup).

B	?= build
ASAN	?= build-asan
TSAN	?= build-tsan
FUZZ	?= build-fuzz
SECONDS	?= 60
FAULTS	?= 600

.PHONY: all setup build check demo bench lint asan tsan fuzz verdicts install clean

all: build

setup:
	@tools/setup

$(B)/build.ninja: | setup
	@meson setup $(B) --buildtype=release >/dev/null

build: setup $(B)/build.ninja
	@ninja -C $(B) --quiet

check: build
	@tools/setup --programs
	@tools/run-tests $(B)

demo: build
	@examples/demo.sh $(B)

bench: build
	@ninja -C $(B) --quiet bench/bench
	@$(B)/bench/bench --json $(B)/bench.json $(BENCH_ARGS)

lint: build
	@tools/lint $(B)

asan: setup
	@test -f $(ASAN)/build.ninja || CC=clang meson setup $(ASAN) --buildtype=debugoptimized \
		-Db_sanitize=address,undefined -Db_lundef=false >/dev/null
	@ninja -C $(ASAN) --quiet
	@tools/run-tests $(ASAN)

tsan: setup
	@test -f $(TSAN)/build.ninja || CC=clang meson setup $(TSAN) --buildtype=debugoptimized \
		-Db_sanitize=thread -Db_lundef=false >/dev/null
	@ninja -C $(TSAN) --quiet
	@tools/run-tests $(TSAN) --suite concurrent

fuzz: build
	@test -f $(FUZZ)/build.ninja || CC=clang meson setup $(FUZZ) --buildtype=debugoptimized \
		-Db_sanitize=address,undefined -Db_lundef=false -Dfuzz=true >/dev/null
	@ninja -C $(FUZZ) --quiet
	@tools/run-fuzzers $(FUZZ) $(SECONDS)
	@tools/run-soundness $(FUZZ) $(SECONDS)
	@$(FUZZ)/tests/fuzz/map-differ --seed $$(date +%s)00000 --seconds $(SECONDS)
	@tools/run-faults $(B) $(FAULTS)

# Agreement with the host kernel on its own selftests; what it needs is cached outside the tree.
verdicts: build
	@tools/verdicts $(VERDICTS_ARGS) $(B)

install: build
	@meson install -C $(B) --quiet

clean:
	@rm -rf $(B) $(ASAN) $(TSAN) $(FUZZ)
