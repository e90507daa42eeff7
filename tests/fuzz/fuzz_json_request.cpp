// A request line of the JSON gateway from arbitrary bytes. What the check refuses, the decoder
// never shows its library; what it passes has bounded, clean contents; and the same bytes mean the
// same with blanks around them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "gateway/json/client.hpp"
#include "gateway/json/jobs.hpp"
#include "gateway/json/json_check.hpp"
#include "gateway/json/request.hpp"
#include "shoal/base/limits.hpp"
#include "shoal/base/text.hpp"

namespace {

using namespace shoal;
using namespace shoal::gateway::json;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void check_text(const std::optional<std::string>& value) {
    require(!value || (text::is_utf8(*value) && value->find('\0') == value->npos));
}

void check_decoded(const Decoded& decoded, bool passed) {
    require(passed == (decoded.code != Code::bad_json));
    require((decoded.code == Code::ok) == decoded.why.empty());
    require(decoded.length_known || decoded.code != Code::ok);
    require(!decoded.length_known || decoded.request.content_length <= limits::file_size_max);
    // Whatever is said about it is a line that clients can read.
    const std::string line =
        reply_line(decoded.request.id, Resolution::of(decoded.code, decoded.why));
    require(line.find('\n') == line.npos && parse_reply(line).has_value());
    const Body& body = decoded.request.body;
    for (const auto* value :
         {&body.rel_endpoint, &body.hash, &body.content, &body.folder, &body.after, &body.name}) {
        check_text(*value);
    }
    if (body.meta_data) {
        (void)parse_meta_data(*body.meta_data);
    }
    if (body.hash) {
        (void)parse_hash(*body.hash);
    }
    if (body.content) {
        const auto bytes = decode_base64(*body.content);
        require(!bytes || encode_base64(*bytes) == *body.content);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    const bool passed = check_json(line).ok();
    require(passed == check_json(" " + std::string(line) + "\t").ok());
    const Decoded decoded = decode_request(line);
    check_decoded(decoded, passed);
    (void)parse_reply(line);
    return 0;
}
