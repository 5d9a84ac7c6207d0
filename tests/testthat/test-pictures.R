# Every picture is made of panels, data that plot() and autoplot() draw: their numbers are those of
# other functions.

boys <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
on_variances <- lmm_prior(
  random = prior_half_t(3, 10), residual = prior_inverse_gamma(2, 3),
  fixed = prior_normal(0, c(1000, 100))
)
boys_bayes <- update(boys, method = "Bayes", prior = on_variances)
slopes <- lmm(Reaction ~ Days + (Days | Subject), data = lme4::sleepstudy)
crossed <- lmm(
  diameter ~ 1 + (1 | plate) + (1 | sample), data = lme4::Penicillin, algorithm = "em"
)
several <- lmm(cbind(yield1, yield2, yield3) ~ re(markers), data = wheat, subset = 1:80)

layer_of <- function(panel, kind) {
  found <- Filter(function(layer) layer$kind == kind, panel$layers)
  do.call(rbind, lapply(found, `[[`, "data"))
}

# What each object that can be drawn is drawn from.
pictured <- list(
  list(boys, hdlmm:::fit_panels(boys)),
  list(slopes, hdlmm:::fit_panels(slopes)),
  list(crossed, hdlmm:::fit_panels(crossed)),
  list(several, hdlmm:::multi_panels(several, 0.95, 30)),
  list(profile(boys), list(hdlmm:::pve_profile_panel(profile(boys), 0.95))),
  list(ranef(slopes, se = TRUE), hdlmm:::ranef_panels(ranef(slopes, se = TRUE), 20, 0.95)),
  list(loo(boys), hdlmm:::loo_panels(loo(boys), 1:3)),
  list(convergence(crossed), hdlmm:::course_panels(convergence(crossed), NULL)),
  list(posterior_density(boys_bayes), hdlmm:::density_panels(posterior_density(boys_bayes), 0.95)),
  list(on_variances, hdlmm:::prior_panels(on_variances, 0.98))
)

test_that("plot() returns its object invisibly, on one page, and sets the layout back", {
  for (one in pictured) {
    files <- file.path(tempfile("pages"), "p%03d.pdf")
    dir.create(dirname(files))
    grDevices::pdf(files, onefile = FALSE)
    before <- graphics::par("mfrow", "mar", "oma", "mgp", "cex", "las", "xpd")
    expect_identical(expect_invisible(plot(one[[1]])), one[[1]])
    expect_identical(graphics::par("mfrow", "mar", "oma", "mgp", "cex", "las", "xpd"), before)
    grDevices::dev.off()
    expect_length(list.files(dirname(files)), 1)
    unlink(dirname(files), recursive = TRUE)
  }
})

test_that("autoplot() has a facet for each panel of plot(), with its layers", {
  skip_if_not_installed("ggplot2")
  for (one in pictured) {
    drawn <- ggplot2::autoplot(one[[1]])
    expect_s3_class(drawn, "ggplot")
    built <- ggplot2::ggplot_build(drawn)
    expect_identical(nrow(built$layout$layout), length(one[[2]]))
    points <- lapply(one[[2]], layer_of, kind = "points")
    expected <- sum(vapply(points, function(p) if (is.null(p)) 0L else nrow(p), 0L))
    is_point <- vapply(drawn$layers, function(l) inherits(l$geom, "GeomPoint"), NA)
    is_stick <- lengths(lapply(one[[2]], layer_of, kind = "sticks")) > 0
    if (!any(is_stick)) expect_equal(sum(vapply(built$data[is_point], nrow, 0L)), expected)
  }
})

