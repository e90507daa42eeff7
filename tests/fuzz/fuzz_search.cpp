// Searches: a message, a payload of hits, and a question with a name to hold against it. What
// parses is in range and encodes to the same; a question costs no more than its length allows.
//
// The first byte says which: 'm' (then the bytes of a clientMessage), 'h' (then a count and a
// payload), anything else: a kind, the pattern, a line feed, the name.
#include <algorithm>
#include <string>

#include "frames_feed.hpp"
#include "shoal/overlay/question.hpp"
#include "shoal/protocol/search.hpp"

using namespace shoal;

namespace {

void fuzz_message(std::span<const std::uint8_t> bytes) {
    protocol::ClientBytes raw = protocol::encode(protocol::encode_search({}));
    std::copy_n(bytes.begin(), std::min(bytes.size(), raw.size()), raw.begin());
    const auto message = protocol::decode_client(raw);
    if (!message) {
        return;
    }
    const auto search = protocol::parse_search(*message);
    if (!search) {
        return;
    }
    fuzz::require(search->stack.size() <= limits::search_stack_max);
    fuzz::require(search->pattern.size() + search->extensions.size() <=
                  limits::search_question_max);
    const auto again = protocol::parse_search(protocol::encode_search(*search));
    fuzz::require(again.ok() && again->stack == search->stack && again->id == search->id &&
                  again->pattern == search->pattern && again->extensions == search->extensions &&
                  again->ttl == search->ttl && again->size_max == search->size_max);
}

void fuzz_hits(std::span<const std::uint8_t> bytes) {
    protocol::serverMessage message;
    message.type = static_cast<std::uint16_t>(protocol::ServerType::hits);
    message.count = bytes.empty() ? 0 : bytes[0];
    const auto payload = bytes.subspan(std::min<std::size_t>(bytes.size(), 1));
    message.payloadSize = payload.size();
    const auto hits = protocol::parse_hits(message, payload);
    if (!hits) {
        return;
    }
    fuzz::require(hits->path.size() <= protocol::hits_path_max);
    for (const protocol::Hit& hit : hits->hits) {
        fuzz::require(hit.name.size() <= limits::path_max && !hit.name.empty());
        fuzz::require(hit.id.size <= limits::file_size_max);
    }
    const protocol::HitsMessage made = protocol::encode_hits(*hits);
    const auto again = protocol::parse_hits(made.message, made.payload);
    fuzz::require(again.ok() && again->hits.size() == hits->hits.size() &&
                  again->path == hits->path && again->address == hits->address);
}

void fuzz_question(std::span<const std::uint8_t> bytes) {
    const std::string text(bytes.begin(), bytes.end());
    const std::size_t end = std::min(text.find('\n'), text.size());
    overlay::Question question;
    question.kind = static_cast<overlay::Question::Kind>(text.empty() ? 0 : text[0] & 1);
    question.kind = text.size() % 3 == 0 ? overlay::Question::Kind::regex : question.kind;
    question.pattern = text.substr(0, end);
    const auto matcher = overlay::Matcher::make(question);
    if (matcher) {
        const std::string name = text.substr(std::min(end + 1, text.size()));
        (void)matcher->matches(std::string_view(name).substr(0, limits::path_max), 1);
        fuzz::require(matcher->cost("name") > 0);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::uint8_t> bytes(data, size);
    if (bytes.empty()) {
        return 0;
    }
    switch (bytes[0]) {
        case 'm':
            fuzz_message(bytes.subspan(1));
            break;
        case 'h':
            fuzz_hits(bytes.subspan(1));
            break;
        default:
            fuzz_question(bytes);
            break;
    }
    return 0;
}
