#!/bin/sh
# Builds the package into the private library .lib; does nothing when nothing changed.
# The build runs on a copy, so that src/ of the checkout stays free of object files, and with R's own
# flags, as users' builds do.
set -eu
cd "$(dirname "$0")/.."
name=$(sed -n 's/^Package: *//p' DESCRIPTION)

sources() {
  for path in DESCRIPTION NAMESPACE R src data inst; do
    [ ! -e "$path" ] || find "$path" -type f ! -name '*.o' ! -name '*.so'
  done | LC_ALL=C sort
}

checksum() {
  { R --version | head -n 1; sources | tr '\n' '\0' | xargs -0 cksum; } | cksum
}

stamp=$(checksum)
if [ -d ".lib/$name" ] && [ "$stamp" = "$(cat .lib/.stamp 2>/dev/null)" ]; then exit 0; fi

mkdir -p .lib
work=$(mktemp -d "$PWD/.lib/.build-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
mkdir "$work/$name" "$work/lib"
costs=${work#"$PWD/"}/costs kept=.lib/.compile-costs # what tools/check-budget weighs
sources | tar -cf - -T - | tar -xf - -C "$work/$name"

echo "Building $name (about a minute the first time) ..."
echo "CXX17 = '$PWD/tools/timed.sh' '$PWD/$costs' $(R CMD config CXX17)" >"$work/Makevars"
if ! R_LIBS="$PWD/.lib${R_LIBS:+:$R_LIBS}" R_MAKEVARS_USER="$work/Makevars" \
  MAKEFLAGS=-j2 R CMD INSTALL --library="$work/lib" --no-docs --no-test-load "$work/$name" \
  >"$work/log" 2>&1 </dev/null; then
  cat "$work/log" >&2
  exit 1
fi
# Built aside and moved in place: an interrupted build leaves the old one usable.
rm -rf ".lib/$name" .lib/.stamp "$kept"
[ ! -e "$costs" ] || mv "$costs" "$kept"
mv "$work/lib/$name" ".lib/$name"
echo "$stamp" >.lib/.stamp