test_that("panels of a fit have its fitted values, residuals, effects and shares", {
  panels <- hdlmm:::fit_panels(boys, n = 50, level = 0.9)
  points <- layer_of(panels[[1]], "points")
  expect_identical(points$x, unname(fitted(boys)))
  expect_equal(points$y, unname(residuals(boys, "scaled")), tolerance = 1e-14)
  expect_equal(layer_of(panels[[2]], "points")$y, nlme::Oxboys$height, tolerance = 1e-14)
  effects <- ranef(boys, se = TRUE)
  at <- panels[[4]]$ticks
  points <- layer_of(panels[[4]], "points")
  expect_identical(points$x[match(at$at, points$y)], unname(effects$Subject[at$label]))
  spans <- layer_of(panels[[4]], "spans")
  half <- qnorm(0.95) * attr(effects, "se")$Subject[at$label]
  expect_equal(((spans$xend - spans$x) / 2)[match(at$at, spans$y)], unname(half), tolerance = 1e-10)
  table <- pve(crossed, method = "wald")
  panel <- hdlmm:::fit_panels(crossed, 3)[[1]]
  expect_identical(layer_of(panel, "points")$x, table$estimate)
  expect_identical(layer_of(panel, "spans")$xend, table$upper)
})

test_that("a block has a panel for each coefficient, a model one for each term", {
  panels <- hdlmm:::fit_panels(slopes, 4)
  expect_identical(
    vapply(panels, `[[`, "", "x"), paste("effect of Subject:", c("(Intercept)", "Days"))
  )
  days <- ranef(slopes)$Subject[, "Days"]
  expect_identical(sort(layer_of(panels[[2]], "points")$x), unname(sort(days)))
  expect_length(hdlmm:::fit_panels(crossed, 4), 2)
  expect_length(hdlmm:::ranef_panels(ranef(slopes), 20, 0.95), 2)
  qq <- hdlmm:::fit_panels(slopes, 6)
  expect_identical(
    vapply(qq, `[[`, "", "y"), paste("random effect of Subject:", c("(Intercept)", "Days"))
  )
  expect_identical(layer_of(qq[[2]], "points")$y, unname(sort(days)))
})

test_that("methods without a density are compared by estimates and limits, a row each", {
  compared <- compare_methods(slopes, c("REML", "ML"))
  panels <- hdlmm:::comparison_panels(compared, 1:2)
  fits <- attr(compared, "fits")
  for (name in c("Subject.(Intercept)", "pve")) {
    panel <- panels[[if (name == "pve") 1 else 2]]
    expect_identical(panel$ticks$label, c("REML", "ML"))
    spans <- layer_of(panel, "spans")
    for (i in 1:2) {
      limits <- if (name == "pve") unlist(pve(fits[[i]], method = "wald")[c("lower", "upper")]) else
        confint(fits[[i]], name, method = "wald")
      expect_identical(unlist(spans[i, c("x", "xend")]), as.vector(limits), ignore_attr = TRUE)
    }
  }
  with_bayes <- hdlmm:::comparison_panels(compare_methods(boys, c("REML", "Bayes")), 1)[[1]]
  expect_null(layer_of(with_bayes, "spans"))
  expect_gt(nrow(layer_of(with_bayes, "line")), 50)
})

test_that("more than four panels have smaller letters and strips without lines for the axes", {
  skip_if_not_installed("ggplot2")
  letters_of <- function(which) ggplot2::autoplot(slopes, which = which)$theme$text$size
  expect_lt(letters_of(1:4), letters_of(1:2))
  names <- hdlmm:::facet_names(hdlmm:::fit_panels(slopes, 1:4))
  expect_true(all(lengths(strsplit(names, "\n")) <= 3))
})

test_that("the shade of a profile ends at the limits of confint() and pve()", {
  level <- 0.9
  shade <- layer_of(hdlmm:::fit_panels(boys, 3, level)[[1]], "area")
  limits <- pve(boys, level)
  expect_equal(range(shade$x), c(limits$lower, limits$upper), tolerance = 1e-12)
  # of a table of 2000 points by lines between them
  shade <- layer_of(hdlmm:::pve_profile_panel(profile(boys, 2000), level), "area")
  expect_equal(range(shade$x), c(limits$lower, limits$upper), tolerance = 1e-4)
  table <- profile(slopes, which = "Residual")
  shade <- layer_of(hdlmm:::parameter_profile_panels(table, level)[[1]], "area")
  # the root is all but straight between about 20 points
  expect_equal(range(shade$x), unname(c(confint(slopes, "Residual", level))), tolerance = 1e-3)
})

