# Every way of inference on one simulated case, CRAN's BGLR beside it, and exact Bayes against
# BGLR on the wheat data.
#
#   Rscript bench/inference.R [--small]
#
# The case: n = 1000, p = 6000, c = 30, pve 0.5, columns of X independent standard normals, on
# which mean field does not shrink to zero. --small: n = 200, p = 1000, under a minute.
#
# Seconds: "lmm" is lmm() whole, decomposition counted; "engine" is that of compare_methods(), with
# the assembly of a fit and without the decomposition; "core" is the algorithm alone, on a
# decomposition that is there. Medians of three runs, or one run where it is long.

library(hdlmm)

is_small <- "--small" %in% commandArgs(TRUE)
n <- if (is_small) 200 else 1000
p <- if (is_small) 1000 else 6000
c <- 30
pve_true <- 0.5

describe_machine <- function(packages) {
  cpu <- tryCatch(
    sub(".*: *", "", grep("model name", readLines("/proc/cpuinfo"), value = TRUE)[1]),
    error = function(e) "unknown CPU", warning = function(w) "unknown CPU"
  )
  versions <- vapply(packages, function(name) {
    if (requireNamespace(name, quietly = TRUE)) as.character(utils::packageVersion(name)) else "-"
  }, "")
  cat(
    cpu, ", ", parallel::detectCores(), " cores; BLAS ", basename(La_library()), "; ",
    R.version.string, "; ", paste(packages, versions, collapse = ", "), "\n", sep = ""
  )
}

host <- hdlmm:::make_host(lmm_control(threads = 2))

seconds <- function(run) system.time(run())[["elapsed"]]

# Median of three, or the first when it takes more than five seconds. What is too short for the
# clock runs many times.
median_seconds <- function(run) {
  first <- seconds(run)
  if (first > 5) return(first)
  count <- if (first < 0.05) ceiling(0.1 / max(first, 0.001)) else 1
  repeated <- function() for (i in seq_len(count)) run()
  stats::median(replicate(3, seconds(repeated))) / count
}

simulate_case <- function() {
  set.seed(20261)
  x <- matrix(rnorm(n * p), n)
  z <- matrix(rnorm(n * (c - 1)), n)
  u <- drop(x %*% rnorm(p, 0, sqrt(pve_true / p)))
  y <- 1 + drop(z %*% rnorm(c - 1)) + u + rnorm(n, 0, sqrt(1 - pve_true))
  list(x = x, z = z, y = y)
}

# Scaled inverse chi-squares of BGLR: S / chi2(df), which is inverse gamma(df / 2, S / 2). Their
# modes split the variance of y given Z equally.
matched_prior <- function(y, z, kappa, df = 5) {
  half <- stats::var(stats::lm.fit(cbind(rep(1, length(y)), z), y)$residuals) / 2
  scale <- c(random = half / kappa, residual = half) * (df + 2)
  list(
    df = df, scale = scale, prior = lmm_prior(
      random = prior_inverse_gamma(df / 2, scale[["random"]] / 2),
      residual = prior_inverse_gamma(df / 2, scale[["residual"]] / 2)
    )
  )
}

# Likelihood methods and variational ones --------------------------------------------------

# `core` runs an algorithm alone and returns nothing that is needed.
method_row <- function(name, method, algorithm, data, fit, control = lmm_control(), core = NULL,
                       prior = NULL) {
  own <- NULL
  whole <- median_seconds(function() {
    own <<- if (is.null(prior)) {
      lmm(y ~ z + re(x), data, method = method, algorithm = algorithm, control = control)
    } else {
      lmm(y ~ z + re(x), data, method = method, algorithm = algorithm, control = control,
          prior = prior)
    }
  })
  engine <- hdlmm:::find_engine(method, algorithm)
  # a prior of pve is none for VB
  run <- function() {
    hdlmm:::method_fit(engine, fit, if (is.null(prior)) lmm_prior() else prior, control)$seconds
  }
  first <- run()
  alone <- if (first > 5) first else stats::median(c(first, run(), run()))
  trace <- convergence(own)
  list(
    name = name, iterations = nrow(trace), whole = whole, engine = alone,
    core = if (is.null(core)) NA_real_ else median_seconds(core),
    objective = trace$objective[nrow(trace)], fit = own, is_converged = own$is_converged
  )
}

