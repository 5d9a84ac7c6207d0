#include "hdlmm/marginal/level_graph.hpp"

#include <algorithm>
#include <cstddef>

namespace hdlmm {

LevelGraph::LevelGraph(const RowLevels& rows)
    : rows_(&rows),
      sets_(static_cast<std::size_t>(rows.levels())),
      is_absorbed_(static_cast<std::size_t>(rows.rows()), 0),
      is_eliminated_(sets_.size(), 0),
      start_(1, 0),
      stamp_(sets_.size(), 0) {
  std::vector<std::size_t> size(sets_.size(), 0);
  for (const Index level : rows.level) ++size[level];
  for (std::size_t j = 0; j < size.size(); ++j) sets_[j].reserve(size[j]);
  for (Index i = 0; i < rows.rows(); ++i) {
    for (const Index level : members(i)) sets_[level].push_back(i);
  }
}

LevelGraph::Levels LevelGraph::members(Index set) const {
  const Index made = set - rows_->rows();
  if (made >= 0) return met(made);
  const Index* level = rows_->level.data();
  return {level + rows_->start[set], level + rows_->start[set + 1]};
}

const std::vector<Index>& LevelGraph::sets_of(Index level) {
  std::vector<Index>& sets = sets_[level];
  const auto is_absorbed = [&](Index set) { return is_absorbed_[set] != 0; };
  sets.erase(std::remove_if(sets.begin(), sets.end(), is_absorbed), sets.end());
  return sets;
}

Index LevelGraph::width(Levels levels) const {
  Index out = 0;
  for (const Index level : levels) out += width(level);
  return out;
}

LevelGraph::Levels LevelGraph::meets(Index level) {
  next_.clear();
  stamp_[level] = ++stamps_;
  for (const Index set : sets_of(level)) {
    for (const Index other : members(set)) {
      if (stamp_[other] == stamps_) continue;
      stamp_[other] = stamps_;
      next_.push_back(other);
    }
  }
  return {next_.data(), next_.data() + next_.size()};
}

void LevelGraph::eliminate(Index level) {
  meets(level);
  for (const Index set : sets_[level]) absorb(set);
  sets_[level] = {};
  for (const Index other : next_) sets_[other].push_back(sets());
  is_absorbed_.push_back(0);
  is_eliminated_[level] = 1;
  sequence_.push_back(level);
  met_.insert(met_.end(), next_.begin(), next_.end());
  start_.push_back(static_cast<Index>(met_.size()));
}

}  // namespace hdlmm