test_that("calibration of loo() counts observations inside its intervals", {
  result <- loo(boys)
  panels <- hdlmm:::loo_panels(result, 1:3)
  table <- result$table
  expect_identical(layer_of(panels[[1]], "points")$x, table$prediction)
  z <- (table$observed - table$prediction) / sqrt(table$variance)
  bars <- layer_of(panels[[2]], "bars")
  expect_equal(mean(bars$y), 1, tolerance = 1e-12)  # frequencies over their mean
  inside <- mean(pnorm(z) <= bars$xend[3])
  expect_equal(sum(bars$y[1:3]) / nrow(bars), inside, tolerance = 1e-12)
  share <- layer_of(panels[[3]], "points")
  # the level 0.9
  expect_identical(share$y[18], mean(abs(z) <= qnorm(0.95)))
})

test_that("the course is convergence(), of chains as of responses", {
  course <- convergence(crossed)
  panels <- hdlmm:::course_panels(course, NULL)
  expect_identical(
    vapply(panels, `[[`, "", "title"),
    paste("Course of", c("the objective", "plate", "sample", "Residual"))
  )
  expect_identical(layer_of(panels[[2]], "line")$y, course$plate)
  control <- lmm_control(draws = 200, warmup = 50, chains = 2, seed = 1)
  gibbs <- update(boys, method = "Bayes", algorithm = "gibbs", control = control)
  panels <- hdlmm:::course_panels(convergence(gibbs), "Residual")
  expect_identical(names(panels[[1]]$colours), c("chain 1", "chain 2"))
  expect_identical(layer_of(panels[[1]], "line")$y, convergence(gibbs)$Residual)
  expect_identical(
    unique(layer_of(hdlmm:::course_panels(convergence(several), NULL)[[1]], "line")$group),
    paste0("yield", 1:3)
  )
  expect_error(plot(course, "nothing"), "there are \"objective\"", class = "hdlmm_bad_input")
})

test_that("posterior densities stand beside the priors of the same parameters", {
  table <- posterior_density(boys_bayes)
  own <- function(name) table[table$parameter == name, ]
  expect_equal(own("age")$prior, dnorm(own("age")$x, 0, 100), tolerance = 1e-14)
  expect_equal(own("(Intercept)")$prior, dnorm(own("(Intercept)")$x, 0, 1000), tolerance = 1e-14)
  x <- own("Residual")$x
  expect_equal(own("Residual")$prior, dgamma(1 / x, 2, 3) / x^2, tolerance = 1e-12)
  x <- own("Subject")$x
  expect_equal(own("Subject")$prior, dt(sqrt(x) / 10, 3) / 10 / sqrt(x), tolerance = 1e-12)
  expect_true(all(is.na(own("pve")$prior)))
  by_share <- update(boys, method = "Bayes", prior = lmm_prior(pve = prior_beta(2, 3)))
  table <- posterior_density(by_share)
  expect_equal(own("pve")$prior, dbeta(own("pve")$x, 2, 3), tolerance = 1e-14)
  expect_true(all(is.na(own("Residual")$prior)))
  # equal tails: those of posterior_summary(), by trapezia of 200 points
  panel <- hdlmm:::density_panels(table[table$parameter == "pve", ], 0.95)[[1]]
  expect_equal(
    range(layer_of(panel, "area")$x),
    unname(posterior_summary(by_share, "pve", c(0.025, 0.975))[, 3:4]), tolerance = 1e-3
  )
})

test_that("densities of priors have mass one, and draws of them their quantiles", {
  priors <- list(prior_beta(2, 3), prior_inverse_gamma(3, 2), prior_half_t(4, 2))
  for (prior in priors) {
    mass <- integrate(function(x) hdlmm:::prior_density_at(prior, x), 0, if (prior$kind == "beta") 1
      else Inf, rel.tol = 1e-8)
    expect_equal(mass$value, 1, tolerance = 1e-6)
    draws <- simulate(prior, 4000, seed = 1)
    below <- integrate(function(x) hdlmm:::prior_density_at(prior, x), 0, median(draws))
    # four standard errors of a median's probability
    expect_equal(below$value, 0.5, tolerance = 4 * 0.5 / sqrt(4000) / 0.5)
  }
  expect_true(all(is.na(hdlmm:::prior_density_at(prior_flat(), 1:3))))
  shares <- prior_dirichlet(c(a = 1, b = 2, Residual = 4))
  total <- hdlmm:::share_prior(shares, c("a", "b"))
  expect_identical(c(total$a, total$b), c(3, 4))
  expect_identical(hdlmm:::share_prior(shares, c("a", "b"), "b")$b, 5)
  expect_null(hdlmm:::share_prior(prior_beta(1, 1), c("a", "b"), "b"))
})

