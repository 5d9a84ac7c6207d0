# Cross-validation and bootstrap on a Slurm plan have the bytes of a sequential one. Between
#   eval "$(tools/slurm.sh up)"; Rscript tools/slurm-check.R; tools/slurm.sh down
suppressMessages(library(hdlmm))
Sys.setenv(R_LIBS = paste(.libPaths(), collapse = ":"))  # for the jobs

answers <- function() {
  fit <- lmm(height ~ age + (1 | Subject), nlme::Oxboys)
  list(
    folds = as.data.frame(cv_lmm(
      height ~ age + (1 | Subject), nlme::Oxboys, method = c("REML", "Bayes"), folds = 4, seed = 1
    )),
    limits = confint(fit, method = "boot", draws = 100, seed = 1)
  )
}

alone <- answers()
future::plan(
  future.batchtools::batchtools_slurm, template = "tools/slurm.tmpl", workers = 4
)
queued <- answers()
future::plan(future::sequential)
stopifnot(identical(alone, queued))
cat("the same bytes\n")
