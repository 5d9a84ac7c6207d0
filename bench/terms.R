# Several random terms and correlated slopes: hdlmm beside lme4 and gaston, seconds, memory and
# evaluations.
#
#   Rscript bench/terms.R [--short] [--install] [--runs 5] [--only <pattern of job names>]
#                         [--csv <file>]
#
# Runs, seconds and memory are as in bench/speed.R, under the BLAS that R uses here. The long form
# writes results/terms.csv and results/terms.txt. HDLMM_BENCH_THREADS sets the threads of all sides.
#
# Evaluations are those of the likelihood: of lme4 by its optimiser (differences that check the
# maximum are not counted), of hdlmm of the climb that led to the maximum, with its gradient and
# information, and of all climbs, where small models are also searched from every corner.

script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1])
here <- dirname(normalizePath(script))
for (name in c("peers.R", "speed-jobs.R", "terms-jobs.R", "speed-table.R", "speed-run.R")) {
  source(file.path(here, name))
}

evaluation_cases <- function() {
  plain <- function(name) as.data.frame(from_package(name, "nlme"))
  lme4_data <- function(name) from_package(name, "lme4")
  list(
    Penicillin = list(diameter ~ 1 + (1 | plate) + (1 | sample), lme4_data("Penicillin")),
    Pastes = list(strength ~ 1 + (1 | batch / cask), lme4_data("Pastes")),
    sleepstudy = list(Reaction ~ Days + (Days | Subject), lme4_data("sleepstudy")),
    Machines = list(score ~ Machine + (0 + Machine | Worker), plain("Machines")),
    Oxboys = list(height ~ age + (age | Subject), plain("Oxboys")),
    "Oxboys, quadratic" = list(
      height ~ age + I(age^2) + (age + I(age^2) | Subject), plain("Oxboys")
    ),
    InstEval = list(
      y ~ service + (1 | s) + (1 | d) + (1 | dept:service), lme4_data("InstEval")
    )
  )
}

count_evaluations <- function(case) {
  own <- hdlmm::lmm(case[[1]], case[[2]])
  other <- suppressMessages(suppressWarnings(lme4::lmer(
    case[[1]], case[[2]], control = lme4::lmerControl(calc.derivs = FALSE)
  )))
  data.frame(
    hdlmm = own$certificate$evaluations, all_climbs = own$certificate$all_evaluations,
    lme4 = other@optinfo$feval,
    gain = signif(as.numeric(stats::logLik(own)) - as.numeric(stats::logLik(other)), 2)
  )
}

print_evaluations <- function() {
  if (!requireNamespace("lme4", quietly = TRUE)) return(cat("evaluations: lme4 is not installed\n"))
  table <- do.call(rbind, lapply(evaluation_cases(), count_evaluations))
  cat("\nEvaluations; gain: log-likelihood of hdlmm less that of lme4\n\n")
  print(table)
}

options_given <- read_options(commandArgs(TRUE), "terms")
options_given$blas <- "default"
run <- prepare_run(options_given)
dir.create(dirname(options_given$csv), showWarnings = FALSE, recursive = TRUE)
sink(sub("csv$", "txt", options_given$csv), split = TRUE)
cat(paste0(names(run$facts), ": ", run$facts, "\n"), "\n", sep = "")
print_header()
jobs <- terms_jobs(options_given$is_short)
jobs <- jobs[grepl(options_given$only, names(jobs))]
found <- run_jobs(jobs, run$probes, options_given)
write_measured(found$measured, run$facts, options_given$csv)
cat("\n", paste0(growth_lines(found$measured, jobs), "\n", recycle0 = TRUE), sep = "")
print_evaluations()
