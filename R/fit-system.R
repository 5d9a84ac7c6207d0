# The decomposition that a fit keeps, and more of it when something first asks.

# The system of a fit with eigenvalues, made when something first asks for them and kept.
spectral_system <- function(fit) {
  system <- fit$internal$system
  if (length(system$parts$beside) == 0) return(system)
  cache <- fit$internal$cache
  if (is.null(cache$spectral)) {
    system$parts <- cpp_diagonalise(system, make_host(fit$control))
    cache$spectral <- system
  }
  cache$spectral
}

# The system of a fit with its eigenvectors, made when something first asks for them and kept: a
# spectrum with another basis, so nothing that is along one may be used with the other.
full_system <- function(fit) {
  system <- fit$internal$system
  if (!is.null(system$vectors)) return(system)
  cache <- fit$internal$cache
  if (is.null(cache$system)) {
    fixed <- fit$internal$fixed
    own <- build_system(lone_design(fit), fixed, make_host(fit$control))
    cache$system <- at_total(own, fixed$prior_root, fit$internal$tau2)
  }
  cache$system
}