em_core <- function(problem, method, algorithm, control) {
  engine <- hdlmm:::find_engine(method, algorithm)
  function() hdlmm:::run_em(problem, engine, control, NULL)
}

em_rows <- function(data, fit, problem) {
  rows <- list()
  for (method in c("REML", "ML")) {
    direct <- function() {
      hdlmm:::cpp_search(
        problem$system, method, hdlmm:::search_options(lmm_control()), host
      )
    }
    rows[[paste(method, "direct")]] <- method_row(
      paste(method, "direct"), method, "direct", data, fit, core = direct
    )
    for (accelerate in c("none", "squarem")) {
      for (algorithm in c("em", "pxem")) {
        control <- lmm_control(max_iter = 1e5, accelerate = accelerate)
        name <- paste0(
          method, if (algorithm == "em") " EM" else " PX-EM",
          if (accelerate == "squarem") " + SQUAREM"
        )
        rows[[name]] <- method_row(
          name, method, algorithm, data, fit, control, em_core(problem, method, algorithm, control)
        )
      }
    }
  }
  rows
}

vb_rows <- function(data, fit, problem) {
  control <- lmm_control(max_iter = 1e5)
  columns <- hdlmm:::vb_columns(problem, control)
  search <- function() {
    hdlmm:::cpp_search_bound(
      problem$system, columns, hdlmm:::search_options(lmm_control()), host
    )
  }
  ascend <- function() {
    model <- list(
      prior = NULL, fixed_precision = NULL, start = hdlmm:::start_variances(problem$system, 0.5)
    )
    hdlmm:::cpp_ascend(
      problem$system, columns, problem$fixed$q, problem$fixed$residual, model,
      hdlmm:::ascent_options(control), host
    )
  }
  list(
    collapsed = method_row(
      "VB collapsed", "VB", "collapsed", data, fit, core = search
    ),
    cavi = method_row("VB CAVI", "VB", "cavi", data, fit, control, ascend)
  )
}

print_methods <- function(rows) {
  cat(sprintf(
    "%-20s %10s %9s %9s %9s %10s %16s\n", "method", "iterations", "lmm, s", "engine, s", "core, s",
    "us/iter.", "objective"
  ))
  for (row in rows) {
    cat(sprintf(
      "%-20s %10d %9.3f %9.3f %9s %10s %16.8f%s\n", row$name, row$iterations, row$whole,
      row$engine, if (is.na(row$core)) "-" else sprintf("%.4f", row$core),
      if (is.na(row$core)) "-" else sprintf("%.1f", 1e6 * row$core / row$iterations),
      row$objective, if (row$is_converged) "" else "  stopped before convergence"
    ))
  }
}

print_bar <- function(what, ratio, bar) {
  verdict <- if (is.na(bar)) "" else sprintf(
    "  bar %g: %s", bar, if (ratio >= bar) "met" else "MISSED"
  )
  cat(sprintf("%-66s %10.1f%s\n", what, ratio, verdict))
}

