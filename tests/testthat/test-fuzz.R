# Random models, random data, random calls: no error and no warning but the package's own,
# and the laws of helper-fuzz-laws.R. 50 cases here; `make fuzz` runs 2000.

fuzz_count <- as.integer(Sys.getenv("HDLMM_FUZZ_CASES", "50"))
fuzz_first <- as.integer(Sys.getenv("HDLMM_FUZZ_SEED", "1"))

# What is broken, with all that is needed to see it again.
fuzz_report <- function(case, broken) {
  paste0(
    "seed ", case$seed, ": ", deparse1(case$call), "\n  ", paste(broken, collapse = "\n  "),
    "\n  again: for (f in list.files(\"tests/testthat\", \"^helper\", full.names = TRUE)) ",
    "source(f); case <- fuzz_case(", case$seed, "); eval(case$call, case$env); ",
    "fuzz_broken(case)"
  )
}

test_that("random calls of lmm() and its methods break no law", {
  skip_on_cran()
  skip_if_not_installed("generics")
  for (seed in fuzz_first + seq_len(fuzz_count) - 1L) {
    # where a crash would have been
    if (fuzz_count > 50 && seed %% 100 == 0) message("fuzz: seed ", seed)
    case <- fuzz_case(seed)
    broken <- fuzz_broken(case)
    expect(length(broken) == 0, if (length(broken)) fuzz_report(case, broken))
  }
})
