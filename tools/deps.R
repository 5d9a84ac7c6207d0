# What is missing, and fetching it from CRAN. Called by tools/deps.sh; base R only.
#   Rscript tools/deps.R missing demo|install|test|dev|tidymodels|site [load]
#     prints "hard <name>" (the package needs it) and "soft <name>" (suggested) lines
#   Rscript tools/deps.R install <name>...
#     from source into the first library (.lib)

field <- function(dcf, name) {
  if (!name %in% colnames(dcf)) return(NULL)
  entries <- trimws(strsplit(dcf[1, name], ",")[[1]])
  entries <- entries[nzchar(entries)]
  version <- ifelse(grepl("\\(", entries), gsub(".*\\(>=? *|\\).*", "", entries), "0")
  data.frame(name = sub("[[:space:](].*", "", entries), version = version)
}

# Loading Matrix and lme4 takes seconds, reading their DESCRIPTION does not: the quick
# look before every build does not load, the verification after an installation does.
usable <- function(name, version, load) {
  if (!nzchar(system.file(package = name))) return(FALSE)
  if (utils::packageVersion(name) < version) return(FALSE)
  !load || suppressWarnings(requireNamespace(name, quietly = TRUE))
}

wanted <- function(mode) {
  dcf <- read.dcf("DESCRIPTION")
  hard <- rbind(field(dcf, "Imports"), field(dcf, "LinkingTo"))
  soft <- field(dcf, "Suggests")
  if (mode == "demo") soft <- soft[soft$name == "BGLR", ]
  if (mode == "install") soft <- soft[soft$name %in% c("BGLR", "knitr", "rmarkdown"), ]
  # minutes of compiling, for one file of tests
  if (mode != "tidymodels") {
    soft <- soft[!soft$name %in% field(dcf, "Config/Needs/tidymodels")$name, ]
  }
  # not in Debian, and CRAN's needs a newer R: tested where it is installed
  soft <- soft[!soft$name %in% field(dcf, "Config/Needs/ecosystem")$name, ]
  if (mode == "dev") {
    soft <- rbind(soft, data.frame(name = c("lintr", "roxygen2"), version = "0"))
  }
  if (mode == "site") soft <- rbind(soft, data.frame(name = "pkgdown", version = "0"))
  hard$kind <- rep("hard", nrow(hard))
  soft$kind <- rep("soft", nrow(soft))
  all <- rbind(hard, soft)
  all[!duplicated(all$name), ]
}

list_missing <- function(mode, load) {
  need <- wanted(mode)
  found <- mapply(usable, need$name, need$version, load)
  cat(sprintf("%s %s\n", need$kind, need$name)[!found], sep = "")
}

# The mirrors to try in turn: R's own setting, HDLMM_CRAN, the first entry of R's list.
mirrors <- function() {
  set <- getOption("repos")["CRAN"]
  suppressWarnings(utils::chooseCRANmirror(ind = 1, local.only = TRUE))
  urls <- c(set, Sys.getenv("HDLMM_CRAN"), getOption("repos")["CRAN"])
  unique(sub("/+$", "", urls[grepl("^(https?|file|ftp)://", urls)]))
}

install <- function(names) {
  # Replacing these would shadow the versions other installed packages were built against.
  keep <- c("Rcpp", "Matrix", "lme4")
  keep <- Filter(function(name) nzchar(system.file(package = name)), keep)
  names <- setdiff(names, keep)
  options(timeout = max(300, getOption("timeout")), warn = 1)
  for (url in mirrors()) {
    if (length(names) == 0) break
    before <- names
    try(utils::install.packages(
      names, lib = .libPaths()[1], repos = c(CRAN = url), type = "source",
      dependencies = NA, Ncpus = 2, quiet = TRUE
    ))
    names <- before[!vapply(before, usable, NA, version = "0", load = TRUE)]
  }
}

args <- commandArgs(trailingOnly = TRUE)
switch(args[1],
  missing = list_missing(args[2], load = "load" %in% args),
  install = install(args[-1])
)
