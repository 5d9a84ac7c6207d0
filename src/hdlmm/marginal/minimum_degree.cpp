#include "hdlmm/marginal/minimum_degree.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <queue>
#include <utility>
#include <vector>

namespace hdlmm {

namespace {

class MinimumDegree {
 public:
  MinimumDegree(LevelGraph& graph, const Context& context)
      : graph_(graph),
        context_(context),
        is_late_(static_cast<std::size_t>(graph.levels()), 0),
        degree_(is_late_.size(), 0) {
    measure_levels();
    columns_.assign(static_cast<std::size_t>(graph.sets()), 0);
    for (Index level = 0; level < graph_.levels(); ++level) {
      if (!is_early(level)) continue;
      for (const Index set : graph_.sets_of(level)) columns_[set] += graph_.width(level);
      queue_.emplace(degree_[level], level);
    }
    outside_.resize(columns_.size());
    turn_.resize(columns_.size(), -1);
  }

  void eliminate(const IsGain& is_gain) {
    while (!queue_.empty()) {
      const auto [degree, level] = queue_.top();
      queue_.pop();
      if (graph_.is_eliminated(level) || degree != degree_[level]) continue;
      if (graph_.size() % 256 == 0) context_.poll();
      if (!is_gain(graph_.width(level), graph_.width(graph_.meets(level)))) return;
      graph_.eliminate(level);
      update();
    }
  }

 private:
  using Place = std::pair<Index, Index>;  ///< degree and level

  bool is_early(Index level) const { return !graph_.is_eliminated(level) && is_late_[level] == 0; }

  /// Columns that each meets, by which those that meet very many are told.
  void measure_levels() {
    double left = 0;
    for (Index level = 0; level < graph_.levels(); ++level) {
      if (level % 256 == 0) context_.poll();
      if (graph_.is_eliminated(level)) continue;
      left += static_cast<double>(graph_.width(level));
      degree_[level] = graph_.width(graph_.meets(level));
    }
    for (Index level = 0; level < graph_.levels(); ++level) {
      is_late_[level] = static_cast<double>(degree_[level]) > kMany * std::sqrt(left) ? 1 : 0;
    }
  }

  /// New degrees of the levels that the last one met.
  void update() {
    const Index j = graph_.size() - 1, own = graph_.sets() - 1;
    std::vector<Index> early;
    Index width = 0;
    for (const Index level : graph_.met(j)) {
      if (!is_early(level)) continue;
      early.push_back(level);
      width += graph_.width(level);
    }
    columns_.push_back(width);
    outside_.push_back(0);
    turn_.push_back(j);
    // of each set that one of them is in: its columns that this one has not
    for (const Index level : early) {
      for (const Index set : graph_.sets_of(level)) {
        if (turn_[set] != j) outside_[set] = columns_[set];
        turn_[set] = j;
        if (set != own) outside_[set] -= graph_.width(level);
      }
    }
    for (const Index level : early) {
      Index degree = width - graph_.width(level);
      for (const Index set : graph_.sets_of(level)) {
        degree += outside_[set];
        if (set != own && outside_[set] == 0 && is_subset(set)) graph_.absorb(set);
      }
      degree_[level] = std::min(degree, degree_[level] + width - graph_.width(level));
      queue_.emplace(degree_[level], level);
    }
  }

  /// Of what the last level met.
  bool is_subset(Index set) const {
    const LevelGraph::Levels members = graph_.members(set);
    return std::all_of(members.begin(), members.end(),
                       [&](Index level) { return graph_.is_met(level); });
  }

  /// A level that meets more than so many times the root of the columns is left.
  static constexpr double kMany = 10;

  LevelGraph& graph_;
  const Context& context_;
  std::vector<char> is_late_;
  std::vector<Index> degree_;          ///< of levels, a bound without late ones
  std::vector<Index> columns_;         ///< of sets, without late ones
  std::vector<Index> outside_, turn_;  ///< of sets, and when that was found
  std::priority_queue<Place, std::vector<Place>, std::greater<Place>> queue_;
};

}  // namespace

void eliminate_fewest(LevelGraph& graph, const IsGain& is_gain, const Context& context) {
  MinimumDegree(graph, context).eliminate(is_gain);
}

}  // namespace hdlmm
