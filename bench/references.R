# Fits with several random terms beside other packages, in numbers: lme4 on its own data and on
# those of mlmRev, nlme on nested designs, glmmTMB, regress and gaston on simulated data, the
# analysis of variance on balanced data, and nlminb() from five starts on simulated blocks.
#
#   Rscript bench/references.R [pattern of section names]
#
# A section whose package is missing is left out and says so. Printed are, for every model, the
# log-likelihood of hdlmm less the other's, the largest relative difference of the variances, that
# of the fitted values per sigma, and the evaluations of either.

suppressMessages(library(hdlmm))
chosen <- c(commandArgs(TRUE), "")[1]

dataset <- function(name, package) {
  place <- new.env()
  utils::data(list = name, package = package, envir = place)
  as.data.frame(place[[name]])
}

line <- function(section, model, gap, variances, fitted, own, other = NA) {
  cat(sprintf(
    "%-8s %-46s gap %9.1e variances %8.1e fitted %8.1e evaluations %3d, %4d\n", section,
    substr(model, 1, 46), gap, variances, fitted, as.integer(own), as.integer(other)
  ))
}

apart <- function(x, y) max(abs(x - y)) / max(abs(y))

evaluations <- function(fit) c(fit$certificate$evaluations, NA)[1]

log_lik <- function(fit) as.numeric(stats::logLik(fit))

# lme4 ---------------------------------------------------------------------------------------

lme4_models <- function() {
  exam <- dataset("Exam", "mlmRev")
  scots <- dataset("ScotsSec", "mlmRev")
  chem <- dataset("Chem97", "mlmRev")
  sleep <- dataset("sleepstudy", "lme4")
  cake <- dataset("cake", "lme4")
  list(
    list(normexam ~ standLRT + (1 | school), exam),
    list(normexam ~ standLRT + (standLRT | school), exam),
    list(normexam ~ standLRT * sex + schgend + (standLRT | school), exam),
    list(normexam ~ standLRT + sex + schavg + (standLRT + sex | school), exam),
    list(score ~ 1 + (1 | school) + (1 | lea), chem),
    list(score ~ gcsecnt + (1 | school) + (1 | lea), chem),
    list(score ~ gcsecnt + (gcsecnt | school) + (1 | lea), chem),
    list(attain ~ sex + (1 | primary) + (1 | second), scots),
    list(attain ~ verbal * sex + social + (1 | primary) + (1 | second), scots),
    list(attain ~ verbal + sex + (1 | second) + (verbal | primary), scots),
    list(mAch ~ meanses * cses + sector * cses + (cses | school), dataset("Hsb82", "mlmRev")),
    list(
      math ~ year * size + female + (year | childid) + (year | schoolid),
      dataset("egsingle", "mlmRev")
    ),
    list(diameter ~ 1 + (1 | plate) + (1 | sample), dataset("Penicillin", "lme4")),
    list(strength ~ 1 + (1 | batch / cask), dataset("Pastes", "lme4")),
    list(Yield ~ 1 + (1 | Batch), dataset("Dyestuff", "lme4")),
    list(Yield ~ 1 + (1 | Batch), dataset("Dyestuff2", "lme4")),
    list(angle ~ recipe * temp + (1 | replicate) + (1 | recipe:replicate), cake),
    list(Reaction ~ Days + (Days | Subject), sleep),
    list(Reaction ~ Days + (Days || Subject), sleep)
  )
}

compare_lme4 <- function() {
  control <- lme4::lmerControl(
    optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 1e5), calc.derivs = FALSE
  )
  for (model in lme4_models()) for (method in c("REML", "ML")) {
    own <- suppressMessages(lmm(model[[1]], model[[2]], method = method))
    other <- suppressMessages(suppressWarnings(
      lme4::lmer(model[[1]], model[[2]], REML = method == "REML", control = control)
    ))
    line(
      "lme4", paste(method, deparse1(model[[1]])), log_lik(own) - log_lik(other),
      apart(sort(as.data.frame(VarCorr(own))$vcov), sort(as.data.frame(lme4::VarCorr(other))$vcov)),
      max(abs(fitted(own) - fitted(other))) / sigma(own), evaluations(own), other@optinfo$feval
    )
  }
}

