# What bench/speed.R and bench/terms.R print and write: the machine, the table, the growth of cost.

# The machine -----------------------------------------------------------------------------

cpu_field <- function(field) {
  lines <- tryCatch(
    readLines("/proc/cpuinfo"), error = function(e) NULL, warning = function(w) NULL
  )
  line <- grep(paste0("^", field, "\\s*:"), lines, value = TRUE)
  if (length(line)) sub(".*: *", "", line[1]) else "unknown"
}

instruction_sets <- function() {
  flags <- strsplit(paste(cpu_field("flags"), cpu_field("Features")), " ")[[1]]
  known <- c(
    "sse2", "sse4_2", "avx", "fma", "avx2", "avx512f", "avx512dq", "avx512bw", "avx512vl", "asimd",
    "sve"
  )
  paste(intersect(known, flags), collapse = " ")
}

own_configuration <- function() {
  printed <- utils::capture.output(print(hdlmm::hdlmm_config()))
  gsub(" +", " ", paste(trimws(printed), collapse = "; "))
}

# Named strings; the heads of the table and of the CSV.
describe_run <- function(probes, options) {
  blas <- vapply(names(probes), function(name) {
    found <- probes[[name]]
    core <- if (nzchar(found[["core"]])) paste0(", kernel ", found[["core"]])
    libraries <- unique(basename(normalizePath(found[c("blas", "lapack")], mustWork = FALSE)))
    paste0(name, " = ", paste(libraries, collapse = " and "), core)
  }, "")
  versions <- peer_versions()
  c(
    CPU = paste0(cpu_field("model name"), ", ", parallel::detectCores(), " cores"),
    instructions = instruction_sets(),
    system = paste(Sys.info()[["sysname"]], R.version$platform), R = R.version.string,
    BLAS = paste(blas, collapse = "; "), threads = threads,
    hdlmm = as.character(utils::packageVersion("hdlmm")), configuration = own_configuration(),
    peers = paste(names(versions), versions, collapse = ", "),
    form = if (options$is_short) "short" else "long", date = format(Sys.Date())
  )
}

# The table -------------------------------------------------------------------------------

# One row a peer: our seconds beside its own.
compare_sides <- function(job, sides, is_short) {
  own <- sides[sides$side == "hdlmm", ]
  rows <- lapply(setdiff(sides$side, "hdlmm"), function(name) {
    peer <- sides[sides$side == name, ]
    ratio <- own$seconds / peer$seconds
    bar <- job$sides[[name]]$bar[own$blas]
    if (is_short || is.null(bar)) bar <- NA_real_
    data.frame(
      job = job$id, work = job$work, peer = name, blas = own$blas, own = own$seconds,
      seconds = peer$seconds, ratio = ratio, bar = unname(bar), own_mb = own$peak_mb,
      peer_mb = peer$peak_mb, runs = paste0(own$runs, "/", peer$runs),
      note = row_note(job, own, peer, bar, is_short), is_ladder = !is.null(job$ladder)
    )
  })
  do.call(rbind, rows)
}

row_note <- function(job, own, peer, bar, is_short) {
  if (nzchar(own$error)) return(own$error)
  if (nzchar(peer$error)) return(peer$error)
  memory <- if (!is_short && !is.na(job$memory_bar)) {
    paste0("memory bar ", job$memory_bar, " MB: ", verdict(own$peak_mb <= job$memory_bar))
  }
  apart <- abs(own$value / peer$value - 1)
  notes <- c(
    if (!is.na(bar)) verdict(own$seconds / peer$seconds <= bar), memory,
    if (job$sides[[peer$side]]$is_same && isTRUE(apart > 1e-3)) {
      sprintf("answers differ: %.5g, %.5g", own$value, peer$value)
    }
  )
  paste(notes, collapse = "; ")
}

verdict <- function(is_met) if (isTRUE(is_met)) "met" else "MISSED"

# Three digits without an exponent; "-" where there is nothing.
show <- function(x, digits = 3) {
  text <- formatC(signif(x, digits), digits = digits, format = "fg", flag = "#")
  ifelse(is.na(x), "-", sub("[.]$", "", text))
}

