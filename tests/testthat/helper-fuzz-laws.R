# The laws of test-fuzz.R. fuzz_broken(case) fits a case of helper-fuzz.R and returns what
# it found broken, one string each.

fuzz_seconds <- 30 # of CPU time in one step; each takes milliseconds

# The value of a step, or NULL after an error. Errors and warnings that are not the
# package's go to `broken`.
fuzz_step <- function(name, expr, broken) {
  setTimeLimit(cpu = fuzz_seconds, transient = TRUE)
  on.exit(setTimeLimit())
  note <- function(condition, wanted) {
    if (inherits(condition, wanted)) return(invisible())
    broken$laws <- c(broken$laws, paste0(
      name, ": ", class(condition)[1], ": ", conditionMessage(condition)
    ))
  }
  withCallingHandlers(
    tryCatch(expr, error = function(e) {
      note(e, "hdlmm_error")
      NULL
    }),
    warning = function(w) {
      note(w, "hdlmm_warning")
      broken$warned <- c(broken$warned, class(w))
      invokeRestart("muffleWarning")
    },
    message = function(m) invokeRestart("muffleMessage")
  )
}

fuzz_law <- function(holds, broken, ...) {
  if (!isTRUE(holds)) broken$laws <- c(broken$laws, paste0(...))
}

# What users do with a fit; none may end in an error that the package did not write.
fuzz_methods_of_fits <- list(
  print = function(fit, case) utils::capture.output(print(fit)),
  summary = function(fit, case) utils::capture.output(print(summary(fit))),
  ranef = function(fit, case) ranef(fit, se = TRUE),
  tables = function(fit, case) {
    list(generics::tidy(fit), generics::glance(fit), generics::augment(fit))
  },
  variances = function(fit, case) list(varcomp(fit), pve(fit), VarCorr(fit), sigma(fit)),
  fixed = function(fit, case) list(fixef(fit), vcov(fit), df.residual(fit)),
  wald = function(fit, case) confint(fit, method = "wald"),
  profile_limits = function(fit, case) confint(fit),
  boot = function(fit, case) confint(fit, method = "boot", draws = 9, seed = 1),
  exact = function(fit, case) confint(fit, "pve", method = "exact", draws = 19, seed = 1),
  test_random = function(fit, case) print(test_random(fit, draws = 19, seed = 1)),
  anova = function(fit, case) anova(fit), drop1 = function(fit, case) drop1(fit),
  ml = function(fit, case) update(fit, method = "ML", algorithm = NULL, prior = NULL),
  larger = function(fit, case) update(fit, . ~ . + u),
  profile = function(fit, case) profile(fit, n = 7),
  simulate = function(fit, case) simulate(fit, 2, seed = 1),
  sample = function(fit, case) posterior_sample(fit, 5, seed = 1, beta = TRUE),
  predictive = function(fit, case) posterior_predict(fit, draws = 3, seed = 1),
  summaries = function(fit, case) posterior_summary(fit),
  intervals = function(fit, case) {
    predict(fit, case$env$d[2:1, ], se.fit = TRUE, interval = "prediction")
  },
  none = function(fit, case) predict(fit, case$env$d[0, ]),
  hat = function(fit, case) hatvalues(fit), loo = function(fit, case) loo(fit),
  compare = function(fit, case) compare_methods(fit),
  stored = function(fit, case) unserialize(serialize(fit, NULL)),
  plot = function(fit, case) {
    grDevices::pdf(NULL)
    on.exit(grDevices::dev.off())
    plot(fit, ask = FALSE)
  }
)

fuzz_broken <- function(case, n_methods = 6) {
  broken <- new.env()
  fit <- fuzz_step("lmm", eval(case$call, case$env), broken)
  warned <- broken$warned
  if (!is.null(fit)) {
    fuzz_laws(fit, case, warned, broken)
    set.seed(case$seed)
    for (name in sample(names(fuzz_methods_of_fits), n_methods)) {
      utils::capture.output(
        fuzz_step(name, fuzz_methods_of_fits[[name]](fit, case), broken)
      )
    }
  }
  broken$laws
}