# CAVI until its bound is within 1e-8 of the collapsed optimum, from its trace.
print_vb_ratios <- function(vb) {
  trace <- convergence(vb$cavi$fit)$objective
  target <- elbo(vb$collapsed$fit)
  cat(sprintf(
    "\nVB: pve %.5f collapsed, %.5f CAVI; ELBO of CAVI less collapsed %.2e\n",
    vb$collapsed$fit$pve, vb$cavi$fit$pve, vb$cavi$objective - target
  ))
  core <- vb$cavi$core
  cat("Seconds of CAVI over those of collapsed VB:\n")
  print_bar("lmm() over lmm(), decomposition in both", vb$cavi$whole / vb$collapsed$whole, 20)
  print_bar("sweeps alone over lmm() (CAVI needs no decomposition)", core / vb$collapsed$whole, 20)
  print_bar("engines of compare_methods()", vb$cavi$engine / vb$collapsed$engine, 1000)
  print_bar("sweeps over search, core alone", core / vb$collapsed$core, 1000)
  for (gap in c(1e-2, 1e-4, 1e-6, 1e-8)) {
    at <- which(trace >= target - gap)[1]
    if (is.na(at)) {
      cat(sprintf("  CAVI did not come within %g of the ELBO\n", gap))
      next
    }
    print_bar(
      sprintf("  the same until within %g of the ELBO (%d sweeps)", gap, at),
      core * at / length(trace) / vb$collapsed$core, NA
    )
  }
}

# Bayes ----------------------------------------------------------------------------------

bayes_row <- function(data, fit, prior) {
  method_row("Bayes quadrature", "Bayes", "quadrature", data, fit, prior = prior)
}

# list(draws [draws x chains x 3], sweeps, kept, core, whole) of the Gibbs sampler.
run_gibbs <- function(data, fit, prior, threads) {
  control <- lmm_control(
    draws = if (is_small) 1000 else 5000, warmup = 500, chains = 4, seed = 1, threads = threads
  )
  own <- NULL
  whole <- seconds(function() {
    own <<- lmm(
      y ~ z + re(x), data, method = "Bayes", algorithm = "gibbs", prior = prior, control = control
    )
  })
  problem <- hdlmm:::problem_under(fit, prior)
  inside <- hdlmm:::internal_prior(problem)
  core <- median_seconds(function() {
    hdlmm:::cpp_gibbs(
      problem$system, inside, inside$fixed_precision, hdlmm:::gibbs_options(problem, control),
      hdlmm:::make_host(lmm_control(threads = threads))
    )
  })
  draws <- own$draws[, , c("var_x", "var_Residual", "pve")]
  dimnames(draws)[[3]] <- c("x", "Residual", "pve")
  list(
    draws = draws, whole = whole, core = core,
    sweeps = control$chains * (control$draws + control$warmup),
    kept = control$chains * control$draws
  )
}

# The same by BGLR: one chain. Its set-up is timed by a run of two sweeps.
run_bglr <- function(y, x, z, matched, kappa, n_iter, burn_in, seed = 1) {
  prefix <- file.path(tempdir(), "bglr_")
  terms <- list(x = list(
    X = x, model = "BRR", df0 = matched$df, S0 = matched$scale[["random"]]
  ))
  if (!is.null(z)) terms$z <- list(X = z, model = "FIXED")
  sample <- function(count, burn) {
    set.seed(seed)
    BGLR::BGLR(
      y, ETA = terms, nIter = count, burnIn = burn, thin = 1, df0 = matched$df,
      S0 = matched$scale[["residual"]], saveAt = prefix, verbose = FALSE
    )
  }
  start <- seconds(function() sample(2, 1))
  whole <- seconds(function() sample(n_iter, burn_in))
  kept <- -seq_len(burn_in)
  random <- scan(paste0(prefix, "ETA_x_varB.dat"), quiet = TRUE)[kept]
  residual <- scan(paste0(prefix, "varE.dat"), quiet = TRUE)[kept]
  draws <- array(
    c(random, residual, kappa * random / (kappa * random + residual)), c(length(random), 1, 3),
    list(NULL, NULL, c("x", "Residual", "pve"))
  )
  list(
    draws = draws, whole = whole, core = whole - start, sweeps = n_iter, kept = n_iter - burn_in
  )
}

