#include "hdlmm/model/covariance_factor.cpp"
