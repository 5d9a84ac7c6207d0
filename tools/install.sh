#!/bin/sh
# Builds the package with its help pages into the private library .lib, and its vignettes too where
# that is asked for:   tools/install.sh [--vignettes]
# Does nothing when nothing changed.
# The build runs on a copy, so that src/ of the checkout stays free of object files, and with R's own
# flags, as users' builds do.
set -eu
cd "$(dirname "$0")/.."
name=$(sed -n 's/^Package: *//p' DESCRIPTION)

sources() {
  for path in "$@"; do
    [ ! -e "$path" ] || find "$path" -type f ! -name '*.o' ! -name '*.so'
  done | LC_ALL=C sort
}

package_sources() { sources DESCRIPTION NAMESPACE R src data inst man; }

vignette_sources() { find vignettes -type f ! -name '*.html' | LC_ALL=C sort; }

checksum() { tr '\n' '\0' | xargs -0 cksum | cksum; }

make_work() {
  mkdir -p .lib
  work=$(mktemp -d "$PWD/.lib/.build-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' INT TERM HUP
  mkdir "$work/$name" "$work/lib"
}

build_package() {
  costs=${work#"$PWD/"}/costs kept=.lib/.compile-costs # what tools/check-budget weighs
  package_sources | tar -cf - -T - | tar -xf - -C "$work/$name"
  echo "Building $name (about a minute the first time) ..."
  echo "CXX17 = '$PWD/tools/timed.sh' '$PWD/$costs' $(R CMD config CXX17)" >"$work/Makevars"
  if ! R_MAKEVARS_USER="$work/Makevars" \
    MAKEFLAGS=-j2 R CMD INSTALL --library="$work/lib" --no-test-load "$work/$name" \
    >"$work/log" 2>&1 </dev/null; then
    cat "$work/log" >&2
    exit 1
  fi
  # Built aside and moved in place: an interrupted build leaves the old one usable.
  rm -rf ".lib/$name" .lib/.stamp "$kept"
  [ ! -e "$costs" ] || mv "$costs" "$kept"
  mv "$work/lib/$name" ".lib/$name"
  echo "$stamp" >.lib/.stamp
}

can_build_vignettes() {
  command -v pandoc >/dev/null &&
    Rscript -e 'quit(status = !all(vapply(c("knitr", "rmarkdown"), requireNamespace, NA)))' \
      >/dev/null 2>&1
}

# What they show is computed by the package, so they are as old as the older of the two.
build_vignettes() {
  if ! can_build_vignettes; then
    echo "The vignettes are left out: they need pandoc, knitr and rmarkdown."
    return
  fi
  echo "Building the vignettes (about a minute) ..."
  mkdir -p "$work/pages"
  { echo DESCRIPTION; vignette_sources; } | tar -cf - -T - | tar -xf - -C "$work/pages"
  Rscript tools/vignettes.R "$work/pages" ".lib/$name"
  echo "$vignette_stamp" >".lib/$name/doc/.stamp"
}

R_LIBS="$PWD/.lib${R_LIBS:+:$R_LIBS}"
export R_LIBS
stamp=$({ R --version | head -n 1; package_sources | checksum; } | cksum)
work=
if [ ! -d ".lib/$name" ] || [ "$stamp" != "$(cat .lib/.stamp 2>/dev/null)" ]; then
  make_work
  build_package
fi
[ "${1:-}" = --vignettes ] || exit 0
vignette_stamp="$stamp $(vignette_sources | checksum)"
if [ "$vignette_stamp" != "$(cat ".lib/$name/doc/.stamp" 2>/dev/null)" ]; then
  [ -n "$work" ] || make_work
  build_vignettes
fi
