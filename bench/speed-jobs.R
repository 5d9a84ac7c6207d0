# What bench/speed.R times: the data, our side, the peers' sides and the bars. Read by it and by
# bench/speed-worker.R, which runs one side in a process of its own; the peers' sides are in
# bench/peers.R.
#
# A side takes the data and returns one number by which answers are compared: for fits of one
# model the ratio of the two variances, for matrices an entry. All times are in one unit: whole
# calls from data in memory to variances, fixed effects and BLUPs.

threads <- as.integer(Sys.getenv("HDLMM_BENCH_THREADS", "2"))

# run: data -> number. prepare: the data in the layout that the side expects, off the clock.
# blas: the settings under which the side runs.
# bar: largest ratio of our seconds to this side's, named by setting. factor: what its seconds
# are multiplied by. is_same: whether its number must agree with ours.
side <- function(run, package = NULL, program = NULL, prepare = identity,
                 blas = c("reference", "default"), bar = NULL, factor = 1, is_same = TRUE) {
  list(
    run = run, package = package, program = program, prepare = prepare,
    blas = blas, bar = bar, factor = factor, is_same = is_same
  )
}

# memory_bar: largest peak of our side beside the data, MB. tiny: the size of the case that warms
# up.
job <- function(id, work, data, size, own, peers, memory_bar = NA, ladder = NULL, tiny = NULL) {
  list(
    id = id, work = work, data = data, size = size, sides = c(list(hdlmm = own), peers),
    memory_bar = memory_bar, ladder = ladder, tiny = if (is.null(tiny)) tiny_size(size) else tiny
  )
}

tiny_size <- function(size) {
  if (!is.null(size$levels)) return(list(n = 200, levels = 20))
  small <- list(n = 40, p = 60)
  if (is.null(size$p)) small["n"] else if (size$n > size$p) list(n = 60, p = 40) else small
}

shape <- function(work, size) {
  names <- c(n = "n", p = "p", levels = "levels")[names(size)]
  numbers <- format(unlist(size), scientific = FALSE, trim = TRUE)
  paste0(work, ", ", paste(names, "=", numbers, collapse = ", "))
}

# Data -----------------------------------------------------------------------------------

# Standard normal columns, five covariates; twenty columns have as much variance as the residual.
wide_data <- function(n, p) {
  set.seed(20261)
  x <- matrix(stats::rnorm(n * p), n)
  z <- matrix(stats::rnorm(n * 5), n)
  signal <- drop(x[, 1:20] %*% stats::rnorm(20)) / sqrt(20)
  list(x = x, z = z, y = 1 + drop(z %*% stats::rnorm(5)) / 2 + signal + stats::rnorm(n))
}

# Genotypes 0, 1, 2 as integers; allele frequencies from 0.1 to 0.5.
genotype_data <- function(n, p) {
  set.seed(20262)
  x <- matrix(stats::rbinom(n * p, 2L, rep(stats::runif(p, 0.1, 0.5), each = n)), n)
  signal <- drop(scale(x[, 1:20]) %*% stats::rnorm(20)) / sqrt(20)
  list(x = x, y = signal + stats::rnorm(n))
}

# Without covariates.
plain_data <- function(n, p) wide_data(n, p)[c("x", "y")]

grouped_data <- function(n, levels) {
  set.seed(20263)
  g <- factor(sample(levels, n, replace = TRUE))
  x <- stats::rnorm(n)
  data.frame(g, x, y = 1 + x + stats::rnorm(nlevels(g))[g] + stats::rnorm(n))
}

# A random symmetric matrix with eigenvalues from 0.1 to 2.1, no two alike; made without BLAS.
kernel_data <- function(n) {
  set.seed(20264)
  a <- matrix(stats::rnorm(n^2), n)
  list(k = (a + t(a)) / sqrt(8 * n) + diag(1.1, n))
}

# No longer whole numbers: those are counted in bytes whatever their storage.
as_fractions <- function(d) list(x = d$x + 0.5)

# Our sides --------------------------------------------------------------------------------

host <- function() hdlmm:::make_host(hdlmm::lmm_control(threads = threads))

plain_design <- function(x) {
  list(kind = "dense", x = x, rows = NULL, shift = NULL, scale = NULL, fill = NULL)
}

own_gram <- function(d) hdlmm:::cpp_gram(plain_design(d$x), NULL, "row", host())[2, 1]

column_gram_side <- function(...) {
  side(function(d) hdlmm:::cpp_gram(plain_design(d$x), NULL, "column", host())[2, 1], ...)
}

own_fit <- function(formula, method = "REML", also = identity) {
  function(d) {
    fit <- hdlmm::lmm(
      formula, d, method = method, control = hdlmm::lmm_control(threads = threads)
    )
    hdlmm::ranef(fit)
    also(fit)
    variances <- hdlmm::varcomp(fit)
    variances[[1]] / variances[[2]]
  }
}

# Jobs -------------------------------------------------------------------------------------

gram_jobs <- function(wide) {
  r_gram <- side(
    function(d) tcrossprod(d$x)[2, 1], bar = c(reference = 1 / 25, default = 1.1)
  )
  own_double <- side(
    own_gram, prepare = as_fractions, blas = "default", bar = c(default = 0.5), is_same = FALSE
  )
  list(
    job(
      "gram-double", shape("Gram of doubles", wide), wide_data, wide, side(own_gram),
      list(tcrossprod = r_gram)
    ),
    job(
      "gram-integer", shape("Gram of 0/1/2 integers", wide), genotype_data, wide,
      side(own_gram, blas = "default"), list("hdlmm, doubles" = own_double)
    )
  )
}

