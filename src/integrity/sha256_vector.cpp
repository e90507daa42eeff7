// SHA-256 of several streams in the lanes of ordinary vectors. Written with the compiler's
// vector extension, so that one text serves SSE2, NEON and whatever else there is, and the
// wider units of x86, where AVX-512's rotations and three-operand logic make it a rival of the
// SHA instructions.
#include <bit>
#include <cstring>
#include <utility>

#include "integrity/sha256_backend.hpp"

#define SHOAL_ROTR(x, n) (((x) >> (n)) | ((x) << (32 - (n))))
#define SHOAL_XOR3(x, y, z) ((x) ^ (y) ^ (z))
#define SHOAL_CHOOSE(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define SHOAL_MAJORITY(x, y, z) (((x) & (y)) | ((z) & ((x) | (y))))
#define SHOAL_BYTE_SWAP(x)                   \
    (std::endian::native == std::endian::big \
         ? (x)                               \
         : (SHOAL_ROTR(x, 8) & 0xff00ff00U) | (SHOAL_ROTR(x, 24) & 0x00ff00ffU))

namespace shoal::integrity {
namespace {

namespace baseline {
#define SHOAL_LANES 4
#define SHOAL_TARGET
#include "integrity/sha256_vector.inc"
#undef SHOAL_LANES
#undef SHOAL_TARGET
}  // namespace baseline

#if defined(__x86_64__)

namespace avx2 {
#define SHOAL_LANES 8
#define SHOAL_TARGET __attribute__((target("avx2")))
#include "integrity/sha256_vector.inc"
#undef SHOAL_LANES
#undef SHOAL_TARGET
}  // namespace avx2

namespace avx512_half {
#define SHOAL_LANES 8
#define SHOAL_TARGET __attribute__((target("avx512f,avx512vl")))
#include "integrity/sha256_vector.inc"
#undef SHOAL_LANES
#undef SHOAL_TARGET
}  // namespace avx512_half

namespace avx512 {
#define SHOAL_LANES 16
#define SHOAL_TARGET __attribute__((target("avx512f,avx512vl")))
#include "integrity/sha256_vector.inc"
#undef SHOAL_LANES
#undef SHOAL_TARGET
}  // namespace avx512

#endif

}  // namespace

void add_vector_kernels(std::vector<Sha256Kernel>& kernels) {
    kernels.push_back({"vector", baseline::lanes, baseline::compress});
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        kernels.push_back({"avx2", avx2::lanes, avx2::compress});
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) {
        kernels.push_back({"avx512-8", avx512_half::lanes, avx512_half::compress});
        kernels.push_back({"avx512-16", avx512::lanes, avx512::compress});
    }
#endif
}

}  // namespace shoal::integrity
