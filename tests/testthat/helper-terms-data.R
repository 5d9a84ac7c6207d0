# Data of fits with several random terms.

# Models that lme4 and hdlmm share: list(formula, data).
terms_cases <- function() {
  data <- function(name, package) get(utils::data(list = name, package = package))
  plain <- function(name) as.data.frame(data(name, "nlme"))
  list(
    crossed = list(diameter ~ 1 + (1 | plate) + (1 | sample), data("Penicillin", "lme4")),
    nested = list(strength ~ 1 + (1 | batch / cask), data("Pastes", "lme4")),
    split_plot = list(
      angle ~ recipe * temperature + (1 | recipe:replicate) + (1 | replicate), data("cake", "lme4")
    ),
    slope = list(Reaction ~ Days + (Days | Subject), data("sleepstudy", "lme4")),
    independent = list(Reaction ~ Days + (Days || Subject), data("sleepstudy", "lme4")),
    blocks = list(score ~ Machine + (0 + Machine | Worker), plain("Machines")),
    growth = list(distance ~ age * Sex + (age | Subject), plain("Orthodont")),
    curve = list(height ~ age + I(age^2) + (age + I(age^2) | Subject), plain("Oxboys")),
    mixed = list(
      Reaction ~ Days + (Days | Subject) + (1 | day),
      transform(data("sleepstudy", "lme4"), day = factor(Days))
    )
  )
}

# Small data in which everything is known: crossed factors, a covariate, a wide matrix, weights.
small_terms_data <- function(seed = 1, n = 60) {
  set.seed(seed)
  a <- factor(sample(letters[1:7], n, TRUE))
  b <- factor(sample(LETTERS[1:5], n, TRUE))
  x <- round(rnorm(n), 2)
  X <- matrix(rnorm(n * 9), n)
  slope <- rnorm(7, 0, 0.7)
  y <- 3 + x + rnorm(7)[a] + slope[a] * x + 0.8 * rnorm(5)[b] + drop(X %*% rnorm(9, 0, 0.3)) +
    rnorm(n)
  d <- data.frame(y = y, x = x, a = a, b = b, w = round(runif(n, 0.5, 2), 2))
  d$X <- X
  d
}
