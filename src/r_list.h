#ifndef HDLMM_R_LIST_H
#define HDLMM_R_LIST_H

#include <initializer_list>
#include <string>
#include <vector>

#include "r_eigen.h"

// One named element of a list of R. List::create() and Named() make compilers write the conversions
// of every list out again; these are functions.
class ListItem {
 public:
  ListItem(const char* name, SEXP value) : name_(name), value_(value) {}
  ListItem(const char* name, bool value);
  ListItem(const char* name, int value);
  ListItem(const char* name, double value);
  ListItem(const char* name, const char* value);
  ListItem(const char* name, const std::string& value);
  ListItem(const char* name, const std::vector<int>& value);
  ListItem(const char* name, const std::vector<double>& value);
  ListItem(const char* name, const hdlmm::Vector& value);
  ListItem(const char* name, const hdlmm::Matrix& value);

  const char* name() const { return name_; }
  SEXP value() const { return value_; }

 private:
  const char* name_;
  Rcpp::RObject value_;
};

// list(name = value, ...).
Rcpp::List make_list(std::initializer_list<ListItem> items);

#endif  // HDLMM_R_LIST_H