# Effective draws per second of sampling (core) and of the whole call; kept draws only, the time of
# the warm-up left out of "core" and counted in "whole".
sampler_table <- function(name, run) {
  each <- lapply(dimnames(run$draws)[[3]], function(parameter) {
    draws <- matrix(run$draws[, , parameter], nrow(run$draws))
    ess <- c(bulk = posterior::ess_bulk(draws), tail = posterior::ess_tail(draws))
    data.frame(
      sampler = name, parameter = parameter, bulk = ess[["bulk"]], tail = ess[["tail"]],
      rhat = posterior::rhat(draws),
      bulk_core = ess[["bulk"]] / (run$core * run$kept / run$sweeps),
      tail_core = ess[["tail"]] / (run$core * run$kept / run$sweeps),
      bulk_whole = ess[["bulk"]] / run$whole, tail_whole = ess[["tail"]] / run$whole
    )
  })
  do.call(rbind, each)
}

print_samplers <- function(runs) {
  tables <- Map(sampler_table, names(runs), runs)
  cat(sprintf(
    "\n%-18s %8s %9s %9s %10s\n", "sampler", "sweeps", "whole, s", "core, s", "sweeps/s"
  ))
  for (name in names(runs)) {
    run <- runs[[name]]
    cat(sprintf(
      "%-18s %8d %9.2f %9.3f %10.0f\n", name, as.integer(run$sweeps), run$whole, run$core,
      run$sweeps / run$core
    ))
  }
  cat("\nESS: bulk and tail of the kept draws; per second of sweeps, and of the whole call\n")
  cat(sprintf(
    "%-18s %-9s %8s %8s %7s %11s %11s %12s %12s\n", "sampler", "parameter", "bulk", "tail",
    "R-hat", "bulk/s core", "tail/s core", "bulk/s whole", "tail/s whole"
  ))
  for (table in tables) {
    cat(sprintf(
      "%-18s %-9s %8.0f %8.0f %7.4f %11.1f %11.1f %12.2f %12.2f\n", table$sampler, table$parameter,
      table$bulk, table$tail, table$rhat, table$bulk_core, table$tail_core, table$bulk_whole,
      table$tail_whole
    ), sep = "")
  }
  tables
}

# Posterior means by sampling less those by quadrature, in Monte Carlo standard errors.
print_sampler_means <- function(runs, exact) {
  cat("\nPosterior means less exact Bayes, in Monte Carlo standard errors:\n")
  exact <- c(varcomp(exact), pve = pve(exact)$estimate)
  for (name in names(runs)) {
    z <- vapply(dimnames(runs[[name]]$draws)[[3]], function(parameter) {
      draws <- matrix(runs[[name]]$draws[, , parameter], nrow(runs[[name]]$draws))
      (mean(draws) - exact[[parameter]]) / posterior::mcse_mean(draws)
    }, 0)
    cat(sprintf("%-18s", name), sprintf("%s %+.2f", names(z), z), "\n")
  }
}

print_ess_ratios <- function(own, peer) {
  cat("\nESS per second of Gibbs (1 thread) over that of BGLR:\n")
  for (i in seq_len(nrow(own))) {
    bar <- if (own$parameter[i] == "pve") NA else 50
    print_bar(
      paste0(own$parameter[i], ", bulk, sweeps over sweeps"), own$bulk_core[i] / peer$bulk_core[i],
      bar
    )
    print_bar(
      paste0(own$parameter[i], ", tail, sweeps over sweeps"), own$tail_core[i] / peer$tail_core[i],
      NA
    )
    print_bar(
      paste0(own$parameter[i], ", bulk, lmm() whole over BGLR's sweeps"),
      own$bulk_whole[i] / peer$bulk_core[i], bar
    )
  }
}

# Exact Bayes against BGLR on wheat --------------------------------------------------------

