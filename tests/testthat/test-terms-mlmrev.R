# The data of the users of multilevel models: Exam, ScotsSec and Chem97 of mlmRev, beside lme4 in
# numbers. bench/references.R has many more models and packages.

skip_if_not_installed("lme4")
skip_if_not_installed("mlmRev")

mlmrev <- function(name) {
  place <- new.env()
  utils::data(list = name, package = "mlmRev", envir = place)
  as.data.frame(place[[name]])
}

test_that("models of pupils in schools are those of lme4", {
  cases <- list(
    list(normexam ~ standLRT * sex + schgend + (standLRT | school), mlmrev("Exam"), TRUE),
    # singular: a correlation of one
    list(normexam ~ standLRT + sex + schavg + (standLRT + sex | school), mlmrev("Exam"), FALSE),
    list(attain ~ sex + (1 | primary) + (1 | second), mlmrev("ScotsSec"), TRUE),
    list(score ~ gcsecnt + (1 | school) + (1 | lea), mlmrev("Chem97"), FALSE)
  )
  control <- lme4::lmerControl(
    optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 1e5), calc.derivs = FALSE
  )
  for (case in cases) {
    own <- suppressMessages(lmm(case[[1]], case[[2]], method = if (case[[3]]) "REML" else "ML"))
    other <- suppressMessages(lme4::lmer(case[[1]], case[[2]], REML = case[[3]], control = control))
    gap <- as.numeric(logLik(own)) - as.numeric(logLik(other))
    # 1e-13 of a log-likelihood of 1e5 is rounding
    expect_gt(gap, -1e-7)
    expect_lt(gap, 1e-5)
    table <- as.data.frame(VarCorr(own))
    theirs <- as.data.frame(lme4::VarCorr(other))
    key <- function(x) paste(x$grp, x$var1, x$var2)
    expect_equal(table$vcov, theirs$vcov[match(key(table), key(theirs))], tolerance = 1e-4)
    expect_equal(fixef(own), lme4::fixef(other), tolerance = 1e-5)
    # to 1e-5 of what the term explains
    effects <- lme4::ranef(other)
    for (term in names(effects)) {
      wanted <- as.matrix(effects[[term]])
      found <- as.matrix(ranef(own)[[term]])[rownames(wanted), ]
      expect_lt(max(abs(found - wanted)) / max(abs(wanted)), 3e-5)
    }
  }
})
