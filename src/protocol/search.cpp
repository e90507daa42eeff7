#include "shoal/protocol/search.hpp"

#include <algorithm>
#include <stdexcept>

#include "byte_reader.hpp"
#include "shoal/base/text.hpp"

namespace shoal::protocol {
namespace {

constexpr std::uint16_t hit_is_whole = 1;

void put_address(std::vector<std::uint8_t>& out, const HostAddress& address) {
    out.insert(out.end(), address.ip.begin(), address.ip.end());
    put(out, address.port);
}

HostAddress read_address(ByteReader& reader) {
    HostAddress address;
    address.ip = reader.bytes<16>();
    address.port = reader.number<std::uint16_t>();
    return address;
}

Error bad_search(std::string_view why) {
    return {ErrorKind::bad_input, "that is no search: " + std::string(why)};
}

Error bad_hits(std::string_view why) {
    return {ErrorKind::bad_input, "hits that make no sense: " + std::string(why)};
}

std::size_t size_of(const Hits& hits) {
    std::size_t size = hits_head + hits.path.size() * limits::host_address_size;
    for (const Hit& hit : hits.hits) {
        size += hit_record_head + hit.name.size();
    }
    return size;
}

}  // namespace

clientMessage encode_search(const Search& search) {
    std::vector<std::uint8_t> bytes;
    for (const HostAddress& address : search.stack) {
        put_address(bytes, address);
    }
    clientMessage message;
    message.type = static_cast<std::uint16_t>(ClientType::search);
    message.prefixLength = static_cast<std::uint16_t>(bytes.size());
    bytes.insert(bytes.end(), search.pattern.begin(), search.pattern.end());
    if (!search.extensions.empty()) {
        bytes.push_back(0);
        bytes.insert(bytes.end(), search.extensions.begin(), search.extensions.end());
    }
    if (search.stack.size() > limits::search_stack_max ||
        bytes.size() - message.prefixLength > limits::search_question_max) {
        throw std::length_error("a search is too long for its message");
    }
    message.pathLength = static_cast<std::uint16_t>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), message.path.begin());
    message.nodeId.bytes = search.id;
    message.port = search.ttl;
    message.version = static_cast<std::uint16_t>(search.kind);
    message.count = search.wait_ms;
    message.fileSize = search.size_min;
    message.first = search.size_max;
    return message;
}

Result<Search> parse_search(const clientMessage& message) {
    const std::size_t stack_bytes = message.prefixLength;
    const std::size_t question_bytes = std::size_t{message.pathLength} - stack_bytes;
    if (stack_bytes % limits::host_address_size != 0 ||
        stack_bytes / limits::host_address_size > limits::search_stack_max) {
        return bad_search("its stack is not of whole addresses, or of too many");
    }
    if (question_bytes > limits::search_question_max) {
        return bad_search("its question is too long");
    }
    if (message.version > static_cast<std::uint16_t>(QuestionKind::regex)) {
        return bad_search("its kind of question is not known here");
    }
    Search search;
    ByteReader reader(std::span(message.path).first(stack_bytes));
    while (reader.left() > 0) {
        search.stack.push_back(read_address(reader));
    }
    const std::string_view question = message.path_text().substr(stack_bytes);
    const std::size_t end = std::min(question.find('\0'), question.size());
    search.pattern = question.substr(0, end);
    search.extensions = question.substr(std::min(end + 1, question.size()));
    if (!text::is_utf8(question) || search.extensions.find('\0') != std::string::npos) {
        return bad_search("its question is not UTF-8");
    }
    search.id = message.nodeId.bytes;
    search.ttl = message.port;
    search.kind = static_cast<QuestionKind>(message.version);
    search.wait_ms = message.count;
    search.size_min = message.fileSize;
    search.size_max = message.first;
    return search;
}

bool fits(const Hits& hits, const Hit& next) {
    constexpr std::size_t path_room = hits_path_max * limits::host_address_size;
    return hits.hits.size() < limits::hits_per_host_max &&
           size_of(hits) + hit_record_head + next.name.size() + path_room <=
               limits::control_payload_max;
}

