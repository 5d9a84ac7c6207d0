# Effective draws of the variances a second: hdlmm's sampler of several random terms beside BGLR and
# MCMCglmm, on matched priors.
#
#   R_LIBS=.lib OMP_NUM_THREADS=1 Rscript bench/gibbs-terms.R [problem ..]
#
# wheat: BGLR's 599 lines with a kernel of markers and one of the pedigree. InstEval: the first
# 20000 ratings of lme4's data with three crossed factors. Every variance has the inverse gamma
# prior with shape 2.5. Of the effective draws (bulk) of the variances the fewest count, over the
# time of the whole call, and over its CPU seconds where other work takes part of the machine.

library(hdlmm)

chosen <- commandArgs(TRUE)
shape <- 2.5
threads <- 2L

# variances: [draws x variances], or of chains [draws x chains x variances].
measure <- function(name, run) {
  gc()
  time <- system.time(variances <- run())
  if (length(dim(variances)) == 2) {
    variances <- array(variances, c(nrow(variances), 1, ncol(variances)))
  }
  ess <- apply(variances, 3, posterior::ess_bulk)
  cpu <- sum(time[c("user.self", "sys.self")])
  data.frame(
    program = name, draws = prod(dim(variances)[1:2]), seconds = time[["elapsed"]], cpu = cpu,
    ess = min(ess), per_second = min(ess) / time[["elapsed"]], per_cpu = min(ess) / cpu,
    means = paste(format(apply(variances, 3, mean), digits = 3), collapse = " ")
  )
}

own_control <- function(draws, warmup) {
  lmm_control(draws = draws, warmup = warmup, seed = 1, threads = threads)
}

own_variances <- function(fit) {
  names <- dimnames(fit$draws)[[3]]
  fit$draws[, , grepl("^var_", names)]
}

# Files that BGLR writes its draws to are read before they are gone.
bglr_variances <- function(y, terms, scale, draws, warmup) {
  home <- setwd(tempfile_directory())
  on.exit(setwd(home))
  fit <- BGLR::BGLR(
    y, ETA = terms, nIter = draws + warmup, burnIn = warmup, thin = 1, verbose = FALSE,
    df0 = 2 * shape, S0 = 2 * scale
  )
  files <- c(list.files(pattern = "ETA_.*_var[BU].dat$"), "varE.dat")
  all <- vapply(files, function(f) scan(f, quiet = TRUE), numeric(draws + warmup))
  all[-seq_len(warmup), ]
}

tempfile_directory <- function() {
  path <- tempfile("bglr")
  dir.create(path)
  path
}

problem_wheat <- function() {
  utils::data("wheat", package = "BGLR", envir = environment())
  markers <- scale(wheat.X)
  G <- tcrossprod(markers) / ncol(markers)
  A <- wheat.A
  d <- data.frame(y = wheat.Y[, 1])
  prior <- lmm_prior(
    random = prior_inverse_gamma(shape, 0.9), residual = prior_inverse_gamma(shape, 1.8)
  )
  kernel <- function(k) list(K = k, model = "RKHS", df0 = 2 * shape, S0 = 2 * 0.9)
  rbind(
    measure("hdlmm", function() {
      own_variances(lmm(
        y ~ 1 + re(kernel = G) + re(kernel = A), d, method = "Bayes", algorithm = "gibbs",
        prior = prior, control = own_control(2000, 200)
      ))
    }),
    measure("BGLR", function() {
      set.seed(1)
      bglr_variances(d$y, list(kernel(G), kernel(A)), 1.8, 10000, 1000)
    })
  )
}

problem_InstEval <- function() {
  utils::data("InstEval", package = "lme4", envir = environment())
  d <- droplevels(InstEval[1:20000, ])
  prior <- lmm_prior(
    random = prior_inverse_gamma(shape, 0.25), residual = prior_inverse_gamma(shape, 1)
  )
  columns <- function(f) {
    list(X = stats::model.matrix(~ 0 + f), model = "BRR", df0 = 2 * shape, S0 = 2 * 0.25)
  }
  variance <- function(scale) list(V = scale / shape, nu = 2 * shape)
  rbind(
    measure("hdlmm", function() {
      own_variances(lmm(
        y ~ service + (1 | s) + (1 | d) + (1 | dept), d, method = "Bayes", algorithm = "gibbs",
        prior = prior, control = own_control(1000, 150)
      ))
    }),
    measure("BGLR", function() {
      set.seed(1)
      service <- list(X = stats::model.matrix(~ service, d)[, -1, drop = FALSE], model = "FIXED")
      terms <- list(service, columns(d$s), columns(d$d), columns(d$dept))
      bglr_variances(d$y, terms, 1, 300, 50)
    }),
    if (requireNamespace("MCMCglmm", quietly = TRUE)) measure("MCMCglmm", function() {
      set.seed(1)
      fit <- MCMCglmm::MCMCglmm(
        y ~ service, random = ~ s + d + dept, data = d, nitt = 2200, burnin = 200, thin = 1,
        verbose = FALSE, prior = list(
          R = variance(1), G = list(G1 = variance(0.25), G2 = variance(0.25), G3 = variance(0.25))
        )
      )
      unclass(fit$VCV)
    })
  )
}

for (name in c("wheat", "InstEval")) {
  if (length(chosen) > 0 && !name %in% chosen) next
  cat(name, "\n")
  table <- get(paste0("problem_", name))()
  table$ratio <- table$per_second[1] / table$per_second
  table$cpu_ratio <- table$per_cpu[1] / table$per_cpu
  print(table, digits = 3, row.names = FALSE)
}
