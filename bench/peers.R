# The peers of bench/speed.R: their sides of its jobs (see side() in bench/speed-jobs.R), fetching
# them, and their versions.
#
# They live in a library of their own, HDLMM_PEER_LIB or a directory that goes with the session:
# what they bring along (Rcpp, RcppArmadillo) is not seen by hdlmm's own runs.

peer_library <- function() {
  Sys.getenv("HDLMM_PEER_LIB", file.path(tempdir(), "peers"))
}

peer_paths <- function() c(peer_library(), .libPaths())

# Fetching ---------------------------------------------------------------------------------

peer_packages <- c(
  "rrBLUP", "BGLR", "EMMREML", "gaston", "sommer", "varbvs", "lme4", "glmmTMB"
)

debian_peers <- c(lme4 = "r-cran-lme4", glmmTMB = "r-cran-glmmtmb", gemma = "gemma")

has_peer <- function(name) {
  if (name == "gemma") return(nzchar(Sys.which(name)))
  nzchar(system.file(package = name, lib.loc = peer_paths()))
}

missing_peers <- function() Filter(Negate(has_peer), c(peer_packages, "gemma"))

# Debian's where this is root on Debian, CRAN's sources else, one by one: a peer that cannot be
# had is named and left out. `root`: the checkout, whose tools/deps.R knows the mirrors.
install_peers <- function(root) {
  dir.create(peer_library(), showWarnings = FALSE, recursive = TRUE)
  from_debian(intersect(missing_peers(), names(debian_peers)))
  for (name in setdiff(missing_peers(), "gemma")) {
    cat("installing", name, "from CRAN\n")
    run_quietly(
      file.path(R.home("bin"), "Rscript"), c(file.path(root, "tools", "deps.R"), "install", name),
      paste0("R_LIBS=", paste(peer_paths(), collapse = .Platform$path.sep))
    )
  }
  lacking <- missing_peers()
  if (length(lacking)) cat("could not be installed:", paste(lacking, collapse = ", "), "\n")
}

from_debian <- function(names) {
  is_root <- identical(unname(Sys.info()["effective_user"]), "root")
  if (!is_root || !nzchar(Sys.which("apt-get")) || nzchar(Sys.getenv("HDLMM_NO_APT"))) return()
  for (name in names) {
    cat("installing", debian_peers[[name]], "from Debian\n")
    run_quietly(
      "apt-get", c("install", "-y", "--no-install-recommends", debian_peers[[name]]),
      "DEBIAN_FRONTEND=noninteractive"
    )
  }
}

run_quietly <- function(command, args, env) {
  suppressWarnings(system2(command, args, env = env, stdout = FALSE, stderr = FALSE))
}

# Named versions; "-" is not there.
peer_versions <- function() {
  versions <- vapply(peer_packages, function(name) {
    if (!has_peer(name)) return("-")
    as.character(utils::packageVersion(name, lib.loc = peer_paths()))
  }, "")
  c(versions, gemma = gemma_version())
}

gemma_version <- function() {
  if (!has_peer("gemma")) return("-")
  first <- suppressWarnings(system2("gemma", "-h", stdout = TRUE, stderr = TRUE))[1]
  sub("^GEMMA ([^ ]*).*", "\\1", first)
}

# Peers' sides -----------------------------------------------------------------------------

fixed_matrix <- function(d) cbind(1, d$z)

rrblup_side <- function(...) {
  side(function(d) {
    fit <- rrBLUP::mixed.solve(d$y, Z = d$x, X = if (!is.null(d$z)) fixed_matrix(d))
    fit$Vu / fit$Ve
  }, "rrBLUP", ...)
}

# These take K and predict X beta, not beta; forming K is part of the work.
emmreml_side <- function(...) {
  side(function(d) {
    fit <- EMMREML::emmreml(
      d$y, X = fixed_matrix(d), Z = diag(length(d$y)), K = tcrossprod(d$x) / ncol(d$x)
    )
    fit$Vu / fit$Ve / ncol(d$x)
  }, "EMMREML", ...)
}

gaston_aireml_side <- function(...) {
  side(function(d) {
    fit <- gaston::lmm.aireml(
      d$y, X = fixed_matrix(d), K = tcrossprod(d$x) / ncol(d$x), verbose = FALSE
    )
    fit$tau / fit$sigma2 / ncol(d$x)
  }, "gaston", ...)
}