# nlme ---------------------------------------------------------------------------------------

nlme_models <- function() {
  # list(fixed part, random part of lme(), formula of lmm(), data)
  diagonal <- nlme::pdDiag
  list(
    Pixel = list(
      pixel ~ day + I(day^2), list(Dog = ~day, Side = ~1),
      pixel ~ day + I(day^2) + (day | Dog) + (1 | Dog:Side)
    ),
    Oxide = list(Thickness ~ 1, ~ 1 | Lot / Wafer, Thickness ~ 1 + (1 | Lot / Wafer)),
    Wafer = list(
      current ~ voltage + I(voltage^2),
      list(Wafer = diagonal(~voltage), Site = diagonal(~voltage)),
      current ~ voltage + I(voltage^2) + (voltage || Wafer) + (voltage || Wafer:Site)
    ),
    Machines = list(
      score ~ Machine, ~ 0 + Machine | Worker, score ~ Machine + (0 + Machine | Worker)
    ),
    Orthodont = list(
      distance ~ Sex * I(age - 11), ~ I(age - 11) | Subject,
      distance ~ Sex * I(age - 11) + (I(age - 11) | Subject)
    ),
    Oats = list(
      yield ~ Variety * factor(nitro), ~ 1 | Block / Variety,
      yield ~ Variety * factor(nitro) + (1 | Block / Variety)
    ),
    BodyWeight = list(weight ~ Time * Diet, ~ Time | Rat, weight ~ Time * Diet + (Time | Rat))
  )
}

compare_nlme <- function() {
  control <- nlme::lmeControl(
    msMaxIter = 1000, maxIter = 500, tolerance = 1e-10, msTol = 1e-12, returnObject = TRUE
  )
  models <- nlme_models()
  for (name in names(models)) for (method in c("REML", "ML")) {
    model <- models[[name]]
    own <- suppressMessages(lmm(model[[3]], dataset(name, "nlme"), method = method))
    other <- suppressWarnings(nlme::lme(
      model[[1]], data = dataset(name, "nlme"), random = model[[2]], method = method,
      control = control
    ))
    line(
      "nlme", paste(name, method), log_lik(own) - log_lik(other),
      abs(sigma(own) / stats::sigma(other) - 1), max(abs(fitted(own) - fitted(other))) / sigma(own),
      evaluations(own)
    )
  }
}

# Balanced data ------------------------------------------------------------------------------

mean_squares <- function(formula, data) {
  table <- summary(stats::aov(formula, data))[[1]]
  stats::setNames(table[["Mean Sq"]], trimws(rownames(table)))
}

compare_anova <- function() {
  for (seed in 1:5) {
    set.seed(seed)
    d <- expand.grid(r = 1:4, b = factor(1:5), a = factor(1:6))
    d$y <- 5 + 2 * rnorm(6)[d$a] + 1.5 * rnorm(5)[d$b] + rnorm(30)[interaction(d$a, d$b)] +
      rnorm(120)
    ms <- mean_squares(y ~ a * b, d)
    own <- lmm(y ~ 1 + (1 | a:b) + (1 | a) + (1 | b), d)
    wanted <- c(
      ms["a:b"] - ms["Residuals"], (ms["a"] - ms["a:b"]) / 5, (ms["b"] - ms["a:b"]) / 6
    ) / 4
    if (all(wanted > 0)) {
      line("anova", "crossed", 0, apart(varcomp(own)[1:3], wanted), 0, evaluations(own))
    }
    ms <- mean_squares(y ~ a / b, d)
    own <- lmm(y ~ 1 + (1 | a / b), d)
    wanted <- c("b:a" = ms[["a:b"]] - ms[["Residuals"]], a = (ms[["a"]] - ms[["a:b"]]) / 5) / 4
    if (all(wanted > 0)) {
      line("anova", "nested", 0, apart(varcomp(own)[names(wanted)], wanted), 0, evaluations(own))
    }
  }
}

