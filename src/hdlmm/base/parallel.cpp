#include "hdlmm/base/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace hdlmm {

void parallel_for(const Context& context, Index n_blocks, const std::function<void(Index)>& task) {
  std::atomic<Index> next{0};
  std::atomic<bool> stop{false};
  std::exception_ptr failure;
  std::mutex failure_mutex;

  auto work = [&](bool is_caller) {
    try {
      for (Index block = next++; block < n_blocks && !stop; block = next++) {
        if (is_caller) context.poll();
        task(block);
      }
    } catch (...) {  // kept for the caller: rethrown after the join
      std::lock_guard<std::mutex> lock(failure_mutex);
      if (!failure) failure = std::current_exception();
      stop = true;
    }
  };

  const Index n_workers = std::min<Index>(context.n_threads, n_blocks) - 1;
  std::vector<std::thread> workers;
  for (Index i = 0; i < n_workers; ++i) {
    try {
      workers.emplace_back(work, false);
    } catch (const std::system_error&) {
      break;  // no more threads to be had: the caller does the rest
    }
  }
  work(true);
  for (std::thread& worker : workers) worker.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace hdlmm
