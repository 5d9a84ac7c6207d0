# Memory is promised before it is there: on Linux a matrix too large for the machine ends the
# process when it is filled, not when it is asked for. Large needs are held against what is free.

# Draws [n x count], and what they are turned or copied into.
require_draws_memory <- function(n, count) {
  require_memory(16 * as.double(n) * count, paste(count, "draws of", counted(n, "number")))
}

need_of_note <- 2^30  # bytes; below, nothing is looked up

require_memory <- function(bytes, what) {
  if (!(bytes > need_of_note)) return(invisible())
  free <- free_memory()
  if (bytes <= free) return(invisible())
  abort(
    "out_of_memory", "not enough memory: ", what, " needs about ", gigabytes(bytes), ", and ",
    gigabytes(free), " are free.", data = list(needed = bytes, free = free)
  )
}

gigabytes <- function(bytes) paste(format(bytes / 2^30, digits = 3), "GB")

# Bytes that this process may still fill, or Inf where the system does not say.
free_memory <- function() {
  lines <- read_lines("/proc/meminfo")
  kilobytes <- function(name) {
    line <- grep(paste0("^", name, ":"), lines, value = TRUE)
    as.numeric(gsub("[^0-9]", "", line))
  }
  available <- kilobytes("MemAvailable")
  if (length(available) != 1) return(Inf)
  min(1024 * (available + sum(kilobytes("SwapFree"))), group_memory())
}

# The same within the control groups of this process (version 2, then 1).
group_memory <- function() {
  groups <- strsplit(read_lines("/proc/self/cgroup"), ":", fixed = TRUE)
  own <- Filter(function(group) length(group) == 3 && group[2] %in% c("", "memory"), groups)
  free <- vapply(own, function(group) {
    root <- if (group[2] == "") "/sys/fs/cgroup" else "/sys/fs/cgroup/memory"
    files <- if (group[2] == "") c("memory.max", "memory.current", "inactive_file") else
      c("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    min(Inf, vapply(parents_of(group[3]), function(path) {
      free_of_group(paste0(root, path), files)
    }, 0))
  }, 0)
  min(Inf, free)
}

# "/", "/a", "/a/b" of "/a/b".
parents_of <- function(path) {
  parts <- strsplit(path, "/", fixed = TRUE)[[1]]
  parts <- parts[nzchar(parts)]
  c("", vapply(seq_along(parts), function(i) paste0("/", parts[seq_len(i)], collapse = ""), ""))
}

# Files that are read but need not stay in memory do not count as used.
free_of_group <- function(path, files) {
  number <- function(text) suppressWarnings(as.numeric(text))[1]
  limit <- number(read_lines(file.path(path, files[1])))
  used <- number(read_lines(file.path(path, files[2])))
  if (is.na(limit) || is.na(used)) return(Inf)
  line <- grep(paste0("^", files[3], " "), read_lines(file.path(path, "memory.stat")), value = TRUE)
  spare <- number(sub(".* ", "", line))
  max(0, limit - used + if (is.na(spare)) 0 else spare)
}

read_lines <- function(path) {
  tryCatch(suppressWarnings(readLines(path, warn = FALSE)), error = function(e) character())
}