two_stage_job <- function(n) {
  reduce <- function(d) {
    hdlmm:::cpp_reduce_to_band(d$k, host())
    NA_real_
  }
  by_eigen <- side(function(d) {
    eigen(d$k, symmetric = TRUE)
    NA_real_
  }, bar = c(reference = 1 / 12, default = 1 / 5))
  job(
    "two-stage", shape("Two-stage reduction", list(n = n)), kernel_data, list(n = n),
    side(reduce), list("eigen()" = by_eigen)
  )
}

fit_jobs <- function(large, middle) {
  own <- own_fit(y ~ z + re(x))
  here <- "default"
  limit <- side(
    own_gram, factor = 1 + 4 / 3 * middle$n / middle$p, is_same = FALSE,
    bar = c(reference = 1.7, default = 1.7)
  )
  list(
    job(
      "reml-large", shape("REML, 5 covariates, BLUPs", large), wide_data, large,
      side(own, blas = here), list(
        rrBLUP = rrblup_side(blas = here, bar = c(default = 0.12)),
        EMMREML = emmreml_side(blas = here, bar = c(default = 0.18)),
        "gaston, AIREML" = gaston_aireml_side(blas = here)
      )
    ),
    job(
      "reml-middle", shape("REML, 5 covariates, BLUPs", middle), wide_data, middle, side(own), list(
        "the limit" = limit, rrBLUP = rrblup_side(bar = c(reference = 0.03)),
        EMMREML = emmreml_side(blas = here), "gaston, AIREML" = gaston_aireml_side(blas = here),
        "gaston, diago" = gaston_diago_side(blas = here), sommer = sommer_side(blas = here)
      )
    )
  )
}

other_jobs <- function(tall, small, bound, groups, genotypes) {
  here <- "default"
  whole <- own_fit(y ~ re(x), also = summary)
  printed <- own_fit(y ~ re(x), also = function(fit) utils::capture.output(print(summary(fit))))
  gram <- column_gram_side(blas = here, is_same = FALSE, bar = c(default = 1.5))
  list(
    job(
      "tall", shape("REML, tall", tall), plain_data, tall, side(own_fit(y ~ re(x)), blas = here),
      list("hdlmm, one Gram" = gram), memory_bar = 50
    ),
    job(
      "small", shape("REML, formula and summary too", small), plain_data, small, side(whole),
      list(rrBLUP = rrblup_side(bar = c(reference = 0.3, default = 0.3)))
    ),
    job(
      "small-printed", shape("REML, printed summary too", small), plain_data, small,
      side(printed, blas = here), list(rrBLUP = rrblup_side(blas = here))
    ),
    job(
      "groups", shape("REML, (1 | g)", groups), grouped_data, groups,
      side(own_fit(y ~ x + (1 | g)), blas = here),
      list(lme4 = lme4_side(blas = here), glmmTMB = glmmtmb_side(blas = here))
    ),
    job(
      "vb", shape("VB", bound), plain_data, bound, side(own_fit(y ~ re(x), "VB"), blas = here),
      list(varbvs = varbvs_side(blas = here))
    ),
    job(
      "gemma", shape("REML, genotypes", genotypes), genotype_data, genotypes,
      side(own_fit(y ~ re(x, center = TRUE)), blas = here), list(GEMMA = gemma_side(blas = here))
    )
  )
}

# Doubling steps in n and in p, the other fixed.
ladder_jobs <- function(n_steps, p_fixed, p_steps, n_fixed) {
  step <- function(along, size) {
    job(
      paste0("ladder-", along, "-", size[[along]]), shape("REML", size), plain_data, size,
      side(own_fit(y ~ re(x)), blas = "default"), list(rrBLUP = rrblup_side(blas = "default")),
      ladder = along
    )
  }
  c(
    lapply(n_steps, function(n) step("n", list(n = n, p = p_fixed))),
    lapply(p_steps, function(p) step("p", list(n = n_fixed, p = p)))
  )
}

small_problem <- list(n = 200, p = 1000)

long_jobs <- function() {
  c(
    gram_jobs(list(n = 2000, p = 20000)), list(two_stage_job(4000)),
    fit_jobs(list(n = 5000, p = 10000), list(n = 2000, p = 10000)),
    other_jobs(
      list(n = 1e5, p = 500), small_problem, list(n = 1000, p = 5000),
      list(n = 1e5, levels = 5000), list(n = 1000, p = 10000)
    ),
    ladder_jobs(c(500, 1000, 2000, 4000), 8000, c(2000, 4000, 8000, 16000, 32000), 1000)
  )
}

short_jobs <- function() {
  c(
    gram_jobs(list(n = 1000, p = 3000)), list(two_stage_job(1000)),
    fit_jobs(list(n = 1000, p = 3000), list(n = 500, p = 3000)),
    other_jobs(
      list(n = 20000, p = 200), small_problem, list(n = 300, p = 1000),
      list(n = 5000, levels = 500), list(n = 500, p = 2000)
    ),
    ladder_jobs(c(250, 500, 1000), 2000, c(1000, 2000, 4000), 500)
  )
}

all_jobs <- function(is_short) {
  jobs <- if (is_short) short_jobs() else long_jobs()
  stats::setNames(jobs, vapply(jobs, `[[`, "", "id"))
}
