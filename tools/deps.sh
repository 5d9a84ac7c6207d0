#!/bin/sh
# Installs what is missing, and nothing else:
#   tools/deps.sh [demo|install|test|portable|tidymodels|site|dev]
#   demo  what building and the example need       test  + the suggested packages, GoogleTest
#   install  demo + what the vignettes are made with: knitr, rmarkdown, pandoc
#   portable  + a compiler and an emulator for 64-bit ARM, GoogleTest's sources
#   tidymodels  test + the packages of Config/Needs/tidymodels, from CRAN into .lib/tidymodels, as what
#         they bring would replace Debian's versions (ten minutes)
#   site  test + pkgdown, pandoc
#   dev   + roxygen2, lintr, clang-format, time, pandoc, qpdf
# Debian's binaries come first (as root, or with a password-less sudo), CRAN's sources second;
# the latter go to the private library .lib of this directory. Silent when nothing is missing.
#   HDLMM_CRAN=url         a CRAN mirror to use if R has none set, or if that one fails
#   HDLMM_NO_APT=1         leave the system's packages alone
#   HDLMM_REQUIRE_ALL=1    a suggested package or tool that cannot be had is an error
set -u
cd "$(dirname "$0")/.." || exit 1
mode=${1:-demo}
R_LIBS="$PWD/.lib${R_LIBS:+:$R_LIBS}"
[ "$mode" != tidymodels ] || R_LIBS="$PWD/.lib/tidymodels:$R_LIBS"
export R_LIBS

have() { command -v "$1" >/dev/null 2>&1; }

say() { echo "deps ($mode): $*"; }

fail() { say "$*" >&2; exit 1; }

is_root() { [ "$(id -u)" -eq 0 ]; }

can_apt() {
  [ -z "${HDLMM_NO_APT:-}" ] && have apt-get || return 1
  is_root || { have sudo && sudo -n true 2>/dev/null; }
}

as_root() { if is_root; then "$@"; else sudo -n "$@"; fi; }

apt_run() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 "$@" \
    </dev/null >/dev/null
}

# Debian's r-cran packages serve Debian's R only; for any other R they would drag in a second one.
is_distro_r() { ! have R || [ "$(R RHOME)" = /usr/lib/R ]; }

can_build() {
  have g++ && have make || return 1
  # Debian's R links packages against the system's LAPACK and Fortran runtime.
  is_distro_r || return 0
  have gfortran || return 1
  case $(g++ -print-file-name=liblapack.so) in /*) return 0 ;; *) return 1 ;; esac
}

has_gtest() {
  [ -e /usr/include/gtest/gtest.h ] ||
    echo '#include <gtest/gtest.h>' | g++ -E -x c++ - >/dev/null 2>&1
}

# Debian names of the tools that are not there.
missing_tools() {
  have Rscript || echo r-base-core
  can_build || { is_distro_r && echo r-base-dev || echo g++ make; }
  [ "$mode" = demo ] && return
  if [ "$mode" = install ]; then
    have pandoc || echo pandoc
    return
  fi
  have cmake || echo cmake
  has_gtest || echo libgtest-dev
  [ "$mode" = test ] || [ "$mode" = tidymodels ] && return
  if [ "$mode" = portable ]; then
    have aarch64-linux-gnu-g++ || echo g++-aarch64-linux-gnu
    have qemu-aarch64 || echo qemu-user
    [ -e /usr/src/googletest/CMakeLists.txt ] || echo googletest
    return
  fi
  have pandoc || echo pandoc
  [ "$mode" = site ] && return
  have clang-format || echo clang-format
  [ -x /usr/bin/time ] || echo time
  have qpdf || echo qpdf
}

# Whose R packages are needed.
packages_of() { if [ "$mode" = portable ]; then echo test; else echo "$mode"; fi; }

# Lines "hard <name>" (the package needs it) and "soft <name>" (suggested).
missing_packages() {
  Rscript tools/deps.R missing "$(packages_of)" "$@" || echo "hard DESCRIPTION"
}

names_of() { echo "$missing" | awk -v kind="$1" '$1 ~ kind { printf "%s ", $2 }'; }

# Not installed, and to be had.
apt_offers() {
  LC_ALL=C apt-cache policy "$1" 2>/dev/null |
    awk '/Installed: \(none\)/ { absent = 1 } /Candidate: [^(]/ { found = 1 }
      END { exit !(absent && found) }'
}

apt_install() {
  wanted=
  for name in "$@"; do apt_offers "$name" && wanted="$wanted $name"; done
  [ -n "$wanted" ] || return 0
  say "installing with apt:$wanted"
  # shellcheck disable=SC2086  # a list of words
  apt_run install -y --no-install-recommends $wanted && return
  # One package that cannot be installed must not keep the others out.
  for name in $wanted; do apt_run install -y --no-install-recommends "$name"; done
}

debian_names() {
  # r-bioc second, for what Bioconductor carries; apt_install keeps what exists.
  for name in $(names_of .); do
    echo "r-cran-$name r-bioc-$name" | tr '[:upper:]' '[:lower:]'
  done
}

from_apt() {
  apt_run update || say "apt-get update failed; going on with the lists that are there"
  # shellcheck disable=SC2086
  apt_install $tools
  have Rscript && is_distro_r || return
  missing=$(missing_packages)
  [ -n "$missing" ] || return
  # The recommended packages too: CRAN's current ones need a newer R, and its others need them.
  # shellcheck disable=SC2046
  apt_install r-base-dev r-recommended libopenblas0-pthread ca-certificates $(debian_names)
}

from_cran() {
  say "installing from CRAN: $(names_of .)"
  mkdir -p "${R_LIBS%%:*}"
  # shellcheck disable=SC2046
  Rscript tools/deps.R install $(names_of .) 2>&1 | grep -iE 'error|warning|not available|cannot'
}

report() {
  hard=$(names_of hard)
  soft=$(names_of soft)
  tools=$(missing_tools | tr '\n' ' ')
  have Rscript || fail "R is missing and could not be installed."
  can_build || fail "a C++ and Fortran compiler, make and LAPACK are needed (Debian: r-base-dev)."
  [ -z "$hard" ] || fail "needed and missing: $hard"
  [ -z "$soft$tools" ] && { say "everything is there."; return; }
  say "STILL MISSING (what uses it is skipped): $soft$tools"
  [ -z "${HDLMM_REQUIRE_ALL:-}" ] || fail "HDLMM_REQUIRE_ALL is set: this is an error."
}

case $mode in
  demo | install | test | portable | tidymodels | site | dev) ;;
  *) fail "unknown mode; expected demo, install, test, portable, tidymodels, site or dev." ;;
esac
tools=$(missing_tools)
missing=
# Loading is slow and finds the broken ones too.
have Rscript && missing=$(missing_packages ${HDLMM_REQUIRE_ALL:+load})
[ -z "$tools$missing" ] && exit 0
say "missing:" $tools "$(names_of .)"
can_apt && from_apt
have Rscript || fail "R is missing and could not be installed (Debian: r-base-core, r-base-dev)."
missing=$(missing_packages)
[ -n "$missing" ] && from_cran
missing=$(missing_packages load)
report
