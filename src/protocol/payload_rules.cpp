#include "payload_rules.hpp"

#include "shoal/integrity/geometry.hpp"
#include "shoal/protocol/search.hpp"

namespace shoal::protocol {
namespace {

using integrity::Geometry;

constexpr std::string_view fine{};

bool has_status(const serverMessage& message, Status status) {
    return message.status == static_cast<std::uint16_t>(status);
}

bool size_in_range(const serverMessage& message) {
    return message.fileSize <= limits::file_size_max;
}

// ok goes without words; a refusal may say why.
std::string_view text_fault(const serverMessage& message) {
    const auto most = has_status(message, Status::ok) ? 0U : limits::refusal_text_max;
    return message.payloadSize <= most ? fine : "its text is too long";
}

std::string_view file_fault(const serverMessage& message) {
    if (message.payloadSize != 0) {
        return "a file has no payload";
    }
    const bool counted =
        size_in_range(message) && message.held <= Geometry(message.fileSize).chunk_count();
    return counted ? fine : "its file size or chunk count is out of range";
}

std::string_view hashes_fault(const serverMessage& message) {
    if (message.count == 0 || message.count > limits::hashes_per_reply_max ||
        message.payloadSize != std::uint64_t{message.count} * sizeof(integrity::Digest)) {
        return "its payload is not `count` hashes";
    }
    const auto chunks = size_in_range(message) ? Geometry(message.fileSize).chunk_count() : 0;
    if (message.first >= chunks) {
        return "its chunk is past the end of the file";
    }
    const auto first = static_cast<std::uint32_t>(message.first);
    const bool of_chunks = message.type == static_cast<std::uint16_t>(ServerType::chunk_hashes);
    const bool counted = of_chunks ? message.count <= chunks - first
                                   : message.count == Geometry(message.fileSize).leaves_in({first});
    return counted ? fine : "its count of hashes does not fit the file";
}

std::string_view data_fault(const serverMessage& message) {
    const LeafRun run{{message.first}, message.count};
    if (!size_in_range(message) || !Geometry(message.fileSize).contains(run)) {
        return "its run of leaves is empty, too long or past the end of the file";
    }
    const bool exact = message.payloadSize == Geometry(message.fileSize).run_length(run);
    return exact ? fine : "its payload is not as long as its run of leaves";
}

std::string_view holding_fault(const serverMessage& message) {
    const auto chunks = size_in_range(message) ? Geometry(message.fileSize).chunk_count() : 0;
    if (!size_in_range(message) || message.held > chunks) {
        return "its file size or chunk count is out of range";
    }
    const bool partly = message.held > 0 && message.held < chunks;
    const bool exact = message.payloadSize == (partly ? (chunks + 7) / 8 : 0);
    return exact ? fine : "its payload is not the bitmap of the chunks held";
}

std::string_view have_fault(const serverMessage& message) {
    const bool counted = message.count > 0 && message.first <= limits::chunk_count_max &&
                         message.count <= limits::chunk_count_max - message.first;
    const bool listed = message.payloadSize % 4 == 0 &&
                        message.payloadSize <= 4 * std::uint64_t{limits::more_chunks_max};
    return counted && listed ? fine : "it names no chunks that can be";
}

std::string_view hits_fault(const serverMessage& message) {
    const bool counted = message.count > 0 && message.count <= limits::hits_per_host_max;
    const auto least = hits_head + std::uint64_t{message.count} * (hit_record_head + 1);
    const bool sized =
        message.payloadSize >= least && message.payloadSize <= limits::control_payload_max;
    return counted && sized ? fine : "its payload is not as long as its count of hits";
}

std::string_view control_fault(const serverMessage& message) {
    return message.payloadSize <= limits::control_payload_max ? fine : "its payload is too long";
}

// A refusal is an `answer`; the types that carry what was asked for carry it.
bool status_fits(const serverMessage& message) {
    switch (static_cast<ServerType>(message.type)) {
        case ServerType::listing:
        case ServerType::chunk_hashes:
        case ServerType::leaf_hashes:
        case ServerType::data:
        case ServerType::status:
        case ServerType::holding:
        case ServerType::have:
        case ServerType::hits:
        case ServerType::search_done:
            return has_status(message, Status::ok);
        case ServerType::file:
            return has_status(message, Status::ok) || has_status(message, Status::pending);
        default:
            return true;
    }
}

}  // namespace

std::string_view payload_fault(const serverMessage& message) {
    if (!status_fits(message)) {
        return "its type does not go with its status";
    }
    switch (static_cast<ServerType>(message.type)) {
        case ServerType::hello:
        case ServerType::answer:
        case ServerType::closing:
            return text_fault(message);
        case ServerType::file:
            return file_fault(message);
        case ServerType::chunk_hashes:
        case ServerType::leaf_hashes:
            return hashes_fault(message);
        case ServerType::data:
            return data_fault(message);
        case ServerType::holding:
            return holding_fault(message);
        case ServerType::have:
            return have_fault(message);
        case ServerType::hits:
            return hits_fault(message);
        case ServerType::search_done:
            return message.payloadSize == 0 ? fine : "a search_done has no payload";
        case ServerType::listing:
        case ServerType::status:
            break;
    }
    return control_fault(message);
}

}  // namespace shoal::protocol
