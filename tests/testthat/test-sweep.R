# Every way of inference on designs and responses at the edge of what can be fitted, under priors
# that leave moments undefined: each function answers or refuses by class, and warns by class.

edge_designs <- c("x + re(zero)", "x + re(one)", "x + re(wide)", "0 + re(wide)", "0 + re(zero)")

edge_data <- function(n = 12) {
  set.seed(1)
  d <- data.frame(x = rnorm(n))
  d$wide <- matrix(rnorm(n * 20), n)
  d$one <- matrix(rnorm(n), n)
  d$zero <- matrix(0, n, 3)
  d$noisy <- d$x + drop(d$wide %*% rnorm(20, 0, 0.2)) + rnorm(n)
  d$exact <- 1 + 2 * d$x
  d$nothing <- 0
  d
}

edge_verbs <- list(
  print = function(fit, d) capture.output(print(fit)),
  summary = function(fit, d) capture.output(print(summary(fit))),
  ranef = function(fit, d) capture.output(print(ranef(fit, se = TRUE))),
  varcomp = function(fit, d) list(varcomp(fit), pve(fit), VarCorr(fit)),
  vcov = function(fit, d) vcov(fit, full = TRUE),
  confint = function(fit, d) confint(fit),
  wald = function(fit, d) confint(fit, method = "wald"),
  profile = function(fit, d) capture.output(print(profile(fit, n = 9))),
  plot = function(fit, d) plot(fit, n = 20),
  likelihood = function(fit, d) list(logLik(fit), AIC(fit), BIC(fit)),
  deviance = function(fit, d) deviance(fit),
  extractAIC = function(fit, d) extractAIC(fit),
  predict = function(fit, d) predict(fit, se.fit = TRUE, interval = "prediction"),
  new_rows = function(fit, d) predict(fit, d[1:3, ], se.fit = TRUE, interval = "prediction"),
  new_rows_fixed = function(fit, d) predict(fit, d[1:3, ], random = FALSE, se.fit = TRUE),
  posterior_predict = function(fit, d) posterior_predict(fit, d[1:3, ], draws = 3),
  posterior_sample = function(fit, d) posterior_sample(fit, 5, beta = TRUE),
  posterior_summary = function(fit, d) posterior_summary(fit),
  posterior_effect = function(fit, d) posterior_summary(fit, names(ranef(fit)[[1]])[1]),
  posterior_density = function(fit, d) posterior_density(fit, n = 20),
  simulate = function(fit, d) list(simulate(fit, 2), simulate(fit, 2, random = TRUE)),
  loo = function(fit, d) capture.output(print(loo(fit))),
  hatvalues = function(fit, d) hatvalues(fit),
  residuals = function(fit, d) residuals(fit, "scaled"),
  elbo = function(fit, d) elbo(fit),
  kl_gap = function(fit, d) kl_gap(fit),
  log_evidence = function(fit, d) log_evidence(fit),
  bayes_factor = function(fit, d) bayes_factor(fit),
  anova = function(fit, d) anova(fit),
  drop1 = function(fit, d) drop1(fit),
  test_random = function(fit, d) test_random(fit, draws = 20),
  update = function(fit, d) update(fit, . ~ .),
  convergence = function(fit, d) convergence(fit)
)

# What is unclassed, in words; NULL where nothing is. The value is lost where there is an error.
unclassed <- function(expr, label) {
  said <- NULL
  value <- withCallingHandlers(
    tryCatch(expr, hdlmm_error = function(e) NULL, error = function(e) {
      said <<- c(said, paste(label, "error:", conditionMessage(e)))
      NULL
    }),
    warning = function(w) {
      if (!inherits(w, "hdlmm_warning")) {
        said <<- c(said, paste(label, "warning:", conditionMessage(w)))
      }
      invokeRestart("muffleWarning")
    },
    message = function(m) invokeRestart("muffleMessage")
  )
  list(value = value, said = said)
}

sweep_fits <- function(design, response, engines, prior = NULL) {
  d <- edge_data()
  said <- NULL
  settings <- list(
    as.formula(paste(response, "~", design)), d,
    control = lmm_control(seed = 1, draws = 60, warmup = 40, chains = 2)
  )
  if (!is.null(prior)) settings$prior <- prior
  for (i in seq_len(nrow(engines))) {
    label <- paste(design, response, engines$method[i], engines$algorithm[i])
    one <- c(settings, method = engines$method[i], algorithm = engines$algorithm[i])
    fit <- unclassed(do.call(lmm, one), label)
    said <- c(said, fit$said)
    if (is.null(fit$value)) next
    for (verb in names(edge_verbs)) {
      said <- c(said, unclassed(edge_verbs[[verb]](fit$value, d), paste(label, verb))$said)
    }
  }
  said
}

test_that("no likelihood fit of an edge ends in an error or a warning without class", {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  engines <- lmm_methods()
  engines <- engines[engines$method %in% c("REML", "ML"), ]
  engines <- engines[engines$algorithm %in% c("direct", "em"), ]
  for (design in edge_designs) {
    for (response in c("noisy", "exact", "nothing")) {
      expect_identical(sweep_fits(design, response, engines), NULL)
    }
  }
})

test_that("nor does a posterior or a bound, be it without moments", {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  engines <- lmm_methods()
  engines <- engines[engines$method %in% c("MAP", "VB", "Bayes"), ]
  engines <- engines[!engines$algorithm %in% c("em", "pxem"), ]
  heavy <- lmm_prior(random = prior_half_t(1, 2.5), residual = prior_half_t(1, 2.5))
  for (response in c("noisy", "exact", "nothing")) {
    expect_identical(sweep_fits("x + re(one)", response, engines, heavy), NULL)
    expect_identical(sweep_fits("0 + re(wide)", response, engines), NULL)
  }
  expect_identical(sweep_fits("x + re(zero)", "noisy", engines, heavy), NULL)
})
