# Cross-validation, bootstrap and fits of many responses on plans of other sessions, of forks and of
# Slurm have the bytes of a sequential one. Between
#   eval "$(tools/slurm.sh up)"; Rscript tools/slurm-check.R; tools/slurm.sh down
suppressMessages(library(hdlmm))
Sys.setenv(R_LIBS = paste(.libPaths(), collapse = ":"))  # for the jobs

set.seed(1)
many <- data.frame(x = rnorm(80))
many$X <- matrix(rnorm(80 * 100), 80)
many$Y <- many$X %*% matrix(rnorm(600), 100) / 10 + matrix(rnorm(480), 80)
many$Y[cbind(1:6, 1:6)] <- NA

answers <- function() {
  fit <- lmm(height ~ age + (1 | Subject), nlme::Oxboys)
  list(
    folds = as.data.frame(cv_lmm(
      height ~ age + (1 | Subject), nlme::Oxboys, method = c("REML", "Bayes"), folds = 4, seed = 1
    )),
    of_many = as.data.frame(cv_lmm(Y ~ x + re(X), many, folds = 4, seed = 1)),
    limits = confint(fit, method = "boot", draws = 100, seed = 1),
    fits = as.data.frame(lmm(Y ~ x + re(X), many, method = "MAP"))
  )
}

alone <- answers()
plans <- list(
  multisession = quote(future::plan(future::multisession, workers = 2)),
  multicore = quote(future::plan(future::multicore, workers = 2)),
  Slurm = quote(future::plan(
    future.batchtools::batchtools_slurm, template = "tools/slurm.tmpl", workers = 4
  ))
)
for (name in names(plans)) {
  eval(plans[[name]])
  other <- answers()
  future::plan(future::sequential)
  stopifnot(identical(alone, other))
  cat(name, ": the same bytes\n", sep = "")
}
