# The posterior of both variances by adaptive quadrature in x = log(h / (1 - h)) and t = log tau^2.
#
# The fixed effects are integrated out in closed form, tau^2 too where its conditional is an
# inverse gamma (no half t, flat or no fixed effects); otherwise t gets a grid of its own at every
# x. The trapezoidal rule on the whole line converges geometrically for such densities, so the step
# is halved until the evidence no longer changes (Trefethen & Weideman 2014, SIAM Review 56).

quadrature_step <- 0.8     # of the standard deviation at the sharpest mode, or of one unit
quadrature_rounds <- 8

# list(x, log_weight, inner, log_mass, error, ...): nodes with the logarithms of their shares of the
# integral exp(log_mass); `inner` is what evaluate_target() says of tau^2 at the nodes; `step` of x
# resolves the density.
integrate_posterior <- function(problem, prior, control) {
  target <- posterior_target(problem, prior, control)
  range <- posterior_range(target, problem$system)
  coarse <- seq(range[1], range[2], length.out = max(50, ceiling(diff(range) / 0.5)))
  modes <- posterior_modes(target, coarse)
  top <- max(modes$value)
  modes <- modes[modes$value > top - quadrature_floor, , drop = FALSE]
  tails <- posterior_tails(target, range, top)
  regions <- posterior_regions(target, modes, range, top)
  widest <- min(1, modes$sd) * quadrature_step
  step <- widest
  trace <- NULL
  last <- Inf
  current <- evaluate_regions(target, regions, step, tails)
  for (round in seq_len(quadrature_rounds)) {
    finer <- evaluate_regions(target, regions, step / 2, tails)
    error <- abs(finer$log_mass - current$log_mass)
    trace <- rbind(trace, data.frame(
      iteration = round, nodes = length(current$x), log_mass = current$log_mass, error = error
    ))
    # what half of the step does not make better is rounding; a grid of t at every x takes its time
    is_long <- !target$is_closed && length(finer$x) > 10000
    if (error < 1e-9 || (round > 3 && error > last / 2) || is_long) break
    last <- error
    current <- finer
    step <- step / 2
  }
  list(
    x = current$x, log_weight = current$log_weight, inner = current$inner,
    log_mass = finer$log_mass, error = error,
    is_converged = error < 1e-6, trace = trace, target = target, fine = finer, modes = modes,
    tails = tails, regions = regions, step = widest / 2^resolved_round(trace)
  )
}

# The first round after which what a smaller step gains is no more than a posterior needs.
resolved_round <- function(trace) min(which(trace$error < 1e-6), nrow(trace))

evaluate_regions <- function(target, regions, step, tails) {
  grids <- lapply(seq_len(nrow(regions)), function(i) {
    count <- ceiling(diff(regions[i, ]) / step)
    x <- seq(regions[i, 1], regions[i, 2], length.out = count + 1)
    list(x = x, log_step = rep(log(x[2] - x[1]), count + 1))
  })
  x <- unlist(lapply(grids, `[[`, "x"))
  inner <- evaluate_target(target, x)
  log_step <- unlist(lapply(grids, `[[`, "log_step"))
  log_weight <- inner$log_density + log_step
  for (side in 1:2) {  # a region that ends where the likelihood is constant goes on as a tail
    at <- if (side == 1) which.min(x) else which.max(x)
    if (x[at] == tails$x[side] && is.finite(tails$log_weight[side])) {
      # the even grid goes on for ever: a geometric series
      log_weight[at] <- log_weight[at] - log(-expm1(-tails$slope[side] * exp(log_step[at])))
    }
  }
  list(x = x, log_weight = log_weight, log_mass = log_sum(log_weight), inner = inner)
}

log_sum <- function(x) {
  top <- max(x)
  if (!is.finite(top)) return(top)
  top + log(sum(exp(x - top)))
}
