// Randomness: the kernel's for nonces and ids, a small seeded generator for decisions that a
// test must be able to replay.
#pragma once

#include <cstdint>
#include <span>

namespace shoal {

// Fills `out` from getrandom(). Never fails after boot; aborts if the kernel has none.
void random_bytes(std::span<std::uint8_t> out);
std::uint64_t random_seed();

// SplitMix64: tiny, fast, replayable; not for secrets.
class SmallRandom {
  public:
    explicit SmallRandom(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15ULL;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31U);
    }
    // Uniform in [0, bound); 0 when bound is 0. The bias is below 2^-32 for our bounds.
    std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }

  private:
    std::uint64_t state_;
};

}  // namespace shoal
