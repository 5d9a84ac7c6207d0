# Random calls of lmm() for test-fuzz.R. fuzz_case(seed) draws everything from its seed:
# list(seed, call, env, text, draws, random): the call is evaluated in env, where its data
# lie. random holds what the dense referee needs: units(rows) = list(a, s), or NULL where
# it has nothing to say, as of several terms.

one_of <- function(x, prob = NULL) x[[sample.int(length(x), 1, prob = prob)]]
chance <- function(p) stats::runif(1) < p

fuzz_methods <- list(
  REML = "direct", ML = "direct", REML = "em", ML = "pxem", MAP = "direct", MAP = "em",
  VB = "collapsed", VB = "cavi", Bayes = "quadrature", Bayes = "gibbs", OLS = "qr"
)

fuzz_priors <- list(
  quote(lmm_prior()), quote(lmm_prior(pve = prior_beta(0.5, 3))),
  quote(lmm_prior(fixed = prior_normal(0, 2))),
  quote(lmm_prior(random = prior_half_t(3, 1), residual = prior_half_t(3, 1))),
  quote(lmm_prior(random = prior_inverse_gamma(2, 1), residual = prior_jeffreys())),
  quote(lmm_prior(random = prior_flat(), residual = prior_flat())),
  quote(lmm_prior(total = prior_inverse_gamma(2, 1), fixed = prior_normal(1, 10)))
)

fuzz_controls <- list(
  quote(lmm_control(seed = 1, draws = 30, warmup = 10, chains = 2)),
  quote(lmm_control(seed = 1, draws = 30, warmup = 10, chains = 2, threads = 1)),
  quote(lmm_control(seed = 1, draws = 30, warmup = 10, accelerate = "squarem")),
  quote(lmm_control(seed = 1, draws = 20, warmup = 5, thin = 2, sweep = "random")),
  quote(lmm_control(seed = 1, draws = 20, grid_step = 2, max_iter = 3))
)

fuzz_fixed <- c(
  "1", "x", "f", "z", "x:f", "x * f", "poly(z, 2)", "log(u)", "b", "k", "x + twice",
  "I(x^2)", "f:b", "h", "0", "-1", "offset(o)", "scale(z)", "few"
)

fuzz_frame <- function(n) {
  x <- stats::rnorm(n)
  out <- data.frame(
    x = x, z = stats::rnorm(n) * one_of(c(1, 1e-3, 1e6)), u = stats::runif(n, 0.1, 9),
    f = factor(sample(letters[1:3], n, TRUE), levels = letters[1:4]),
    b = stats::rnorm(n) > 0, k = 7, twice = 2 * x, h = x, o = stats::rnorm(n),
    few = sample(c("s", "t"), n, TRUE), g = sample(LETTERS[1:6], n, TRUE),
    a = sample(1:3, n, TRUE)
  )
  if (chance(0.3)) out$h[sample.int(n, max(1, n %/% 8))] <- NA
  out
}

# The random term: its text, its data, its units for the rows of a fit.
fuzz_random <- function(n, d) {
  kind <- one_of(c("columns", "group", "kernel", "several", "none"), c(10, 4, 5, 6, 1))
  switch(kind,
    columns = fuzz_columns(n), kernel = fuzz_kernel(n), several = fuzz_several(n),
    group = fuzz_group(d, one_of(c("g", "f", "a:g"), c(4, 2, 3)), one_of(c("1", "0 + z"), c(3, 2))),
    none = list(text = NULL, env = list(), units = NULL)
  )
}

# A block, or two or three terms, of which one may be of columns or of a kernel.
fuzz_several <- function(n) {
  bars <- c(
    "(1 | g)", "(1 | a)", "(x | g)", "(0 + z | a)", "(x || g)", "(f | a)", "(1 | a/g)", "(1 | f:g)"
  )
  wide <- switch(one_of(c("none", "columns", "kernel"), c(3, 1, 1)),
    none = list(text = NULL, env = list()), columns = fuzz_columns(n), kernel = fuzz_kernel(n)
  )
  text <- c(sample(bars, if (is.null(wide$text)) sample(1:3, 1) else sample(1:2, 1)), wide$text)
  list(text = paste(text, collapse = " + "), env = wide$env, units = NULL)
}

