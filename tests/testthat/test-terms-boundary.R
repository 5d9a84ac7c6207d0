# Likelihood ratios on the boundary of covariances.

d <- small_terms_data(3, 120)
host <- make_host(lmm_control())

# Tail of a mixture of chi^2_0, chi^2_1, ..
mixture_tail <- function(statistic, weights) {
  sum(weights[-1] * pchisq(statistic, seq_along(weights[-1]), lower.tail = FALSE))
}

# As mixture_tail() of what projected normal draws say, for a metric of half vectors.
projected_tail <- function(statistic, metric, widths) {
  set.seed(4)
  z <- backsolve(chol(metric), matrix(rnorm(nrow(metric) * 2e4), nrow(metric)))
  length <- colSums(z * (metric %*% z))
  share <- pmin(pmax(1 - cpp_cone_distances(metric, widths, z, host) / length, 0), 1)
  mean(pchisq(statistic / share, nrow(metric), lower.tail = FALSE))
}

test_that("2 x 2 covariances of no preferred direction have the weights of a circular cone", {
  # half of the angle is 45 degrees; the cone is its own dual
  inside <- (1 - sqrt(0.5)) / 2
  weights <- c(inside, 0.5 - inside, 0.5 - inside, inside)
  for (statistic in c(0.5, 3, 9)) {
    # 2e4 draws
    expect_equal(
      projected_tail(statistic, diag(c(1, 2, 1)), 2L), mixture_tail(statistic, weights),
      tolerance = 0.03
    )
  }
})

test_that("two variances have the weights of a quadrant under their correlation", {
  for (r in c(-0.8, 0, 0.6)) {
    both <- 1 / 4 + asin(r) / (2 * pi)
    metric <- solve(matrix(c(1, r, r, 1), 2))
    expect_equal(
      projected_tail(4, metric, c(1L, 1L)), mixture_tail(4, c(0.5 - both, 0.5, both)),
      tolerance = 0.03
    )
  }
})

test_that("distances from cones are those of a search over Cholesky factors", {
  set.seed(2)
  for (widths in list(c(1L, 2L), 3L, c(2L, 2L))) {
    m <- sum(widths * (widths + 1) / 2)
    metric <- crossprod(matrix(rnorm(2 * m^2), 2 * m))
    points <- matrix(rnorm(m * 5), m)
    found <- cpp_cone_distances(metric, widths, points, host)
    for (i in 1:5) {
      objective <- function(theta) {
        x <- unlist(lapply(relative_of(theta, widths), function(s) s[lower.tri(s, TRUE)]))
        sum((x - points[, i]) * (metric %*% (x - points[, i])))
      }
      best <- min(vapply(1:6, function(start) nlminb(rnorm(m), objective)$objective, 0))
      total <- sum(points[, i] * (metric %*% points[, i]))
      expect_lt(abs(found[i] - best) / total, 2e-4)
    }
  }
})

test_that("one variance more has half and half whatever comes with it", {
  block <- lmm(y ~ x + (x | a) + (1 | b), d)
  apart <- lmm(y ~ x + (1 | a) + (1 | b), d)
  parts <- nested_parts(block, apart)
  for (fixed in c(0, 2)) {
    tail <- boundary_tail(block, parts, 3, fixed)
    half <- mean(pchisq(3, 1:2 + fixed, lower.tail = FALSE))
    expect_lt(abs(tail$p - half), 4 * tail$se)
  }
  # as anova() says without draws
  own <- anova(apart, block)
  expect_equal(
    own[["Pr(>Chisq)"]][2], mean(pchisq(own$Chisq[2], 1:2, lower.tail = FALSE)), tolerance = 1e-10
  )
})

test_that("terms of one fit are found in another by their rows, whatever their names", {
  block <- lmm(y ~ x + (poly(x, 2) | a) + re(X), d)
  other <- transform(d, group = factor(paste0("g", a), rev(paste0("g", levels(a)))))
  other$X <- d$X
  small <- lmm(y ~ x + (x | group) + re(X), other)
  parts <- nested_parts(block, small)
  values <- level_values(small$designs[[1]])
  expect_equal(
    level_values(block$designs[[1]]) %*% parts$a[[1]]$columns, values, tolerance = 1e-10,
    ignore_attr = TRUE
  )
  # the covariance of the rows of a level is the same
  same <- function(fit, s) {
    x <- level_values(fit$designs[[1]])[1:3, ]
    x %*% s %*% t(x)
  }
  part <- parts$a[[1]]
  expect_equal(
    same(block, part$columns %*% part$relative %*% t(part$columns)),
    same(small, small$internal$relative[[1]]), tolerance = 1e-10
  )
  expect_identical(parts$X[[1]]$columns, matrix(1))
  expect_null(nested_parts(block, lmm(y ~ x + (1 | b), d)))
})

