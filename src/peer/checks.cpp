#include "peer/checks.hpp"

#include <algorithm>

namespace shoal::peer {

namespace {
constexpr std::uint64_t worth_waking = limits::MiB;  // a wake-up costs as much as some 100 KiB
}

LeafRun Check::leaves() const {
    const integrity::Geometry& geometry = partial->geometry();
    const std::uint64_t first_leaf = geometry.first_leaf(first).value;
    const std::uint64_t end = first_leaf + std::uint64_t{count} * geometry.leaves_per_chunk();
    return {{first_leaf},
            static_cast<std::uint32_t>(std::min(end, geometry.leaf_count()) - first_leaf)};
}

std::uint64_t Check::bytes() const { return std::uint64_t{leaves().count} * limits::leaf_size; }

Checked perform(Check check, std::vector<std::uint8_t>& scratch) {
    const TimePoint began = steady_now();
    auto leaves = check.partial->hash_leaves(check.leaves(), scratch);
    return {std::move(check), std::move(leaves), steady_now() - began};
}

void Checks::add(Check check) {
    queue_.with([&](Queue& queue) {
        queue.bytes += check.bytes();
        if (!queue.checks.empty()) {
            Check& last = queue.checks.back().check;
            if (last.partial == check.partial &&
                last.first.value + last.count == check.first.value &&
                last.leaves().count + check.leaves().count <= limits::receive_slice_leaves) {
                last.count += check.count;
                return;
            }
        }
        queue.checks.push_back({std::move(check), steady_now()});
    });
}

std::optional<Check> Checks::take() {
    return queue_.with([](Queue& queue) -> std::optional<Check> {
        if (queue.checks.empty()) {
            return std::nullopt;
        }
        Check check = std::move(queue.checks.front().check);
        queue.checks.pop_front();
        queue.bytes -= check.bytes();
        return check;
    });
}

std::uint64_t Checks::waiting_bytes() const {
    return queue_.with([](const Queue& queue) { return queue.bytes; });
}

std::optional<TimePoint> Checks::waiting_since() const {
    return queue_.with([](const Queue& queue) {
        return queue.checks.empty() ? std::nullopt : std::optional(queue.checks.front().since);
    });
}

bool Checks::call_help() {
    return queue_.with([](Queue& queue) {
        return queue.bytes >= worth_waking && !std::exchange(queue.helped, true);
    });
}

void Checks::help_ends() {
    queue_.with([](Queue& queue) { queue.helped = false; });
}

}  // namespace shoal::peer