# Simulated data -----------------------------------------------------------------------------

compare_glmmtmb <- function() {
  formulas <- list(
    y ~ x + (x | a), y ~ x + (1 | a) + (1 | b), y ~ x + (x | a) + (1 | b), y ~ x + (1 | a / b),
    y ~ x + t + (x | a) + (0 + t | c), y ~ x * t + (1 | a) + (1 | b) + (1 | c),
    y ~ x + (x | a) + (t | c), y ~ x + (1 | a) + (0 + x | a) + (1 | c), y ~ x + (t | a) + (1 | b),
    y ~ x + (x | a) + (1 | a:b) + (1 | c)
  )
  for (i in seq_along(formulas)) {
    set.seed(100 + i)
    level <- function(m) factor(sample(m, 240, TRUE))
    d <- data.frame(a = level(12), b = level(8), c = level(20), x = rnorm(240), t = runif(240))
    d$y <- 1 + d$x + rnorm(12)[d$a] + 0.7 * rnorm(12)[d$a] * d$x + rnorm(8)[d$b] +
      0.5 * rnorm(20)[d$c] * d$t + rnorm(240)
    own <- lmm(formulas[[i]], d)
    other <- suppressWarnings(glmmTMB::glmmTMB(formulas[[i]], data = d, REML = TRUE))
    line(
      "glmmTMB", deparse1(formulas[[i]]), log_lik(own) - log_lik(other),
      abs(sigma(own) / stats::sigma(other) - 1), max(abs(fitted(own) - fitted(other))) / sigma(own),
      evaluations(own)
    )
  }
}

two_kernels <- function(seed, n = 150) {
  set.seed(seed)
  kernel <- function(p) tcrossprod(scale(matrix(rbinom(n * p, 2, 0.3), n), scale = FALSE)) / p
  draw <- function(k) {
    e <- eigen(k, TRUE)
    drop(e$vectors %*% (sqrt(pmax(e$values, 0)) * rnorm(n)))
  }
  one <- kernel(300)
  two <- kernel(40)
  d <- data.frame(x = rnorm(n))
  d$y <- 1 + d$x + draw(one) + draw(two) + rnorm(n)
  list(data = d, one = one, two = two)
}

compare_regress <- function() {
  for (seed in 1:6) {
    model <- two_kernels(seed)
    one <- model$one
    two <- model$two
    own <- lmm(y ~ x + re(kernel = one) + re(kernel = two), model$data)
    other <- regress::regress(
      y ~ x, ~ one + two, data = model$data, pos = rep(TRUE, 3), tol = 1e-10, maxcyc = 500
    )
    # it leaves out the constants of the restricted likelihood
    z <- cbind(1, model$data$x)
    constant <- -0.5 * (148 * log(2 * pi) + c(determinant(crossprod(z))$modulus))
    line(
      "regress", "two kernels", log_lik(own) - other$llik - constant,
      apart(varcomp(own), other$sigma), 0, evaluations(own), other$cycle
    )
  }
}

compare_gaston <- function() {
  for (seed in 1:6) {
    model <- two_kernels(seed)
    one <- model$one
    two <- model$two
    own <- lmm(y ~ x + re(kernel = one) + re(kernel = two), model$data)
    other <- gaston::lmm.aireml(
      model$data$y, cbind(1, model$data$x), list(one, two), verbose = FALSE, eps = 1e-9,
      max_iter = 200
    )
    line(
      "gaston", "two kernels", NA, apart(varcomp(own), c(other$tau, other$sigma2)),
      max(abs(ranef(own)[[1]] + ranef(own)[[2]] - other$BLUP_omega)) / sigma(own), evaluations(own)
    )
  }
}

