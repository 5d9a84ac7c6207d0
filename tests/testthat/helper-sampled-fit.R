# A fit of several random terms as a Gibbs sampler would make it, from draws of another posterior of
# the same model, or from any draws of the core: list(half [m x draws], sigma2 [draws]).
sampled_fit <- function(fit, draws, drawn = hdlmm:::draw_nodes(fit, draws)) {
  problem <- hdlmm:::new_problem(
    hdlmm:::model_of(fit), fit$internal$fixed, fit$designs, prior = fit$prior,
    host = hdlmm:::make_host(fit$control)
  )
  result <- hdlmm:::sampled_terms_result(
    problem, hdlmm:::terms_system(fit), list(relative = drawn$half, sigma2 = drawn$sigma2)
  )
  result$is_converged <- TRUE
  result$reason <- "draws"
  result$convergence <- data.frame(iteration = 1L, objective = NA_real_)
  engine <- list(method = "Bayes", algorithm = "gibbs")
  hdlmm:::new_fit(fit$call, formula(fit), problem, engine, result, fit$control)
}
