#!/bin/sh
# clang-format over our C++ files:   tools/format.sh [--check]
set -u
cd "$(dirname "$0")/.." || exit 1
if ! command -v clang-format >/dev/null; then
  echo "clang-format is missing: run tools/deps.sh dev"
  exit 1
fi

# find runs nothing when there is no file; clang-format alone would wait for its standard input.
run() {
  find src tests/cpp -type f \( -name '*.cpp' -o -name '*.hpp' -o -name '*.h' \) \
    ! -name RcppExports.cpp -exec clang-format --style=file "$@" {} +
}

if [ "${1:-}" != --check ]; then
  run -i
  exit
fi
found=$(run --dry-run -Werror 2>&1) && exit 0
echo "$found" | sed -n 's/^\([^:]*:[0-9]*\):[0-9]*: error: .*/\1/p' | uniq
echo "clang-format would change the lines above: run make format."
exit 1
