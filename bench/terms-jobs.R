# What bench/terms.R times: fits with several random terms or correlated slopes. Sides and jobs are
# as in bench/speed-jobs.R, which is read first.

# Data -----------------------------------------------------------------------------------

from_package <- function(name, package) {
  get(utils::data(list = name, package = package, envir = environment()))
}

insteval_data <- function(n) from_package("InstEval", "lme4")[seq_len(n), ]

sleep_data <- function(n) from_package("sleepstudy", "lme4")[seq_len(n), ]

# Three relationship matrices of full rank, equal variances.
kernel_terms_data <- function(n) {
  set.seed(20265)
  d <- list(y = stats::rnorm(n))
  for (name in c("k1", "k2", "k3")) {
    x <- matrix(stats::rnorm(n * ceiling(1.5 * n)), n) / sqrt(ceiling(1.5 * n))
    d[[name]] <- tcrossprod(x)
    d$y <- d$y + drop(x %*% stats::rnorm(ncol(x)))
  }
  d
}

# Markers as in bench/speed-jobs.R, beside them sites with as much variance as the residual.
site_data <- function(n, p, levels) {
  d <- plain_data(n, p)
  d$site <- factor(sample(levels, n, replace = TRUE))
  d$y <- d$y + stats::rnorm(nlevels(d$site))[d$site]
  d
}

# Crossed at random: one factor with many levels, one with 50.
crossed_data <- function(n, levels) {
  set.seed(20266)
  a <- factor(sample(levels, n, replace = TRUE))
  b <- factor(sample(50, n, replace = TRUE))
  y <- 1 + stats::rnorm(nlevels(a))[a] + stats::rnorm(50)[b] + stats::rnorm(n)
  data.frame(y, a, b)
}

# Two maps of as many square cells each, the second shifted: a cell of one meets two or four of the
# other (homes and workplaces, schools and quarters).
map_data <- function(n, levels) {
  set.seed(20267)
  side <- round(sqrt(levels))
  east <- stats::runif(n)
  north <- stats::runif(n)
  cell <- function(x, y) factor(floor(pmin(x, 1 - 1e-9) * side) * side + floor(y * side))
  a <- cell(east, north)
  b <- cell(east + 0.3 / side, pmin(north + 0.4 / side, 1 - 1e-9))
  y <- 1 + stats::rnorm(nlevels(a))[a] + 0.7 * stats::rnorm(nlevels(b))[b] + stats::rnorm(n)
  data.frame(y, a, b)
}

# Two factors of as many levels, three rows a level: any level may meet any other.
thin_data <- function(n, levels) {
  set.seed(20268)
  a <- factor(sample(levels, n, replace = TRUE))
  b <- factor(sample(levels, n, replace = TRUE))
  y <- 1 + stats::rnorm(nlevels(a))[a] + 0.7 * stats::rnorm(nlevels(b))[b] + stats::rnorm(n)
  data.frame(y, a, b)
}

# Sides ------------------------------------------------------------------------------------

# The variance of the first term over that of the residual.
own_terms <- function(formula, ...) {
  side(function(d) {
    fit <- hdlmm::lmm(formula, d, control = hdlmm::lmm_control(threads = threads))
    hdlmm::ranef(fit)
    variances <- hdlmm::varcomp(fit)
    variances[[1]] / variances[["Residual"]]
  }, blas = "default", ...)
}

# calc.derivs = FALSE leaves out the check of the maximum by differences; the effects' conditional
# variances, which ranef() of lme4 makes unasked, are not asked for. term: the first.
lmer_side <- function(formula, term, derivs = TRUE, ...) {
  side(function(d) {
    fit <- suppressMessages(lme4::lmer(
      formula, data = d, control = lme4::lmerControl(calc.derivs = derivs)
    ))
    lme4::ranef(fit, condVar = FALSE)
    lme4::VarCorr(fit)[[term]][1] / stats::sigma(fit)^2
  }, "lme4", blas = "default", ...)
}

