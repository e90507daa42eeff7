// Rows: those of a reply, as many as fit a line and were asked for. Private to the gateway.
#pragma once

#include <algorithm>

#include "gateway/json/jobs.hpp"

namespace shoal::gateway::json {

class Rows {
  public:
    explicit Rows(const Body& body)
        : limit_(std::clamp<std::uint64_t>(body.limit.value_or(rows_default), 1, rows_max)) {}

    [[nodiscard]] bool full() const { return count_ >= limit_ || text_.size() > bytes_max; }
    void add(const JsonObject& row) { text_ += (count_++ > 0 ? "," : "") + row.str(); }
    // `more`: rows did not fit; `truncated`: the peer itself keeps no more of them; `hosts`: that
    // were asked.
    [[nodiscard]] JsonObject summary(bool more, bool truncated, std::uint64_t hosts) const {
        JsonObject summary;
        summary.boolean("more", more).boolean("truncated", truncated).number("hosts", hosts);
        return summary;
    }
    [[nodiscard]] Resolution resolution(std::string message, const JsonObject& summary) const {
        Resolution listed = Resolution::of(Code::ok, std::move(message));
        listed.extra = ",\"content\":[" + text_ + "]" + members(summary);
        return listed;
    }

  private:
    static constexpr std::uint64_t rows_default = 1000;
    static constexpr std::uint64_t rows_max = 10'000;
    static constexpr std::size_t bytes_max = 900 * 1024;  // leaves room in a line of 1 MiB

    std::uint64_t limit_;
    std::uint64_t count_{0};
    std::string text_;
};

}  // namespace shoal::gateway::json
