// SHA-256 with the SHA extensions of x86 and up to four streams interleaved: one stream leaves
// the unit idle most of the time, because every pair of rounds waits for the one before.
#include "integrity/sha256_backend.hpp"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#include <utility>

#define SHOAL_SHANI __attribute__((target("sha,sse4.1,avx")))
#define SHOAL_SHANI_INLINE SHOAL_SHANI __attribute__((always_inline)) inline

namespace shoal::integrity {
namespace {

// One stream's registers. The instructions want the state as ABEF and CDGH, and the message
// schedule in groups of four words.
struct Lane {
    __m128i abef, cdgh;
    __m128i w[4];
};

SHOAL_SHANI_INLINE __m128i load(const void* from) {
    return _mm_loadu_si128(static_cast<const __m128i*>(from));
}

SHOAL_SHANI_INLINE void load_state(Lane& lane, const Sha256State& state) {
    const __m128i cdab = _mm_shuffle_epi32(load(&state[0]), 0xb1);
    const __m128i efgh = _mm_shuffle_epi32(load(&state[4]), 0x1b);
    lane.abef = _mm_alignr_epi8(cdab, efgh, 8);
    lane.cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
}

SHOAL_SHANI_INLINE void store_state(const Lane& lane, Sha256State& state) {
    const __m128i feba = _mm_shuffle_epi32(lane.abef, 0x1b);
    const __m128i dchg = _mm_shuffle_epi32(lane.cdgh, 0xb1);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(&state[0]), _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(&state[4]), _mm_alignr_epi8(dchg, feba, 8));
}

// Rounds 4 * Group to 4 * Group + 3 of one stream.
template <std::size_t Group>
SHOAL_SHANI_INLINE void four_rounds(Lane& lane, const std::uint8_t* block) {
    __m128i& w = lane.w[Group % 4];
    if constexpr (Group < 4) {
        const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
        w = _mm_shuffle_epi8(load(block + 16 * Group), big_endian);
    } else {
        const __m128i& w_1 = lane.w[(Group - 1) % 4];
        const __m128i& w_2 = lane.w[(Group - 2) % 4];
        const __m128i& w_3 = lane.w[(Group - 3) % 4];
        w = _mm_add_epi32(_mm_sha256msg1_epu32(w, w_3), _mm_alignr_epi8(w_1, w_2, 4));
        w = _mm_sha256msg2_epu32(w, w_1);
    }
    const __m128i wk = _mm_add_epi32(w, load(&sha256_round_constants[4 * Group]));
    lane.cdgh = _mm_sha256rnds2_epu32(lane.cdgh, lane.abef, wk);
    lane.abef = _mm_sha256rnds2_epu32(lane.abef, lane.cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

template <std::size_t Group, std::size_t... LaneIndex>
SHOAL_SHANI_INLINE void four_rounds_each(Lane* lanes, const std::uint8_t* const* blocks,
                                         std::index_sequence<LaneIndex...>) {
    (four_rounds<Group>(lanes[LaneIndex], blocks[LaneIndex]), ...);
}

template <std::size_t Lanes, std::size_t... Group>
SHOAL_SHANI_INLINE void all_rounds(Lane* lanes, const std::uint8_t* const* blocks,
                                   std::index_sequence<Group...>) {
    (four_rounds_each<Group>(lanes, blocks, std::make_index_sequence<Lanes>{}), ...);
}

template <std::size_t... I>
SHOAL_SHANI_INLINE void compress_lanes(Sha256State* states, const std::uint8_t* const* data,
                                       std::size_t blocks, std::index_sequence<I...>) {
    constexpr std::size_t count = sizeof...(I);
    Lane lanes[count];
    const std::uint8_t* at[count] = {data[I]...};
    (load_state(lanes[I], states[I]), ...);
    for (; blocks > 0; --blocks) {
        const __m128i abef[count] = {lanes[I].abef...};
        const __m128i cdgh[count] = {lanes[I].cdgh...};
        all_rounds<count>(lanes, at, std::make_index_sequence<16>{});
        ((lanes[I].abef = _mm_add_epi32(lanes[I].abef, abef[I])), ...);
        ((lanes[I].cdgh = _mm_add_epi32(lanes[I].cdgh, cdgh[I])), ...);
        ((at[I] += sha256_block_size), ...);
    }
    (store_state(lanes[I], states[I]), ...);
}

template <std::size_t Lanes>
SHOAL_SHANI void compress(Sha256State* states, const std::uint8_t* const* data,
                          std::size_t blocks) {
    compress_lanes(states, data, blocks, std::make_index_sequence<Lanes>{});
}

bool has_sha_extensions() {
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & bit_SHA) != 0 &&
           __builtin_cpu_supports("avx") != 0;
}

}  // namespace

void add_shani_kernels(std::vector<Sha256Kernel>& kernels) {
    if (!has_sha_extensions())
        return;
    kernels.push_back({"sha-ni-1", 1, compress<1>});
    kernels.push_back({"sha-ni-2", 2, compress<2>});
    kernels.push_back({"sha-ni-3", 3, compress<3>});
    kernels.push_back({"sha-ni-4", 4, compress<4>});
}

}  // namespace shoal::integrity

#else

namespace shoal::integrity {
void add_shani_kernels(std::vector<Sha256Kernel>&) {}
}  // namespace shoal::integrity

#endif
