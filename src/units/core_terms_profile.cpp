#include "hdlmm/inference/terms/held_parameter.cpp"
#include "hdlmm/inference/terms/profile_path.cpp"
#include "hdlmm/inference/terms/terms_profile.cpp"
#include "hdlmm/inference/terms/theta_point.cpp"