test_that("histograms of draws have their mean, quantiles and mass", {
  draws <- posterior_sample(boys, 500, seed = 1)
  panels <- hdlmm:::draw_panels_of(draws, NULL, 0.9)
  table <- as.data.frame(draws)
  expect_identical(vapply(panels, `[[`, "", "title"), names(table))
  for (k in seq_along(panels)) {
    expect_identical(layer_of(panels[[k]], "points")$x, mean(table[[k]]))
    span <- layer_of(panels[[k]], "spans")
    ends <- unname(quantile(table[[k]], c(0.05, 0.95)))
    expect_equal(c(span$x, span$xend), ends, tolerance = 1e-12)
    bars <- layer_of(panels[[k]], "bars")
    # all but the outer draws of 1000
    expect_equal(sum(bars$y * (bars$xend - bars$x)), 1, tolerance = 0.005)
  }
})

test_that("null distributions of a test give its p-values", {
  weak <- lmm(yield1 ~ re(markers[, 1:3]), data = wheat, subset = 1:80)
  test <- test_random(weak, draws = 400, seed = 1)
  null <- attr(test, "null")
  at <- approx(null$statistic, null$p_value, test$statistic[1], rule = 2, ties = "ordered")$y
  expect_equal(at, test$p_value[1], tolerance = 0.05)  # between two of 400 steps
  panel <- hdlmm:::test_panels(test)[[1]]
  expect_identical(layer_of(panel, "points")$y, test$p_value)
  expect_match(hdlmm:::test_panels(test_random(boys, draws = 99, seed = 1))[[1]]$caption, "off the")
})

test_that("many responses show the largest shares, several terms a panel each", {
  panels <- hdlmm:::multi_panels(several, 0.95, 2)
  expect_match(panels[[1]]$title, "the 2 largest of 3")
  table <- pve(several, method = "wald")
  largest <- table[order(-table$estimate)[1:2], ]
  expect_identical(panels[[1]]$ticks$label, largest$response)
  expect_identical(layer_of(panels[[1]], "points")$x, largest$estimate)
})

test_that("twelve panels share a page at most, and every page is drawn", {
  panels <- rep(hdlmm:::fit_panels(boys, 1), 14)
  file <- tempfile(fileext = "%03d.png")
  grDevices::png(file, 4, 4, "in", res = 72)
  hdlmm:::draw_panels(panels, list())
  grDevices::dev.off()
  expect_identical(file.exists(sprintf(file, 1:3)), c(TRUE, TRUE, FALSE))
})

test_that("groups have colours that are told apart without red and green", {
  few <- hdlmm:::group_colours(c("b", "a", "b"), "a")
  expect_identical(few[["a"]], "black")
  expect_named(few, c("b", "a"))
  expect_identical(anyDuplicated(hdlmm:::group_colours(letters)), 0L)
})

test_that("pictures look as they did", {
  skip_on_cran()
  skip_if_not_installed("vdiffr")
  skip_if_not_installed("ggplot2")
  look <- function(title, object, ...) {
    vdiffr::expect_doppelganger(title, function() plot(object, ...))
    vdiffr::expect_doppelganger(paste(title, "by ggplot2"), ggplot2::autoplot(object, ...))
  }
  look("profile of a share", profile(boys, 30))
  look("effects", ranef(boys, se = TRUE), n = 5)
  look("prior", prior_normal(0, 1))
  look("shares of responses", several)
  look("course", convergence(crossed), "plate")
})
