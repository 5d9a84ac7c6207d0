#include "hdlmm/marginal/absorbed_system.cpp"
#include "hdlmm/marginal/rest_factor.cpp"
#include "hdlmm/marginal/row_system.cpp"
#include "hdlmm/marginal/row_terms.cpp"
