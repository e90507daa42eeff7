#include "gateway/json/job.hpp"

namespace shoal::gateway::json {
namespace {
constexpr std::size_t output_high_water = 256 * 1024;
}

void Exchange::reply(const Resolution& resolution) {
    out_.line(reply_line(id_, resolution));
    replied_ = true;
}

void Exchange::event(std::string_view name, const JsonObject& object) {
    out_.line(event_line(id_, name, object));
}

bool Exchange::has_room() const { return out_.waiting().size() < output_high_water; }

MessageReader::Got Exchange::next_content(std::span<const std::uint8_t>& bytes) {
    const auto got = in_.next_content(content_left_, bytes);
    if (got == MessageReader::Got::something) {
        content_left_ -= bytes.size();
    }
    return got;
}

}  // namespace shoal::gateway::json