gaston_terms_side <- function(...) {
  side(function(d) {
    fit <- gaston::lmm.aireml(
      d$y, X = matrix(1, length(d$y)), K = list(d$k1, d$k2, d$k3), verbose = FALSE
    )
    fit$tau[1] / fit$sigma2
  }, "gaston", blas = "default", ...)
}

lmer_sides <- function(...) {
  list(lme4 = lmer_side(...), "lme4, no derivs" = lmer_side(..., derivs = FALSE))
}

# Jobs -------------------------------------------------------------------------------------

lme4_jobs <- function(n_insteval) {
  rated <- y ~ service + (1 | s) + (1 | d) + (1 | dept:service)
  slopes <- Reaction ~ Days + (Days | Subject)
  list(
    job(
      "insteval", shape("InstEval, three factors", list(n = n_insteval)), insteval_data,
      list(n = n_insteval), own_terms(rated), lmer_sides(rated, "s"), tiny = list(n = 2000)
    ),
    job(
      "sleepstudy", "sleepstudy, (Days | Subject)", sleep_data, list(n = 180),
      own_terms(slopes), lmer_sides(slopes, "Subject"), tiny = list(n = 180)
    )
  )
}

wide_terms_jobs <- function(n_kernels, wide) {
  kernels <- y ~ re(kernel = k1) + re(kernel = k2) + re(kernel = k3)
  list(
    job(
      "kernels", shape("three kernels", list(n = n_kernels)), kernel_terms_data,
      list(n = n_kernels), own_terms(kernels), list("gaston, AIREML" = gaston_terms_side())
    ),
    job(
      "markers-site", shape("markers + (1 | site)", wide), site_data, wide,
      own_terms(y ~ re(x) + (1 | site)),
      list("markers alone" = own_terms(y ~ re(x), is_same = FALSE)),
      tiny = list(n = 40, p = 60, levels = 5)
    )
  )
}

crossed_job <- function(along, size) {
  formula <- y ~ 1 + (1 | a) + (1 | b)
  job(
    paste0("crossed-", along, "-", size[[along]]),
    shape("crossed with 50", size), crossed_data, size,
    own_terms(formula), list("lme4, no derivs" = lmer_side(formula, "a", FALSE)), ladder = along
  )
}

# Crossed factors of which each level meets few levels of the other.
sparse_jobs <- function(cells, levels) {
  formula <- y ~ 1 + (1 | a) + (1 | b)
  own <- own_terms(formula)
  other <- list("lme4, no derivs" = lmer_side(formula, "a", FALSE))
  map <- list(n = 6 * cells, levels = cells)
  thin <- list(n = 3 * levels, levels = levels)
  list(
    job(
      "maps", shape("two maps", map), map_data, map, own, other,
      tiny = list(n = 300, levels = 36)
    ),
    job(
      "thin", shape("crossed, three rows a level", thin), thin_data, thin, own, other,
      tiny = list(n = 300, levels = 100)
    )
  )
}

terms_jobs <- function(is_short) {
  levels <- if (is_short) c(300, 1000, 3000) else c(1000, 3000, 10000, 30000)
  n <- if (is_short) c(3000, 10000, 30000) else c(1e4, 3e4, 1e5, 3e5)
  n_fixed <- if (is_short) 1e4 else 1e5
  jobs <- c(
    lme4_jobs(if (is_short) 10000 else 73421),
    if (is_short) wide_terms_jobs(500, list(n = 500, p = 2000, levels = 20)) else
      wide_terms_jobs(2000, list(n = 2000, p = 10000, levels = 50)),
    if (is_short) sparse_jobs(1600, 1000) else sparse_jobs(2e4, 6000),
    lapply(levels, function(q) crossed_job("levels", list(n = n_fixed, levels = q))),
    lapply(n, function(m) crossed_job("n", list(n = m, levels = 1000)))
  )
  stats::setNames(jobs, vapply(jobs, `[[`, "", "id"))
}