fuzz_group <- function(d, text, left) {
  level <- if (grepl(":", text)) paste(d$a, d$g) else as.character(d[[text]])
  value <- if (left == "1") rep(1, nrow(d)) else d$z
  list(text = paste0("(", left, " | ", text, ")"), env = list(), units = function(rows) {
    a <- outer(level[rows], sort(unique(level[rows])), `==`) * value[rows]
    list(a = a, s = diag(ncol(a)))
  })
}

# Columns of every shape and storage. Single precision: numbers of 24 bits.
fuzz_columns <- function(n) {
  p <- one_of(c(1, 3, n %/% 2 + 1, n, 2 * n, 60))
  x <- matrix(stats::rnorm(n * p), n)
  shape <- one_of(
    c("plain", "constant", "zero", "duplicated", "scaled", "low rank", "shifted", "single",
      "counts", "hole"),
    c(6, 1, 0.5, 1, 1, 1, 1, 1, 2, 1)
  )
  at <- sample.int(p, max(1, p %/% 3))
  x <- switch(shape,
    plain = x, constant = replace(x, col(x) %in% at, 3), zero = x * 0,
    duplicated = cbind(x, x[, at]), scaled = x * rep(10^stats::runif(p, -4, 4), each = n),
    "low rank" = x[, 1, drop = FALSE] %*% stats::rnorm(p), shifted = x + 50,
    single = signif(x, 7), counts = matrix(stats::rpois(n * p, 0.7), n),
    hole = replace(x, sample.int(n * p, max(1, n * p %/% 20)), NA)
  )
  stored <- fuzz_storage(x, shape)
  args <- c(if (chance(0.2)) "center = TRUE", if (chance(0.15)) "scale = TRUE",
    if (shape == "hole" && chance(0.8)) "na = \"mean\"")
  list(
    text = paste0("re(", paste(c("X", args), collapse = ", "), ")"),
    env = list(X = stored$stored),
    units = function(rows) dense_columns(stored$numbers[rows, , drop = FALSE], args)
  )
}

fuzz_storage <- function(x, shape) {
  storage <- one_of(c("matrix", "sparse", "frame", "integer", "logical", "raw"),
    if (shape == "counts") c(2, 3, 1, 2, 2, 2) else c(6, 1, 1, 0, 0, 0))
  stored <- switch(storage,
    matrix = x, sparse = methods::as(Matrix::Matrix(x, sparse = TRUE), "CsparseMatrix"),
    frame = as.data.frame(x), integer = array(as.integer(x), dim(x)), logical = x > 0,
    raw = array(as.raw(x), dim(x))
  )
  list(stored = stored, numbers = if (storage == "logical") (x > 0) * 1 else x)
}

# What re() says that it does with cells and columns of the fitted rows.
dense_columns <- function(x, args) {
  x <- apply(x, 2, function(v) replace(v, is.na(v), mean(v, na.rm = TRUE)))
  spread <- apply(x, 2, stats::sd)
  if ("center = TRUE" %in% args) x <- sweep(x, 2, colMeans(x))
  if ("scale = TRUE" %in% args) x <- sweep(x, 2, ifelse(spread > 0, spread, 1), `/`)
  list(a = unname(x), s = diag(ncol(x)))
}

