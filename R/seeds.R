# R's generator: seeded for one answer and put back.

# Evaluate with the seed, then put R's generator back as it was.
with_seed <- function(seed, expr) {
  if (is.null(seed)) return(expr)
  global <- globalenv()
  had <- exists(".Random.seed", envir = global, inherits = FALSE)
  old <- if (had) get(".Random.seed", envir = global)
  on.exit(
    if (had) {
      assign(".Random.seed", old, envir = global)
    } else {
      suppressWarnings(rm(".Random.seed", envir = global))
    }
  )
  set.seed(seed, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")
  expr
}

# Where R's generator stands.
random_state <- function() {
  if (!exists(".Random.seed", envir = globalenv(), inherits = FALSE)) stats::runif(1)
  get(".Random.seed", envir = globalenv(), inherits = FALSE)
}

# Evaluate from there, then put the generator back as it was.
with_random_state <- function(state, expr) {
  old <- random_state()
  on.exit(assign(".Random.seed", old, envir = globalenv()))
  assign(".Random.seed", state, envir = globalenv())
  expr
}

sampling_seed <- function(fit, seed) {
  if (!is.null(seed)) return(check_seed(seed))
  fit$control$seed
}

simulation_seed <- function(seed) {
  if (!is.null(seed)) {
    check_seed(seed)
    return(structure(seed, kind = as.list(RNGkind())))
  }
  random_state()
}
