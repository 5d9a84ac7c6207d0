# The internal systems, without lmm(), against the dense algebra of helper-dense.R.

# The system of the core for one random problem, and its dense parts.
internal_systems <- function(seed, n, p, c, weighted, shift) {
  set.seed(seed)
  x <- matrix(rnorm(n * p), n) + shift
  z <- cbind(1, matrix(rnorm(n * (c - 1)), n))
  root <- if (weighted) sqrt(runif(n, 0.5, 2)) else rep(1, n)
  q <- qr.Q(qr(z * root))
  y <- root * drop(x %*% rnorm(p, sd = 0.5) + rnorm(n))
  y <- y - drop(q %*% crossprod(q, y))
  mean <- if (shift != 0) colSums(x * root^2) / sum(root^2)
  design <- list(
    kind = "dense", x = x, rows = NULL, shift = mean, scale = NULL, fill = NULL
  )
  row_scale <- if (weighted) root
  parts <- hdlmm:::cpp_decompose(
    design, row_scale, q, y, mean, if (shift != 0) root, "vectors",
    hdlmm:::make_host(lmm_control())
  )$parts
  gram <- tcrossprod(x * root)
  kappa <- sum(scale(x, scale = FALSE)^2) / (n - 1)
  list(
    spectral = list(parts = parts, kappa = kappa), gram = gram, q = q, y = y, kappa = kappa,
    full_rank = p >= n
  )
}

# What cpp_evaluate() says of V = (h / kappa) K + (1 - h) I, by its inverse.
dense_evaluation <- function(one, h) {
  nu <- 1 - h
  k <- one$gram
  v <- h / one$kappa * k + nu * diag(nrow(k))
  inverse <- solve(v)
  information <- crossprod(one$q, inverse %*% one$q)
  covariance <- solve(information)
  operation <- covariance %*% crossprod(one$q, inverse)
  p <- inverse - inverse %*% one$q %*% operation
  py <- drop(p %*% one$y)
  kpy <- drop(k %*% py)
  trace <- function(a) sum(diag(a))
  list(
    h = h, nu = nu, rss = sum(one$y * py), log_det_v = log_det(v),
    log_det_restricted = log_det(v) + log_det(information),
    tr_vk = trace(inverse %*% k), tr_vkvk = trace(inverse %*% k %*% inverse %*% k),
    tr_v_noise = nu * trace(inverse), tr_pk = trace(p %*% k),
    tr_pkpk = trace(p %*% k %*% p %*% k), tr_p_noise = nu * trace(p),
    quad_k = sum(py * kpy), quad_kk = sum(kpy * (p %*% kpy)), quad_noise = nu * sum(py^2),
    delta = drop(operation %*% one$y), covariance = covariance,
    covariance_k = operation %*% k %*% t(operation),
    covariance_noise = nu * tcrossprod(operation)
  )
}

systems <- list(
  internal_systems(101, 20, 5, 3, FALSE, 0), internal_systems(102, 20, 50, 3, FALSE, 0),
  internal_systems(103, 20, 50, 3, FALSE, 3), internal_systems(104, 30, 8, 2, TRUE, 0),
  internal_systems(105, 30, 8, 2, TRUE, 3), internal_systems(106, 15, 40, 4, TRUE, 3),
  internal_systems(107, 10, 10, 1, FALSE, 0), internal_systems(108, 12, 11, 2, FALSE, 3),
  internal_systems(109, 40, 60, 30, TRUE, 0), internal_systems(110, 15, 1, 2, TRUE, 2)
)

shares <- c(0, 1e-8, 1e-3, 0.3, 0.6, 0.99)

test_that("the system says of V what its inverse says", {
  for (i in seq_along(systems)) {
    one <- systems[[i]]
    for (h in c(shares, if (one$full_rank) 1)) {
      spectral <- hdlmm:::cpp_evaluate(one$spectral, h, 1 - h)
      dense <- dense_evaluation(one, h)
      expect_identical(names(spectral), names(dense))
      error <- mapply(function(a, b) {
        max(0, abs(a - b)) / (1 + max(0, abs(b)))
      }, spectral, dense)
      # 1e-8: an inverse loses condition(V), about 1e5 at h = 0.99
      expect_below(error, 1e-8, paste("system", i, "h =", h))
    }
  }
})

test_that("log|V| and log|V| + log|Q'V^-1 Q| are the determinants of V and of A'VA", {
  for (i in seq_along(systems)) {
    one <- systems[[i]]
    n <- length(one$y)
    rest <- qr.Q(qr(one$q), complete = TRUE)[, -seq_len(ncol(one$q))]
    for (h in shares) {
      e <- hdlmm:::cpp_evaluate(one$spectral, h, 1 - h)
      v <- h / one$kappa * one$gram + (1 - h) * diag(n)
      restricted <- t(rest) %*% v %*% rest
      y <- t(rest) %*% one$y
      error <- c(
        v = abs(e$log_det_v - log_det(v)),
        restricted = abs(e$log_det_restricted - log_det(restricted)),
        rss = relative_error(e$rss, sum(y * solve(restricted, y)))
      )
      # 1e-9 absolute in a sum of n logarithms of order one
      expect_below(error, 1e-9, paste("system", i, "h =", h))
    }
  }
})

test_that("the slope of the profiled criterion is its derivative", {
  for (i in seq_along(systems)) {
    one <- systems[[i]]
    phi <- c(-4, -1, 0, 2)
    step <- 1e-3
    for (criterion in c("REML", "ML")) {
      at <- function(d) hdlmm:::cpp_curve(one$spectral, criterion, phi + d)
      value <- function(k) at(k * step)$value
      slope <- (8 * (value(1) - value(-1)) - (value(2) - value(-2))) / (12 * step)
      curvature <- (8 * (at(step)$slope - at(-step)$slope) - (at(2 * step)$slope -
        at(-2 * step)$slope)) / (12 * step)
      here <- at(0)
      # 1e-9 n: rounding of a value of order n over a step of 1e-3
      expect_below(
        c(
          slope = max(abs(here$slope - slope)),
          curvature = max(abs(here$curvature - curvature))
        ),
        1e-9 * length(one$y), paste("system", i, criterion)
      )
    }
  }
})

test_that("interior modes are where the dense criterion is level", {
  host <- hdlmm:::make_host(lmm_control(threads = 1))
  options <- list(tol = 1e-10, max_iter = 100L, step = 0.5)
  for (i in which(vapply(systems, `[[`, NA, "full_rank"))) {
    one <- systems[[i]]
    for (criterion in c("REML", "ML")) {
      is_reml <- criterion == "REML"
      degrees <- length(one$y) - if (is_reml) ncol(one$q) else 0
      modes <- hdlmm:::cpp_search(one$spectral, criterion, options, host)$modes
      for (at in which(modes$kind == "interior")) {
        e <- dense_evaluation(one, modes$h[at])
        log_det <- if (is_reml) e$log_det_restricted else e$log_det_v
        trace <- if (is_reml) e$tr_pk else e$tr_vk
        value <- -(degrees * (log(2 * pi * e$rss / degrees) + 1) + log_det) / 2
        slope <- -e$h / one$kappa * (trace - degrees * e$quad_k / e$rss) / 2
        # a mode is polished to 1e-10 in the log ratio; an inverse loses condition(V)
        expect_below(
          c(value = abs(modes$value[at] - value), slope = abs(slope)), 1e-7,
          paste("system", i, criterion)
        )
      }
    }
  }
})
