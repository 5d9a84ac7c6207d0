#include "hdlmm/marginal/blocked_factor.cpp"
#include "hdlmm/marginal/blocked_system.cpp"
#include "hdlmm/marginal/terms_chooser.cpp"
#include "hdlmm/marginal/terms_system.cpp"
