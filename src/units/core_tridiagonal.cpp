#include "hdlmm/linalg/tridiagonal_factor.cpp"
#include "hdlmm/linalg/tridiagonal_spectrum.cpp"
#include "hdlmm/marginal/implicit_spectrum.cpp"
#include "hdlmm/marginal/tridiagonal_system.cpp"