HitsMessage encode_hits(const Hits& hits) {
    HitsMessage out;
    out.message.type = static_cast<std::uint16_t>(ServerType::hits);
    out.message.nodeId = hits.holder;
    std::copy(hits.search.begin(), hits.search.end(), out.message.digest.bytes.begin());
    out.message.count = static_cast<std::uint32_t>(hits.hits.size());
    out.message.flags = hits.more ? flag_more : std::uint16_t{0};
    put_address(out.payload, hits.address);
    put(out.payload, hits.rate);
    put(out.payload, static_cast<std::uint16_t>(hits.path.size()));
    for (const HostAddress& host : hits.path) {
        put_address(out.payload, host);
    }
    for (const Hit& hit : hits.hits) {
        put(out.payload, static_cast<std::uint16_t>(hit.name.size()));
        put(out.payload, hit.whole ? hit_is_whole : std::uint16_t{0});
        put(out.payload, hit.id.size);
        out.payload.insert(out.payload.end(), hit.id.root.bytes.begin(), hit.id.root.bytes.end());
        out.payload.insert(out.payload.end(), hit.name.begin(), hit.name.end());
    }
    out.message.payloadSize = out.payload.size();
    return out;
}

Result<Hits> parse_hits(const serverMessage& message, std::span<const std::uint8_t> payload) {
    Hits hits;
    std::copy_n(message.digest.bytes.begin(), hits.search.size(), hits.search.begin());
    hits.holder = message.nodeId;
    hits.more = (message.flags & flag_more) != 0;
    if (payload.size() < hits_head) {
        return bad_hits("they are cut short");
    }
    ByteReader reader(payload);
    hits.address = read_address(reader);
    hits.rate = reader.number<std::uint64_t>();
    const auto hosts = reader.number<std::uint16_t>();
    if (hosts > hits_path_max || reader.left() < hosts * limits::host_address_size) {
        return bad_hits("their path is too long");
    }
    for (std::uint16_t i = 0; i < hosts; ++i) {
        hits.path.push_back(read_address(reader));
    }
    while (reader.left() >= hit_record_head) {
        const auto name_length = reader.number<std::uint16_t>();
        Hit hit;
        hit.whole = (reader.number<std::uint16_t>() & hit_is_whole) != 0;
        hit.id.size = reader.number<std::uint64_t>();
        hit.id.root = reader.digest();
        if (name_length == 0 || name_length > limits::path_max || name_length > reader.left() ||
            hit.id.size > limits::file_size_max) {
            return bad_hits("a record is out of range");
        }
        hit.name = reader.text(name_length);
        hits.hits.push_back(hit);
    }
    if (reader.left() > 0 || hits.hits.size() != message.count) {
        return bad_hits("they are not as many as they say");
    }
    return hits;
}

serverMessage encode_search_done(std::uint64_t id, const SearchCounts& counts) {
    serverMessage message;
    message.type = static_cast<std::uint16_t>(ServerType::search_done);
    message.id = id;
    message.count = counts.hosts;
    message.first = counts.messages;
    message.fileSize = counts.bytes;
    message.held = counts.duplicates;
    std::vector<std::uint8_t> rest;
    for (const std::uint32_t number :
         {counts.lost, counts.late, counts.refused, counts.cut, counts.unsure}) {
        put(rest, number);
    }
    std::copy(rest.begin(), rest.end(), message.digest.bytes.begin());
    return message;
}

SearchCounts parse_search_done(const serverMessage& message) {
    ByteReader rest(message.digest.bytes);
    SearchCounts counts;
    counts.hosts = message.count;
    counts.messages = message.first;
    counts.bytes = message.fileSize;
    counts.duplicates = message.held;
    for (std::uint32_t* number :
         {&counts.lost, &counts.late, &counts.refused, &counts.cut, &counts.unsure}) {
        *number = rest.number<std::uint32_t>();
    }
    return counts;
}

}  // namespace shoal::protocol