# log10 of how far the cells of K, as weighted, lie apart.
squared_spread <- function(fit) {
  w <- stats::weights(fit)
  w <- w[which(w > 0)] # padded rows have none
  columns <- vapply(fit$designs, function(design) max(0, design$log10_spread), 0)
  2 * max(0, columns) + if (length(w) > 0) log10(max(w) / min(w)) else 0
}

fuzz_laws <- function(fit, case, warned, broken) {
  step <- function(name, expr) fuzz_step(name, expr, broken)
  fitted <- as.numeric(fit$fitted)
  fuzz_law(all(is.finite(fitted)), broken, "fitted values are not finite")
  size <- max(
    abs(c(fitted, stats::model.offset(fit$frame))), stats::sd(fit$frame[[1]]), na.rm = TRUE
  )
  new <- step("predict", predict(fit, case$env$d))
  rows <- match(rownames(fit$frame), rownames(case$env$d))
  # 1e-7: formed anew from the data, with columns of size 1e4 beside such of 1e-4; weights that
  # span more than is supported cost digits, and the fit has said so; both together add up
  is_supported <- !any(grepl("badly_scaled", warned)) && squared_spread(fit) <= 24
  if (!is.null(new) && is_supported) fuzz_law(
    max(abs(new[rows] - fitted)) <= 1e-7 * size, broken,
    "predict() of the data differs from fitted() by ", max(abs(new[rows] - fitted)) / size
  )
  again <- step("update", update(fit))
  if (!is.null(again)) fuzz_law(
    identical(varcomp(again), varcomp(fit)) && identical(fitted(again), fitted(fit)),
    broken, "update(fit) is another fit"
  )
  if (!is.null(fit$q)) {
    e <- step("evidence", c(elbo(fit), kl_gap(fit), log_evidence(fit)))
    # 1e-6: the gap is integrated numerically
    if (all(is.finite(e)) && length(e)) fuzz_law(
      abs(e[1] + e[2] - e[3]) <= 1e-6 * (1 + abs(e[3])), broken,
      "elbo + gap - evidence = ", e[1] + e[2] - e[3]
    )
  }
  if (identical(fit$method, "OLS")) return(fuzz_ols_law(fit, size, broken))
  model <- fuzz_dense(fit, case, rows)
  if (!is.null(model)) fuzz_dense_laws(fit, model, warned, size, broken)
}

fuzz_ols_law <- function(fit, size, broken) {
  frame <- stats::model.frame(fit)
  z <- stats::model.matrix(stats::terms(fit), frame)
  offset <- value_or_zero(stats::model.offset(frame))
  w <- if (is.null(fit$weights)) rep(1, nrow(z)) else as.numeric(fit$weights)
  lm <- stats::lm.wfit(z, frame[[1]] - offset, w, tol = 1e-11)
  error <- max(abs(lm$fitted.values + offset - as.numeric(fit$fitted))) / size
  # 1e-6: nearly dependent columns, as x, h and twice the one beside holes of the other
  fuzz_law(error <= 1e-6, broken, "OLS differs from lm() by ", error)
}

value_or_zero <- function(x) if (is.null(x)) 0 else x

