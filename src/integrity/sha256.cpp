// Chooses kernels, and does what is the same for all of them: padding, lanes, leaves.
#include "shoal/integrity/sha256.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <iterator>
#include <limits>

#include "integrity/sha256_backend.hpp"
#include "shoal/base/limits.hpp"

namespace shoal::integrity {
namespace {

// Which kernel to run for the next messages, by how many there are left.
struct Plan {
    std::string_view name;
    std::array<Sha256Kernel, sha256_lanes_max + 1> by_count;

    [[nodiscard]] const Sha256Kernel& kernel_for(std::size_t messages) const {
        return by_count[std::min(messages, sha256_lanes_max)];
    }
};

constexpr std::string_view measured_plan = "auto";

// Seconds of one call, the best of a few.
double cost_of(const Sha256Kernel& kernel) {
    using Clock = std::chrono::steady_clock;
    static constexpr std::array<std::uint8_t, 16 * sha256_block_size> message{};
    std::array<Sha256State, sha256_lanes_max> states{};
    std::array<const std::uint8_t*, sha256_lanes_max> messages;
    messages.fill(message.data());
    std::chrono::duration<double> best{1};
    for (int attempt = 0; attempt < 8; ++attempt) {
        const auto start = Clock::now();
        kernel.compress(states.data(), messages.data(), message.size() / sha256_block_size);
        best = std::min<std::chrono::duration<double>>(best, Clock::now() - start);
    }
    return best.count();
}

// Processors differ by a factor of three in what their SHA instructions and their vectors
// give, so this machine is asked: about 0.2 ms, once.
Plan measure(const std::vector<Sha256Kernel>& kernels) {
    std::vector<double> costs;
    std::transform(kernels.begin(), kernels.end(), std::back_inserter(costs), cost_of);
    Plan plan{measured_plan, {}};
    plan.by_count.fill(kernels.front());
    for (std::size_t count = 1; count <= sha256_lanes_max; ++count) {
        double best = std::numeric_limits<double>::infinity();
        for (std::size_t i = 0; i < kernels.size(); ++i) {
            const double per_message =
                costs[i] / static_cast<double>(std::min(kernels[i].lanes, count));
            if (per_message < best) {
                best = per_message;
                plan.by_count[count] = kernels[i];
            }
        }
    }
    return plan;
}

// The measured plan, then one for every kernel alone.
const std::vector<Plan>& plans() {
    static const std::vector<Plan> all = [] {
        std::vector<Sha256Kernel> kernels;
        add_scalar_kernel(kernels);
        add_vector_kernels(kernels);
        add_shani_kernels(kernels);
        std::vector<Plan> list{measure(kernels)};
        for (const Sha256Kernel& kernel : kernels) {
            list.push_back({kernel.name, {}});
            list.back().by_count.fill(kernel);
        }
        return list;
    }();
    return all;
}

std::atomic<const Plan*>& chosen() {
    static std::atomic<const Plan*> plan{&plans().front()};
    return plan;
}

const Plan& current_plan() { return *chosen().load(std::memory_order_relaxed); }

using Block = std::array<std::uint8_t, sha256_block_size>;

// The bit count that ends a message's last block.
constexpr void put_length(Block& block, std::uint64_t bytes) {
    for (std::size_t i = 0; i < 8; ++i)
        block[63 - i] = static_cast<std::uint8_t>((bytes * 8) >> (8 * i));
}

// The whole last block of a message whose length is a multiple of the block size.
constexpr Block padding_block(std::uint64_t message_bytes) {
    Block block{};
    block[0] = 0x80;
    put_length(block, message_bytes);
    return block;
}

Digest to_digest(const Sha256State& state) {
    Digest digest;
    for (std::size_t i = 0; i < digest.bytes.size(); ++i)
        digest.bytes[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
    return digest;
}

// Where fewer messages are left than the kernel has lanes, the idle lanes repeat the last one.
struct Group {
    std::array<Sha256State, sha256_lanes_max> states;
    std::array<const std::uint8_t*, sha256_lanes_max> messages;

    Group(const std::uint8_t* first, std::size_t stride, std::size_t count) {
        states.fill(sha256_initial_state);
        for (std::size_t lane = 0; lane < messages.size(); ++lane)
            messages[lane] = first + std::min(lane, count - 1) * stride;
    }
};

// Hashes out.size() messages of Bytes each that lie end to end. Bytes is a multiple of the
// block size.
template <std::size_t Bytes>
void hash_equal_messages(const std::uint8_t* data, std::span<Digest> out) {
    static_assert(Bytes % sha256_block_size == 0);
    static constexpr Block padding = padding_block(Bytes);
    std::array<const std::uint8_t*, sha256_lanes_max> paddings;
    paddings.fill(padding.data());

    const Plan& plan = current_plan();
    while (!out.empty()) {
        const Sha256Kernel& kernel = plan.kernel_for(out.size());
        const std::size_t count = std::min(kernel.lanes, out.size());
        Group group(data, Bytes, count);
        kernel.compress(group.states.data(), group.messages.data(), Bytes / sha256_block_size);
        kernel.compress(group.states.data(), paddings.data(), 1);
        std::transform(group.states.begin(),
                       group.states.begin() + static_cast<std::ptrdiff_t>(count), out.begin(),
                       to_digest);
        out = out.subspan(count);
        data += count * Bytes;
    }
}

}  // namespace

Sha256::Sha256() : state_(sha256_initial_state), block_{} {}

void Sha256::update(std::span<const std::uint8_t> data) {
    const std::size_t held = length_ % sha256_block_size;
    length_ += data.size();
    if (held > 0) {
        const std::size_t taken = std::min(data.size(), sha256_block_size - held);
        std::copy_n(data.begin(), taken, block_.begin() + static_cast<std::ptrdiff_t>(held));
        data = data.subspan(taken);
        if (held + taken < sha256_block_size)
            return;
        compress(block_.data(), 1);
    }
    const std::size_t blocks = data.size() / sha256_block_size;
    compress(data.data(), blocks);
    data = data.subspan(blocks * sha256_block_size);
    std::copy(data.begin(), data.end(), block_.begin());
}

Digest Sha256::finish() {
    constexpr std::size_t length_offset = sha256_block_size - 8;
    std::size_t held = length_ % sha256_block_size;
    block_[held++] = 0x80;
    if (held > length_offset) {
        std::fill(block_.begin() + static_cast<std::ptrdiff_t>(held), block_.end(), 0);
        compress(block_.data(), 1);
        held = 0;
    }
    std::fill(block_.begin() + static_cast<std::ptrdiff_t>(held), block_.end(), 0);
    put_length(block_, length_);
    compress(block_.data(), 1);
    return to_digest(state_);
}

void Sha256::compress(const std::uint8_t* data, std::size_t blocks) {
    if (blocks == 0)
        return;
    const Sha256Kernel& kernel = current_plan().kernel_for(1);
    if (kernel.lanes == 1)
        return kernel.compress(&state_, &data, blocks);
    Group group(data, 0, 1);
    group.states.fill(state_);
    kernel.compress(group.states.data(), group.messages.data(), blocks);
    state_ = group.states.front();
}

Digest sha256(std::span<const std::uint8_t> data) {
    Sha256 hasher;
    hasher.update(data);
    return hasher.finish();
}

void hash_leaves(std::span<const std::uint8_t> data, std::span<Digest> out) {
    assert(out.size() == (data.size() + limits::leaf_size - 1) / limits::leaf_size);
    const std::size_t whole = data.size() / limits::leaf_size;
    hash_equal_messages<limits::leaf_size>(data.data(), out.first(whole));
    if (whole < out.size())
        out[whole] = sha256(data.subspan(whole * limits::leaf_size));
}

void hash_pairs(std::span<const Digest> nodes, std::span<Digest> out) {
    static_assert(sizeof(Digest) == 32, "two digests in a row are one block");
    assert(nodes.size() == 2 * out.size());
    // In place is safe: the digests of a round of lanes end where its own inputs lie, at the
    // latest, and these have been read by then.
    if (!out.empty())
        hash_equal_messages<2 * sizeof(Digest)>(nodes.front().bytes.data(), out);
}

std::vector<std::string_view> sha256_backends() {
    std::vector<std::string_view> names;
    for (const Plan& plan : plans())
        names.push_back(plan.name);
    return names;
}

std::string_view sha256_backend() { return current_plan().name; }

bool use_sha256_backend(std::string_view name) {
    const auto found = std::find_if(plans().begin(), plans().end(),
                                    [&](const Plan& plan) { return plan.name == name; });
    if (found == plans().end())
        return false;
    chosen().store(&*found, std::memory_order_relaxed);
    return true;
}

}  // namespace shoal::integrity