# Posterior means of both variances, for every yield: |z| above 3 would be a disagreement.
print_wheat_agreement <- function(n_iter, burn_in, yields) {
  wheat <- hdlmm::wheat
  # BGLR mixes better on centred columns; the flat intercept makes it the same posterior
  x <- scale(wheat$markers, scale = FALSE)
  kappa <- sum(x^2) / (nrow(x) - 1)
  cat(sprintf(
    "\nWheat, exact Bayes against BGLR's BRR (%d sweeps, %d dropped), matched priors:\n",
    as.integer(n_iter), as.integer(burn_in)
  ))
  cat(sprintf(
    "%-7s %-9s %12s %12s %10s %8s %7s %8s\n", "yield", "variance", "exact", "BGLR", "MCSE", "ESS",
    "z", "BGLR, s"
  ))
  z <- numeric()
  for (i in seq_along(yields)) {
    yield <- yields[i]
    y <- wheat[[yield]]
    matched <- matched_prior(y, NULL, kappa)
    exact <- varcomp(lmm(y ~ re(x), method = "Bayes", prior = matched$prior))
    # a seed for each yield: the same random numbers would tie their errors together
    peer <- run_bglr(y, x, NULL, matched, kappa, n_iter, burn_in, seed = i)
    for (parameter in c("x", "Residual")) {
      draws <- peer$draws[, , parameter]
      mcse <- posterior::mcse_mean(draws)
      z <- c(z, (exact[[parameter]] - mean(draws)) / mcse)
      cat(sprintf(
        "%-7s %-9s %12.6g %12.6g %10.2g %8.0f %+7.2f %8.1f\n", yield, parameter,
        exact[[parameter]], mean(draws), mcse, posterior::ess_bulk(draws), z[length(z)], peer$whole
      ))
    }
  }
  cat(sprintf("largest |z| %.2f of %d; sum of squares %.1f\n", max(abs(z)), length(z), sum(z^2)))
}

# All of it ------------------------------------------------------------------------------

describe_machine(c("hdlmm", "BGLR", "posterior"))
cat(sprintf(
  "n = %d, p = %d, c = %d, pve %.1f; columns of X independent standard normals\n\n",
  as.integer(n), as.integer(p), as.integer(c), pve_true
))
data <- simulate_case()
fit <- lmm(y ~ z + re(x), data)
problem <- hdlmm:::problem_under(fit, NULL)
kappa <- unname(fit$kappa)
decomposition <- median_seconds(function() {
  hdlmm:::build_system(problem$designs[[1]], problem$fixed, host)
})
matched <- matched_prior(data$y, data$z, kappa)

vb <- vb_rows(data, fit, problem)
exact <- bayes_row(data, fit, matched$prior)
rows <- c(em_rows(data, fit, problem), vb, list(exact))
print_methods(rows)
cat(sprintf("decomposition alone: %.3f s\n", decomposition))
print_vb_ratios(vb)

if (!requireNamespace("posterior", quietly = TRUE)) {
  cat("\nposterior is not installed: no effective sample sizes\n")
  quit("no")
}
runs <- list(
  "Gibbs, 1 thread" = run_gibbs(data, fit, matched$prior, 1L),
  "Gibbs, 2 threads" = run_gibbs(data, fit, matched$prior, 2L)
)
has_bglr <- requireNamespace("BGLR", quietly = TRUE)
if (has_bglr) {
  runs$BGLR <- run_bglr(
    data$y, data$x, data$z, matched, kappa, if (is_small) 4000 else 65000,
    if (is_small) 500 else 5000
  )
} else {
  cat("\nBGLR is not installed\n")
}
tables <- print_samplers(runs)
print_sampler_means(runs, exact$fit)
if (has_bglr) {
  print_ess_ratios(tables[[1]], tables$BGLR)
  print_wheat_agreement(
    if (is_small) 4000 else 42000, if (is_small) 500 else 2000,
    if (is_small) "yield1" else paste0("yield", 1:4)
  )
}
