# Predicts the grain yield of wheat lines from 1279 DNA markers, in four environments.
# Run by `make demo`; needs the package installed in .lib (tools/install.sh does that).

.libPaths(c(normalizePath(".lib", mustWork = FALSE), .libPaths()))
library(hdlmm)

load_wheat <- function() {
  from <- new.env()
  if (!requireNamespace("BGLR", quietly = TRUE)) {
    data("wheat", package = "hdlmm", envir = from)
    return(list(data = from$wheat, source = "the copy shipped with hdlmm"))
  }
  data("wheat", package = "BGLR", envir = from)
  wheat <- data.frame(from$wheat.Y, row.names = rownames(from$wheat.Y))
  names(wheat) <- paste0("yield", 1:4)
  wheat$markers <- from$wheat.X
  list(data = wheat, source = "the CRAN package BGLR")
}

analyse <- function(yield, train, test) {
  formula <- reformulate("re(markers)", response = yield)
  seconds <- system.time(fit <- lmm(formula, data = train))[["elapsed"]]
  predicted <- predict(fit, newdata = test, interval = "prediction")
  observed <- test[[yield]]
  inside <- observed >= predicted[, "lwr"] & observed <= predicted[, "upr"]
  share <- pve(fit)[1, ]
  row <- data.frame(
    yield = yield, n = nrow(train), pve = share$estimate, lower = share$lower,
    upper = share$upper, logLik = as.numeric(logLik(fit)),
    r = cor(observed, predicted[, "fit"]), coverage = mean(inside), seconds = seconds
  )
  list(fit = fit, predicted = predicted, observed = observed, row = row)
}

draw <- function(first, table, file) {
  dir.create(dirname(file), showWarnings = FALSE)
  png(file, width = 1400, height = 1200, res = 150)
  on.exit(dev.off())
  par(mfrow = c(2, 2), mar = c(4.2, 4.2, 3.6, 1))
  p <- first$predicted
  plot(p[, "fit"], first$observed, pch = 19, cex = 0.6, ylim = range(p, first$observed),
       xlab = "predicted", ylab = "observed", main = "yield1, held-out lines")
  segments(p[, "fit"], p[, "lwr"], y1 = p[, "upr"], col = "grey70")
  points(p[, "fit"], first$observed, pch = 19, cex = 0.6)
  abline(0, 1, lty = 2)
  plot(first$fit, which = 3)
  position <- seq_len(nrow(table))
  plot(position, table$pve, pch = 19, xlim = c(0.5, nrow(table) + 0.5), ylim = c(0, 1),
       xaxt = "n", xlab = "", ylab = "proportion of variance",
       main = "Explained by the markers")
  segments(position, table$lower, y1 = table$upper)
  axis(1, position, table$yield)
  barplot(table$r, names.arg = table$yield, ylim = c(0, 1), col = "grey80",
          ylab = "correlation", main = "Predicted and observed, held-out lines")
}

wheat <- load_wheat()
set.seed(1)
held_out <- sample(nrow(wheat$data), round(nrow(wheat$data) / 5))
train <- wheat$data[-held_out, ]
test <- wheat$data[held_out, ]
cat("Wheat: ", nrow(wheat$data), " lines, ", ncol(wheat$data$markers),
    " DNA markers, grain yield in four environments.\nThe data come from ", wheat$source,
    ". ", nrow(test), " lines, drawn at random, are held out.\n\n", sep = "")

results <- lapply(paste0("yield", 1:4), analyse, train = train, test = test)
first <- results[[1]]
cat("The model of the first yield, lmm(yield1 ~ re(markers)):\n\n")
print(summary(first$fit))

cat("\nThe first six held-out lines, with 95 % prediction intervals:\n\n")
shown <- cbind(first$predicted, observed = first$observed)[1:6, ]
rownames(shown) <- paste("line", rownames(test)[1:6])
print(round(shown, 2))

cat("\nAll four yields: proportion of variance explained by the markers (pve) with its\n",
    "95 % interval, REML log-likelihood; in the held-out lines, the correlation of\n",
    "predicted and observed (r) and the coverage of the 95 % intervals; seconds for\n",
    "the fit.\n\n", sep = "")
table <- do.call(rbind, lapply(results, `[[`, "row"))
digits <- c(pve = 2, lower = 2, upper = 2, logLik = 2, r = 2, coverage = 3, seconds = 2)
table[names(digits)] <- Map(round, table[names(digits)], digits)
print(table, row.names = FALSE)

draw(first, table, "demo-output/wheat.png")
cat("\nA picture of this is in demo-output/wheat.png\n")