fuzz_kernel <- function(n) {
  has_id <- chance(0.5)
  q <- if (has_id) one_of(c(3, 8, n + 2)) else n
  root <- matrix(stats::rnorm(q * (q + 2)), q)
  kernel <- tcrossprod(root) / q
  kernel <- switch(one_of(c("full", "low", "diagonal", "same", "single", "centred")),
    full = kernel, low = tcrossprod(root[, 1:2]), diagonal = diag(stats::runif(q)),
    same = diag(0.5, q) + 0.5, single = signif(kernel, 7),
    centred = crossprod(scale(root[, seq_len(q)], scale = FALSE)) / q
  )
  kernel <- (kernel + t(kernel)) / 2
  unit <- if (has_id) sample.int(q, n, TRUE) else seq_len(n)
  names <- paste0("i", seq_len(q))
  if (has_id) dimnames(kernel) <- list(names, names)
  list(
    text = if (has_id) "re(kernel = K, id = id)" else "re(kernel = K)",
    env = list(K = kernel, id = names[unit]),
    units = function(rows) {
      list(a = outer(unit[rows], seq_len(q), `==`) * 1, s = unname(kernel))
    }
  )
}

fuzz_response <- function(n, d, random) {
  signal <- stats::rnorm(n)
  if (!is.null(random$units) && chance(0.7)) {
    a <- random$units(seq_len(n))$a
    signal <- signal + drop(a %*% stats::rnorm(ncol(a))) / sqrt(max(sum(a^2) / n, 1e-300))
  }
  signal <- 1 + d$x + signal
  switch(one_of(
    c("plain", "constant", "exact", "huge", "tiny", "outlier", "counts", "hole"),
    c(14, 0.5, 0.5, 1, 1, 1, 1, 1)
  ),
  plain = signal, constant = rep(3, n), exact = 2 - 3 * d$x, huge = signal * 1e12,
  tiny = signal * 1e-12, outlier = replace(signal, 1, 1e6), counts = round(signal),
  hole = replace(signal, sample.int(n, 1), NA))
}

fuzz_arguments <- function(n, env) {
  out <- list()
  if (chance(0.2)) {
    env$w <- one_of(list(
      stats::runif(n, 0.5, 2), sample(0:2, n, TRUE), 10^stats::runif(n, -8, 8), rep(5, n)
    ), c(4, 2, 1, 1))
    out$weights <- quote(w)
  }
  if (chance(0.15)) {
    env$keep <- one_of(list(stats::runif(n) > 0.2, -1, seq_len(n)[-n]))
    out$subset <- quote(keep)
  }
  if (chance(0.2)) out$na.action <- one_of(list(quote(na.exclude), quote(na.fail)), c(4, 1))
  out
}

fuzz_case <- function(seed) {
  set.seed(seed, kind = "Mersenne-Twister", normal.kind = "Inversion",
    sample.kind = "Rejection")
  n <- one_of(c(2, 5, 8, 12, 20, 30), c(0.3, 0.7, 2, 4, 5, 5))
  env <- new.env(parent = globalenv())
  env$d <- fuzz_frame(n)
  random <- fuzz_random(n, env$d)
  list2env(random$env, env)
  env$d$y <- fuzz_response(n, env$d, random)
  # matrices and identifiers are columns of the data or lie beside it
  for (name in intersect(names(random$env), c("X", "id"))) {
    if (chance(0.6) && !methods::is(env[[name]], "Matrix")) {
      env$d[[name]] <- env[[name]]
      rm(list = name, envir = env)
    }
  }
  parts <- sample(c(sample(fuzz_fixed, sample(0:3, 1)), random$text))
  if (length(parts) == 0) parts <- "1"
  text <- gsub("+ -1", "- 1", paste("y ~", paste(parts, collapse = " + ")), fixed = TRUE)
  method <- sample.int(length(fuzz_methods), 1, prob = c(6, 4, rep(1, 9)))
  call <- as.call(c(
    quote(lmm), stats::as.formula(text, env), quote(d), fuzz_arguments(n, env),
    method = names(fuzz_methods)[method], algorithm = fuzz_methods[[method]],
    if (names(fuzz_methods)[method] %in% c("MAP", "VB", "Bayes") && chance(0.6)) {
      list(prior = one_of(fuzz_priors))
    },
    control = one_of(fuzz_controls, c(12, 1, 1, 1, 1))
  ))
  list(seed = seed, call = call, env = env, text = text, units = random$units)
}
