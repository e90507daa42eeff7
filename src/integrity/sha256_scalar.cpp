// SHA-256 as FIPS 180-4 writes it, one stream at a time: the reference of all other kernels.
#include <bit>

#include "integrity/sha256_backend.hpp"

namespace shoal::integrity {
namespace {

using Word = std::uint32_t;

Word load_big_endian(const std::uint8_t* bytes) {
    return Word{bytes[0]} << 24U | Word{bytes[1]} << 16U | Word{bytes[2]} << 8U | Word{bytes[3]};
}

Word small_sigma0(Word x) { return std::rotr(x, 7) ^ std::rotr(x, 18) ^ (x >> 3U); }
Word small_sigma1(Word x) { return std::rotr(x, 17) ^ std::rotr(x, 19) ^ (x >> 10U); }
Word big_sigma0(Word x) { return std::rotr(x, 2) ^ std::rotr(x, 13) ^ std::rotr(x, 22); }
Word big_sigma1(Word x) { return std::rotr(x, 6) ^ std::rotr(x, 11) ^ std::rotr(x, 25); }
Word choose(Word x, Word y, Word z) { return z ^ (x & (y ^ z)); }
Word majority(Word x, Word y, Word z) { return (x & y) | (z & (x | y)); }

void compress_block(Sha256State& state, const std::uint8_t* block) {
    std::array<Word, 16> w;
    for (std::size_t t = 0; t < 16; ++t)
        w[t] = load_big_endian(block + 4 * t);

    auto [a, b, c, d, e, f, g, h] = state;
    for (std::size_t t = 0; t < 64; ++t) {
        if (t >= 16)
            w[t % 16] +=
                small_sigma1(w[(t - 2) % 16]) + w[(t - 7) % 16] + small_sigma0(w[(t - 15) % 16]);
        const Word t1 = h + big_sigma1(e) + choose(e, f, g) + sha256_round_constants[t] + w[t % 16];
        const Word t2 = big_sigma0(a) + majority(a, b, c);
        h = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    const Sha256State working{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < working.size(); ++i)
        state[i] += working[i];
}

void compress(Sha256State* state, const std::uint8_t* const* data, std::size_t blocks) {
    for (std::size_t block = 0; block < blocks; ++block)
        compress_block(*state, *data + block * sha256_block_size);
}

}  // namespace

void add_scalar_kernel(std::vector<Sha256Kernel>& kernels) {
    kernels.push_back({"scalar", 1, compress});
}

}  // namespace shoal::integrity
