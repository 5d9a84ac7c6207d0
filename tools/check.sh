#!/bin/sh
# R CMD build and R CMD check --as-cran in build-check. Vignettes when pandoc and knitr are there.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
R_LIBS="$root/.lib${R_LIBS:+:$R_LIBS}"
# Offline and with a suggested package missing the check is still worth having.
_R_CHECK_FORCE_SUGGESTS_=false
_R_CHECK_CRAN_INCOMING_REMOTE_=false
# There is no network clock to compare with.
_R_CHECK_SYSTEM_CLOCK_=0
export _R_CHECK_SYSTEM_CLOCK_
export R_LIBS _R_CHECK_FORCE_SUGGESTS_ _R_CHECK_CRAN_INCOMING_REMOTE_

can_build_vignettes() {
  command -v pandoc >/dev/null &&
    Rscript -e 'quit(status = !all(vapply(c("knitr", "rmarkdown"), requireNamespace, NA)))' \
      >/dev/null 2>&1
}

build_args= check_args=
if ! can_build_vignettes; then
  echo "pandoc, knitr or rmarkdown is missing: vignettes are left out."
  build_args=--no-build-vignettes check_args=--ignore-vignettes
fi
command -v pdflatex >/dev/null || check_args="$check_args --no-manual"

rm -rf build-check
mkdir build-check
cd build-check
# R looks up who maintains a suggested package that is missing, and stops where it cannot.
if ! Rscript -e 'tools::CRAN_package_db()' >/dev/null 2>&1; then
  mkdir -p web/packages
  Rscript -e 'saveRDS(data.frame(Package = "", Maintainer = ""), "web/packages/packages.rds")'
  R_CRAN_WEB=file://$PWD
  export R_CRAN_WEB
fi
# shellcheck disable=SC2086
MAKEFLAGS=-j2 R CMD build $build_args "$root"
# shellcheck disable=SC2086
MAKEFLAGS=-j2 R CMD check --as-cran $check_args ./*.tar.gz