# (x | g) + (1 | h), half of them singular ---------------------------------------------------

block_data <- function(seed) {
  set.seed(seed)
  j <- sample(8:40, 1)
  k <- sample(5:20, 1)
  n <- sample(c(4, 8, 15), 1) * j
  d <- data.frame(
    g = factor(c(1:j, 1:j, sample(j, n - 2 * j, TRUE))), h = factor(c(1:k, sample(k, n - k, TRUE))),
    x = round(rnorm(n, sample(c(0, 3), 1)), 3)
  )
  singular <- list(c(1, 0, 0, 1), c(0, 0, 0, 1), c(0.5, 0.5, 1, 0), c(0.7, 0.3, -1, 0.4))
  # deviations of intercept and slope, their correlation, deviation of h
  size <- if (seed %% 2 == 0) sample(singular, 1)[[1]] else
    c(runif(2, 0.3, 1.2), runif(1, -0.7, 0.7), runif(1, 0.3, 1.2))
  u <- matrix(rnorm(2 * j), j)
  slope <- size[2] * (size[3] * u[, 1] + sqrt(1 - size[3]^2) * u[, 2])
  d$y <- 1 + d$x + size[1] * u[d$g, 1] + slope[d$g] * d$x + size[4] * rnorm(k)[d$h] + rnorm(n)
  d
}

compare_blocks <- function() {
  starts <- list(
    c(1, 0, 1, 1), c(0.1, 0, 0.1, 0.1), c(3, 0, 3, 1), c(1, 0.5, 0.2, 0.1), c(0.2, -0.5, 0.5, 2)
  )
  formula <- y ~ x + (x | g) + (1 | h)
  found <- vapply(1:200, function(seed) {
    d <- block_data(seed)
    own <- lmm(formula, d)
    quietly <- function(expr) suppressMessages(suppressWarnings(expr))
    other <- quietly(lme4::lmer(formula, d, control = lme4::lmerControl(calc.derivs = FALSE)))
    deviance <- quietly(lme4::lmer(formula, d, devFunOnly = TRUE))
    best <- min(vapply(starts, function(start) {
      stats::nlminb(
        start, deviance, lower = c(0, -Inf, 0, 0), control = list(rel.tol = 1e-14, x.tol = 1e-12)
      )$objective
    }, 0))
    c(
      worse = max(log_lik(other), -best / 2) - log_lik(own), own = evaluations(own),
      all = own$certificate$all_evaluations, lme4 = other@optinfo$feval,
      missed = log_lik(own) - log_lik(other), singular = length(own$boundary) > 0
    )
  }, numeric(6))
  cat(
    "blocks   200 of (x | g) + (1 | h), ", sum(found["singular", ]), " singular: hdlmm lower by ",
    "at most ", format(max(found["worse", ]), digits = 2), "; lme4 lower by more than 1e-4 in ",
    sum(found["missed", ] > 1e-4), "; evaluations, median and most: hdlmm ",
    stats::median(found["own", ]), ", ", max(found["own", ]), " (all climbs ",
    stats::median(found["all", ]), "), lme4 ", stats::median(found["lme4", ]), ", ",
    max(found["lme4", ]), "\n", sep = ""
  )
}

sections <- list(
  lme4 = list(compare_lme4, c("lme4", "mlmRev")), nlme = list(compare_nlme, "nlme"),
  anova = list(compare_anova, character()), glmmTMB = list(compare_glmmtmb, "glmmTMB"),
  regress = list(compare_regress, "regress"), gaston = list(compare_gaston, "gaston"),
  blocks = list(compare_blocks, "lme4")
)
for (name in grep(chosen, names(sections), value = TRUE)) {
  missing <- Filter(
    function(package) !requireNamespace(package, quietly = TRUE), sections[[name]][[2]]
  )
  if (length(missing) > 0) {
    cat(name, "is left out:", missing, "is not installed\n")
  } else {
    sections[[name]][[1]]()
  }
}