show_bar <- function(x) ifelse(is.na(x), "-", vapply(signif(x, 2), format, ""))

show_mb <- function(x) ifelse(is.na(x), "-", sprintf("%.0f", x))

cells <- function(rows) {
  data.frame(
    rows$work, rows$peer, rows$blas, show(rows$own), show(rows$seconds), show(rows$ratio),
    show_bar(rows$bar), show_mb(rows$own_mb), show_mb(rows$peer_mb), rows$runs, rows$note
  )
}

heads <- c(
  "work", "peer", "BLAS", "hdlmm, s", "peer, s", "ratio", "bar", "hdlmm, MB", "peer, MB", "runs", ""
)

layout <- "%-50s %-16s %-9s %9s %9s %7s %6s %9s %9s %5s  %s\n"

print_header <- function() cat(do.call(sprintf, c(list(layout), as.list(heads))))

print_rows <- function(rows) {
  cat(do.call(sprintf, c(list(layout), unname(as.list(cells(rows))))), sep = "")
}

print_markdown <- function(rows, growth, facts) {
  rows <- rows[!rows$is_ladder & !is.na(rows$ratio), ]
  line <- function(x) {
    paste0("| ", paste(gsub("|", "\\|", x, fixed = TRUE), collapse = " | "), " |\n")
  }
  shown <- -c(10, 11)
  cat(line(heads[shown]), "|", strrep("---|", 3), strrep("---:|", 6), "\n", sep = "")
  body <- cells(rows)[shown]
  for (i in seq_len(nrow(body))) cat(line(unlist(body[i, ])))
  cat(
    "\n", facts[["CPU"]], " (", facts[["instructions"]], "), ", facts[["threads"]],
    " threads; BLAS: ", facts[["BLAS"]], "; ", facts[["R"]], ", hdlmm ", facts[["hdlmm"]], ", ",
    facts[["peers"]], ". Medians of runs that take turns, each a process of its own; memory: peak ",
    "beside the data. EMMREML, gaston and sommer take K (forming it is counted) and predict rows, ",
    "not columns. GEMMA's seconds include reading its files, its memory the data.\n",
    if (length(growth)) paste0("\n", paste(growth, collapse = " "), "\n"), sep = ""
  )
}

# Growth of cost --------------------------------------------------------------------------

# Exponents of seconds over n, p and levels: slopes of logarithms by least squares.
growth_lines <- function(measured, jobs) {
  along <- vapply(jobs, function(job) c(job$ladder, "")[1], "")
  has_levels <- any(vapply(jobs, function(job) !is.null(job$size$levels), NA)[along != ""])
  if (has_levels) names(measured)[names(measured) == "p"] <- "levels"
  unlist(lapply(intersect(unique(along), names(measured)), function(axis) {
    rows <- measured[measured$job %in% names(jobs)[along == axis] & measured$runs > 0, ]
    vapply(unique(rows$side), function(name) {
      steps <- rows[rows$side == name, ]
      if (nrow(steps) < 2) return(paste0(name, ": too few steps along ", axis, "."))
      growth_line(steps, name, axis)
    }, "")
  }))
}

growth_line <- function(steps, name, axis) {
  slope <- stats::coef(stats::lm(log(steps$seconds) ~ log(steps[[axis]])))[[2]]
  fixed <- setdiff(intersect(c("n", "p", "levels"), names(steps)), axis)
  sprintf(
    "%s: seconds grow as %s^%.2f (%s = %s to %s, %s = %s: %s s).", name, axis, slope, axis,
    format(min(steps[[axis]])), format(max(steps[[axis]])), fixed, format(steps[[fixed]][1]),
    paste(show(steps$seconds), collapse = ", ")
  )
}

# The file --------------------------------------------------------------------------------

# "# name: fact" lines, then one line a side; read.csv(file, comment.char = "#") reads it.
write_measured <- function(measured, facts, file) {
  dir.create(dirname(file), showWarnings = FALSE, recursive = TRUE)
  writeLines(paste0("# ", names(facts), ": ", facts), file)
  suppressWarnings(utils::write.table(
    measured, file, append = TRUE, sep = ",", row.names = FALSE, qmethod = "double"
  ))
}
