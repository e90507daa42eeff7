// GB/s (10^9 bytes) of every SHA-256 back end on one core: leaves out of the cache, as slices
// arrive, and one stream. Median of 7.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <functional>
#include <vector>

#include "shoal/base/limits.hpp"
#include "shoal/integrity/sha256.hpp"

namespace {

using namespace shoal;
using namespace shoal::integrity;

constexpr std::size_t bytes_per_run = 64 * limits::MiB;
constexpr std::array<std::size_t, 3> slice_sizes{64 * limits::KiB, 128 * limits::KiB,
                                                 256 * limits::KiB};

double seconds_of(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// `work` handles `bytes` once.
double median_rate(std::size_t bytes, const std::function<void()>& work) {
    std::array<double, 7> rates;
    work();  // warms cache and clock
    for (double& rate : rates) {
        const std::size_t times = bytes_per_run / bytes;
        const double seconds = seconds_of([&] {
            for (std::size_t i = 0; i < times; ++i)
                work();
        });
        rate = static_cast<double>(times * bytes) / seconds / 1e9;
    }
    std::nth_element(rates.begin(), rates.begin() + 3, rates.end());
    return rates[3];
}

void measure(std::string_view name, const std::vector<std::uint8_t>& data) {
    use_sha256_backend(name);
    std::printf("%-8.*s", static_cast<int>(name.size()), name.data());
    for (const std::size_t size : slice_sizes) {
        const auto slice = std::span(data).first(size);
        std::vector<Digest> out(size / limits::leaf_size);
        std::printf("%10.2f", median_rate(size, [&] { hash_leaves(slice, out); }));
    }
    const auto stream = std::span(data).first(slice_sizes.front());
    std::printf("%12.2f\n", median_rate(stream.size(), [&] { sha256(stream); }));
}

}  // namespace

int main() {
    std::vector<std::uint8_t> data(slice_sizes.back());
    for (std::size_t i = 0; i < data.size(); ++i)
        data[i] = static_cast<std::uint8_t>(i % 251);
    std::printf("GB/s      64 KiB   128 KiB   256 KiB  one stream\n");
    for (const std::string_view name : sha256_backends())
        measure(name, data);
    return 0;
}