test_that("a block is tested by a mixture that no unit or origin of its columns changes", {
  set.seed(6)
  weak <- d
  weak$y <- rnorm(120) + 0.3 * rnorm(7)[d$a] + 0.3 * rnorm(7)[d$a] * d$x
  fit <- lmm(y ~ x + (x | a) + (1 | b), weak)
  own <- test_random(fit, method = "mixture", term = "a")
  expect_gt(own$se, 0)
  expect_gt(own$p_value, 1e-4)
  moved <- lmm(y ~ x + (x | a) + (1 | b), transform(weak, x = 1000 * x + 5000))
  other <- test_random(moved, method = "mixture", term = "a")
  expect_lt(abs(own$p_value - other$p_value), 4 * own$se)
  expect_output(print(own), "asymptotic mixture of chi2")
  # between those of one parameter and of all three
  expect_gt(own$p_value, pchisq(own$statistic, 1, lower.tail = FALSE) / 2)
  expect_lt(own$p_value, pchisq(own$statistic, 3, lower.tail = FALSE))
  set.seed(9)
  state <- .Random.seed
  expect_identical(test_random(fit, method = "mixture", term = "a"), own)
  expect_identical(.Random.seed, state)
})

test_that("two terms at once have the weights that the information of the null gives", {
  none <- lmm(y ~ x, d, method = "OLS")
  both <- lmm(y ~ x + (1 | a) + (1 | b), d)
  own <- anova(none, both)
  information <- null_information(both, nested_parts(both, none))
  covariance <- solve(information)[1:2, 1:2]
  two <- 1 / 4 + asin(cov2cor(covariance)[1, 2]) / (2 * pi)
  expect_equal(
    own[["Pr(>Chisq)"]][2], mixture_tail(own$Chisq[2], c(0.5 - two, 0.5, two)), tolerance = 0.02
  )
})

test_that("a smaller model that is singular itself is projected too", {
  empty <- d
  empty$c <- factor(rep(1:6, each = 20))
  # every level has the same mean
  empty$y <- residuals(lm(y ~ c, empty))
  small <- lmm(y ~ 1 + (1 | c) + (1 | b), empty)
  large <- lmm(y ~ 1 + (x | c) + (1 | b), empty)
  parts <- nested_parts(large, small)
  expect_identical(unname(small$rank[["c"]]), 0L)
  directions <- null_directions(large, parts)
  expect_identical(attr(directions, "widths"), 2L)
  expect_identical(attr(directions, "held_widths"), 1L)
  tail <- boundary_tail(large, parts, 2)
  expect_gt(tail$p, pchisq(2, 2, lower.tail = FALSE) / 4)
  expect_lt(tail$p, pchisq(2, 2, lower.tail = FALSE))
})

test_that("drop1(random = TRUE) leaves out each random term by maximum likelihood", {
  d <- nlme::Oxboys
  fit <- lmm(height ~ age + (age | Subject), d)
  table <- drop1(fit, random = TRUE)
  ml <- lmm(height ~ age + (age | Subject), d, method = "ML")
  without <- lmm(height ~ age, d)
  expect_equal(rownames(table), c("<none>", "age", "Subject"))
  expect_equal(table["Subject", "AIC"], AIC(without), tolerance = 1e-9)
  expect_equal(
    table["Subject", "LRT"], 2 * as.numeric(logLik(ml) - logLik(without)), tolerance = 1e-9
  )
  expect_equal(table["Subject", "Df"], 3)
  expect_equal(
    drop1(fit, random = TRUE, test = "none", sorted = TRUE)$AIC, sort(table$AIC)
  )
  expect_error(drop1(without, random = TRUE), class = "hdlmm_no_random_term")
})
