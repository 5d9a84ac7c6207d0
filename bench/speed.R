# hdlmm beside its peers: the same data, the same run, the same number of threads.
#
#   Rscript bench/speed.R [--short] [--install] [--blas reference|default|both] [--runs 5]
#                         [--only <pattern of job names>] [--csv <file>] [--markdown]
#   make bench            the short form;  make bench BENCH="--install"  the long one
#
# Every run is a process of its own (bench/speed-worker.R), so that its peak memory is that of the
# job; our runs and the peers' take turns. Seconds are medians of 5 runs (3 in the short form): of 3
# where one takes more than a minute, 1 where more than five; steps of the ladders take two runs
# fewer. Memory is the peak of the first run beside the data.
#
# "reference" is the reference BLAS and LAPACK by LD_PRELOAD: those of Debian beside the BLAS in
# use, or HDLMM_REFERENCE_BLAS (paths separated by colons). "default" is what R uses here. A peer
# or a setting that is not there is named and left out; --install fetches peers into HDLMM_PEER_LIB
# (see bench/peers.R). BGLR samples: it is timed in bench/inference.R.
#
# The bars are those of the long form, which takes about an hour; the short one takes less than
# three minutes and writes to build-bench/. --markdown prints nothing but the table for the README.

script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1])
here <- dirname(normalizePath(script))
for (name in c("peers.R", "speed-jobs.R", "speed-table.R", "speed-run.R")) {
  source(file.path(here, name))
}

options_given <- read_options(commandArgs(TRUE))
run <- prepare_run(options_given)
jobs <- all_jobs(options_given$is_short)
jobs <- jobs[grepl(options_given$only, names(jobs))]
if (!options_given$markdown) {
  cat(paste0(names(run$facts), ": ", run$facts, "\n"), "\n", sep = "")
  print_header()
}
found <- run_jobs(jobs, run$probes, options_given)
write_measured(found$measured, run$facts, options_given$csv)
growth <- growth_lines(found$measured, jobs)
if (!options_given$markdown) {
  cat("\n", paste0(growth, "\n", recycle0 = TRUE), "\nFor the README:\n\n", sep = "")
}
print_markdown(found$compared, growth, run$facts)
