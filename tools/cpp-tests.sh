#!/bin/sh
# Builds and runs the C++ contract tests of tests/cpp:   tools/cpp-tests.sh [--sanitize|--arm64]
# --arm64: for 64-bit ARM, under an emulator: what every processor but x86-64 runs.
# Prints "cpp: N passed, N failed" (and the skipped ones, if any) at the end.
set -u
cd "$(dirname "$0")/.." || exit 1
R_LIBS="$PWD/.lib${R_LIBS:+:$R_LIBS}"
export R_LIBS
dir=build-cpp options='-DSANITIZE=OFF' run=
case ${1:-} in
  --sanitize) dir=build-cpp-asan options='-DSANITIZE=ON' ;;
  --arm64)
    dir=build-cpp-arm64 run='qemu-aarch64 -L /usr/aarch64-linux-gnu'
    options='-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64'
    options="$options -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DGTEST_SOURCE=/usr/src/googletest"
    options="$options -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc"
    ;;
esac

finish() {
  echo "cpp: $1 passed, $2 failed${3:+, $3 skipped}"
  [ "$2" -eq 0 ]
  exit
}

# shellcheck disable=SC2086  # a list of words
configure() { cmake -S tests/cpp -B "$dir" $options >"$dir/configure.log" 2>&1; }

mkdir -p "$dir"
# A directory configured elsewhere, or by another cmake, is started afresh once.
configure || { rm -rf "$dir" && mkdir -p "$dir" && configure; } || {
  if grep -q GTEST "$dir/configure.log"; then
    echo "C++ contract tests skipped: GoogleTest is missing (Debian: libgtest-dev)."
    finish 0 0 1
  fi
  cat "$dir/configure.log"
  finish 0 1
}
if ! cmake --build "$dir" -j2 >"$dir/build.log" 2>&1; then
  grep -E 'error|Error|undefined' "$dir/build.log" || tail -n 40 "$dir/build.log"
  finish 0 1
fi
grep -A4 'warning:' "$dir/build.log" | head -n 60

# symbolize=0: the symboliser needs minutes for Eigen's names; the address is in the report.
ASAN_OPTIONS=detect_leaks=1:symbolize=0 UBSAN_OPTIONS=halt_on_error=1:symbolize=0 \
  $run "$dir/hdlmm_cpp_tests" --gtest_color=no >"$dir/test.log" 2>&1
status=$?

count() { sed -n "s/^\[  $1 *\] \([0-9]*\) test.*/\1/p" "$dir/test.log" | tail -n 1; }

passed=$(count PASSED) failed=$(count FAILED) skipped=$(count SKIPPED)
if [ -z "$passed" ]; then
  # It crashed on the way: the last test begun is the culprit.
  tail -n 30 "$dir/test.log"
  echo "All of it is in $dir/test.log"
  finish "$(grep -c '^\[       OK \]' "$dir/test.log")" $((${failed:-0} + 1)) "$skipped"
fi
if [ "$status" -ne 0 ]; then
  grep -vE '^\[( +OK | *-+| *=+)' "$dir/test.log" | head -n 200
  # A leak found at exit fails no test but fails the run.
  [ -n "$failed" ] || failed=1
fi
finish "$passed" "${failed:-0}" "$skipped"