# The dense model of a fit, where double precision allows to judge by it.
fuzz_dense <- function(fit, case, rows) {
  if (is.null(case$units) || anyNA(rows)) return(NULL)
  frame <- stats::model.frame(fit)
  units <- case$units(rows)
  z <- stats::model.matrix(stats::terms(fit), frame)
  q <- qr(z / rep(pmax(sqrt(colSums(z^2)), 1e-300), each = nrow(z)), tol = 1e-9)
  z <- if (q$rank > 0) qr.Q(q)[, seq_len(q$rank), drop = FALSE] else z[, 0]
  w <- if (is.null(fit$weights)) rep(1, nrow(z)) else as.numeric(fit$weights)
  y <- as.numeric(frame[[1]]) - value_or_zero(stats::model.offset(frame))
  model <- dense_model(y, z, units$a, units$s, w)
  log_scale <- sum(log(abs(diag(qr.R(q))[seq_len(q$rank)]))) +
    sum(log(sqrt(colSums(stats::model.matrix(stats::terms(fit), frame)^2)))[
      q$pivot[seq_len(q$rank)]])
  model$log_scale <- log_scale
  v <- unname(varcomp(fit))
  if (length(v) != 2 || anyNA(v) || max(w) > 1e6 * min(w)) return(NULL)
  # the residual variance must be seen beside the largest of V, and the signal beside 0
  if (v[2] <= 1e-7 * v[1] * max(abs(model$gram)) || v[2] <= 0) return(NULL)
  if (max(abs(y)) > 1e5 * stats::sd(y) || dense_kappa(model) <= 1e-9 * max(abs(model$gram))) {
    return(NULL)
  }
  model
}

fuzz_dense_laws <- function(fit, model, warned, size, broken) {
  v <- unname(varcomp(fit))
  if (fit$method %in% c("REML", "ML")) {
    found <- as.numeric(logLik(fit))
    # dense_model has an orthonormal Z: log|R| of the user's columns belongs to REML
    shift <- if (fit$method == "REML") model$log_scale else 0
    dense <- dense_loglik(model, v, fit$method) - shift
    # 1e-6: V of condition 1e7 in double precision
    fuzz_law(abs(found - dense) <= 1e-6 * (1 + abs(dense)), broken,
      "logLik ", format(found, digits = 12), ", dense ", format(dense, digits = 12))
    is_maximum <- identical(fit$algorithm, "direct") &&
      !any(grepl("unbounded|converge", warned))
    if (is_maximum) {
      best <- fuzz_maximum(model, fit$method) - shift
      fuzz_law(found >= best - 1e-6 * (1 + abs(best)), broken,
        "logLik ", format(found, digits = 12), ", best on a grid ", format(best, digits = 12))
    }
    effects <- dense_effects(model, v)$mean
    mine <- as.numeric(fit$fitted) - value_or_zero(fit$offset)
    blup <- drop(model$z %*% dense_state(model, v)$omega + model$a %*% effects)
    fuzz_law(max(abs(mine - blup)) <= 1e-6 * size, broken,
      "fitted values differ from dense ones by ", max(abs(mine - blup)) / size)
    if (length(model$y) <= 12) fuzz_loo_law(fit, model, v, size, broken)
  }
}

fuzz_loo_law <- function(fit, model, v, size, broken) {
  if (length(model$y) <= ncol(model$z) + 1) return(invisible())
  found <- fuzz_step("loo", loo(fit)$table, broken)
  wanted <- tryCatch(dense_loo(model, v), error = function(e) NULL)  # a row that Z needs
  if (is.null(found) || is.null(wanted)) return(invisible())
  error <- max(abs(found$prediction - value_or_zero(fit$offset) - wanted$mean)) / size
  # 1e-5: divides by P_ii, which is small for a row that the others hardly predict
  fuzz_law(error <= 1e-5, broken, "loo() differs from refits by ", error)
}

# Largest profiled likelihood over a grid of h, refined between its neighbours.
fuzz_maximum <- function(model, method) {
  kappa <- dense_kappa(model)
  at <- function(h) {
    tryCatch(dense_profile(model, h, method, kappa), error = function(e) -Inf)
  }
  h <- c(0, 10^(-6:-3), seq(0.01, 0.99, 0.02), 1 - 10^(-3:-6))
  value <- vapply(h, at, 0)
  value[!is.finite(value)] <- -Inf
  best <- which.max(value)
  inside <- stats::optimize(
    at, h[c(max(1, best - 1), min(length(h), best + 1))], maximum = TRUE, tol = 1e-9
  )
  max(value, inside$objective)
}