gaston_diago_side <- function(...) {
  side(function(d) {
    eigen_k <- eigen(tcrossprod(d$x) / ncol(d$x), symmetric = TRUE)
    fit <- gaston::lmm.diago(d$y, X = fixed_matrix(d), eigenK = eigen_k, verbose = FALSE)
    fit$tau / fit$sigma2 / ncol(d$x)
  }, "gaston", ...)
}

# Version 4.5 or later: mmes() takes the inverse of K. (It needs Matrix 1.6-2 and Eigen 3.4, more
# than Debian 12 has.)
sommer_side <- function(...) {
  side(function(d) {
    library(sommer)  # its formulas look for its functions on the search path
    precision <- solve(tcrossprod(d$x) / ncol(d$x))
    lines <- sprintf("line%06d", seq_along(d$y))
    attributes(precision) <- list(
      dim = dim(precision), dimnames = list(lines, lines), inverse = TRUE
    )
    data <- data.frame(y = d$y, d$z, line = factor(lines))
    fit <- sommer::mmes(
      y ~ X1 + X2 + X3 + X4 + X5, random = ~ vsm(ism(line), Gu = precision), rcov = ~units,
      data = data
    )
    unlist(fit$theta)[[1]] / unlist(fit$theta)[[2]] / ncol(d$x)
  }, "sommer", ...)
}

# Spike and slab with every column in (log-odds 6): the model of our VB, by coordinate ascent.
varbvs_side <- function(...) {
  side(function(d) {
    fit <- varbvs::varbvs(d$x, NULL, d$y, logodds = 6, verbose = FALSE)
    fit$sa[1]
  }, "varbvs", is_same = FALSE, ...)
}

lme4_side <- function(...) {
  side(function(d) {
    fit <- lme4::lmer(y ~ x + (1 | g), data = d)
    lme4::ranef(fit)
    as.data.frame(lme4::VarCorr(fit))$vcov[1] / stats::sigma(fit)^2
  }, "lme4", ...)
}

glmmtmb_side <- function(...) {
  side(function(d) {
    fit <- glmmTMB::glmmTMB(
      y ~ x + (1 | g), data = d, REML = TRUE,
      control = glmmTMB::glmmTMBControl(parallel = threads)
    )
    glmmTMB::ranef(fit)
    c(glmmTMB::VarCorr(fit)$cond$g) / stats::sigma(fit)^2
  }, "glmmTMB", ...)
}

# GEMMA reads text files and writes some: that is part of its time, writing its input is not. -gk 1
# forms K of centred columns, -bslmm 2 is REML with the BLUPs of all effects. Its memory is that of
# the program, data included.
gemma_side <- function(...) {
  side(function(d) {
    own <- c("-p", "y.txt", "-g", "x.txt", "-notsnp", "-maf", "0", "-r2", "1", "-outdir", d$dir)
    old <- setwd(d$dir)
    on.exit(setwd(old))
    kinship <- run_gemma(c(own, "-gk", "1", "-o", "kinship"))
    fit <- run_gemma(c(own, "-k", "kinship.cXX.txt", "-bslmm", "2", "-o", "fit"))
    line <- grep("^## pve estimate", readLines("fit.log.txt"), value = TRUE)
    pve <- as.numeric(sub(".*= *", "", line))
    structure(pve / (1 - pve) / d$mean_diagonal, peak_mb = max(kinship, fit))
  }, program = "gemma", prepare = gemma_files, ...)
}

gemma_files <- function(d) {
  dir <- tempfile("gemma")
  dir.create(dir)
  utils::write.table(
    cbind(paste0("snp", seq_len(ncol(d$x))), "A", "C", t(d$x)), file.path(dir, "x.txt"),
    quote = FALSE, row.names = FALSE, col.names = FALSE, sep = ", "
  )
  writeLines(format(d$y, digits = 17), file.path(dir, "y.txt"))
  n <- nrow(d$x)
  list(dir = dir, mean_diagonal = sum(apply(d$x, 2, stats::var)) * (n - 1) / n)
}

# Peak memory, MB, where GNU time is there to say.
run_gemma <- function(args) {
  time <- Sys.which("time")
  command <- if (nzchar(time)) c(time, "-v", "gemma") else "gemma"
  said <- suppressWarnings(
    system2(command[1], c(command[-1], "-silence", args), stdout = TRUE, stderr = TRUE)
  )
  if (!is.null(attr(said, "status"))) stop("gemma failed: ", said[1])
  line <- grep("Maximum resident set size", said, value = TRUE)
  if (length(line)) as.numeric(sub(".*: *", "", line)) / 1024 else NA_real_
}
