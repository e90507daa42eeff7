// How long a test may take before it counts as hung: twenty times as long under a sanitizer.
#pragma once

#include "shoal/base/time.hpp"

namespace shoal::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr int slower = 20;
#else
inline constexpr int slower = 1;
#endif

inline Duration liveness(Duration bound) { return bound * slower; }

}  // namespace shoal::test
