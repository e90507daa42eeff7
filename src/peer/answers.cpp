#include "peer/answers.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "peer/status.hpp"

namespace shoal::peer {

namespace {

using integrity::FileId;
using integrity::Geometry;
using protocol::clientMessage;
using protocol::serverMessage;
using protocol::ServerType;

constexpr std::size_t listing_records_max = 1024;              // a page: also bounded in bytes
constexpr std::size_t unseen_name_max = limits::path_max - 1;  // a cursor steps over it

serverMessage reply_to(const clientMessage& question, ServerType type) {
    serverMessage message;
    message.type = static_cast<std::uint16_t>(type);
    message.id = question.id;
    return message;
}

FileId content_of(const clientMessage& question) { return {question.fileSize, question.digest}; }

bool possible_size(std::uint64_t size) { return size <= limits::file_size_max; }

void describe(serverMessage& message, const FileId& id, std::uint64_t held, std::int64_t mtime_s) {
    message.fileSize = id.size;
    message.digest = id.root;
    message.held = held;
    message.first = static_cast<std::uint64_t>(mtime_s);
}

const std::vector<integrity::Digest>& hashes_of(const store::Holding& holding) {
    return holding.file ? holding.file->chunk_hashes : holding.partial->chunk_hashes();
}

// A folder that cannot be read is a record like a name, among those of a page.
void add_unseen(std::vector<store::CatalogRecord>& records, const std::set<std::string>& unseen,
                std::string_view after, bool last) {
    const std::string end = last ? std::string() : records.back().name;
    for (const std::string& folder : unseen) {
        if (folder > after && (last || folder < end) && folder.size() <= unseen_name_max) {
            records.push_back({folder, {}, 0, 0, store::Where::shared});
        }
    }
    std::sort(records.begin(), records.end(),
              [](const auto& left, const auto& right) { return left.name < right.name; });
}

bool known(const store::Holding& holding) {
    return holding.state == store::Holding::State::complete ||
           holding.state == store::Holding::State::partial;
}

}  // namespace

Answer refusal(std::uint64_t id, protocol::Status status, std::string_view why) {
    Answer answer;
    answer.message.type = static_cast<std::uint16_t>(ServerType::answer);
    answer.message.status = static_cast<std::uint16_t>(status);
    answer.message.id = id;
    answer.payload.assign(why.begin(), why.end());
    return answer;
}

Answer answer_query(const Offers& offers, const clientMessage& question) {
    const Result<store::SafePath> name = store::SafePath::parse(question.path_text());
    if (!name) {
        return refusal(question.id, protocol::Status::bad_request, name.error().message);
    }
    const store::Holding holding = offers.find(name->text());
    Answer answer{reply_to(question, ServerType::file), {}};
    switch (holding.state) {
        case store::Holding::State::absent:
            if (offers.catalog().knows(name->text()) ||
                offers.catalog().find(name->text()).state != store::Holding::State::absent) {
                return refusal(question.id, protocol::Status::not_found, "no such file here");
            }
            answer.message.status = static_cast<std::uint16_t>(protocol::Status::pending);
            answer.message.flags = protocol::flag_incomplete;
            break;
        case store::Holding::State::unreadable:
            return refusal(question.id, protocol::Status::unreadable, "this host may not read it");
        case store::Holding::State::pending:
            answer.message.status = static_cast<std::uint16_t>(protocol::Status::pending);
            answer.message.fileSize = holding.pending.size;
            answer.message.first = holding.pending.hashed;
            answer.message.flags =
                holding.pending.being_written ? protocol::flag_being_written : std::uint16_t{0};
            break;
        case store::Holding::State::complete:
            describe(answer.message, holding.file->id,
                     Geometry(holding.file->id.size).chunk_count(), holding.file->stamp.mtime_s());
            break;
        case store::Holding::State::partial:
            describe(answer.message, holding.partial->id(), holding.partial->held_count(), 0);
            break;
    }
    return answer;
}

bool says_pending(const Answer& answer) {
    return answer.message.status == static_cast<std::uint16_t>(protocol::Status::pending);
}

bool says_absent(const Answer& answer) {
    return answer.message.status == static_cast<std::uint16_t>(protocol::Status::not_found);
}

Answer answer_list(const Offers& offers, const clientMessage& question) {
    const std::string_view cursor = question.path_text();
    const std::string_view prefix = cursor.substr(0, question.prefixLength);
    if (const Status checked = store::check_beginning(prefix); !checked) {
        return refusal(question.id, protocol::Status::bad_request, checked.error().message);
    }
    const std::uint64_t generation = offers.catalog().generation();
    // Before the names: they may come between.
    const std::set<std::string> unseen = offers.catalog().unseen_below(prefix);
    const bool sees = offers.catalog().sees(prefix) &&
                      std::all_of(unseen.begin(), unseen.end(), [](const std::string& folder) {
                          return folder.size() <= unseen_name_max;
                      });
    // The first page has the name that is the prefix itself, too.
    const std::string_view after = cursor.size() > prefix.size() ? cursor : std::string_view();
    auto records = offers.page(prefix, after, listing_records_max);
    const bool last = records.size() < listing_records_max;
    add_unseen(records, unseen, after, last);
    Answer answer{reply_to(question, ServerType::listing), {}};
    std::size_t shown = 0;
    for (const store::CatalogRecord& record : records) {
        const std::size_t size = protocol::listing_record_head + record.name.size();
        if (answer.payload.size() + size > limits::control_payload_max) {
            break;
        }
        protocol::append_record(answer.payload,
                                {record.name, record.id, record.held, record.mtime_s});
        ++shown;
    }
    answer.message.first = generation;
    answer.message.count = static_cast<std::uint32_t>(shown);
    if (shown == records.size() && last) {
        answer.message.flags = protocol::flag_last_page;
        answer.message.flags |= sees ? std::uint16_t{0} : protocol::flag_incomplete;
    }
    return answer;
}

Answer answer_chunk_hashes(const store::Catalog& catalog, const clientMessage& question) {
    if (!possible_size(question.fileSize)) {
        return refusal(question.id, protocol::Status::bad_request, "no file is that large");
    }
    const std::uint32_t chunks = Geometry(question.fileSize).chunk_count();
    if (chunks < 2 || question.count == 0 || question.count > limits::hashes_per_reply_max ||
        question.first >= chunks || question.count > chunks - question.first) {
        return refusal(question.id, protocol::Status::bad_request, "no such chunks");
    }
    const store::Holding holding = catalog.find(content_of(question));
    if (!known(holding) || hashes_of(holding).size() != chunks) {
        return refusal(question.id, protocol::Status::not_found, "no such content here");
    }
    Answer answer{reply_to(question, ServerType::chunk_hashes), {}};
    answer.message.fileSize = question.fileSize;
    answer.message.digest = question.digest;
    answer.message.first = question.first;
    answer.message.count = question.count;
    answer.payload = protocol::pack_digests(
        std::span(hashes_of(holding)).subspan(question.first, question.count));
    return answer;
}

Answer answer_leaf_hashes(OpenFiles& files, const clientMessage& question) {
    if (!possible_size(question.fileSize) ||
        question.first >= Geometry(question.fileSize).chunk_count()) {
        return refusal(question.id, protocol::Status::bad_request, "no such chunk");
    }
    const Geometry geometry(question.fileSize);
    const ChunkIndex chunk{static_cast<std::uint32_t>(question.first)};
    const Result<std::shared_ptr<OpenFile>> file = files.get(content_of(question), steady_now());
    if (!file) {
        return refusal(question.id, protocol::Status::not_found, file.error().message);
    }
    const std::uint32_t leaves = geometry.leaves_in(chunk);
    if (!(*file)->holds({geometry.first_leaf(chunk), leaves})) {
        return refusal(question.id, protocol::Status::not_held, "that chunk is not here yet");
    }
    std::vector<std::uint8_t> bytes(geometry.chunk_length(chunk));
    const int error = (*file)->read(geometry.chunk_offset(chunk), bytes);
    if (error != 0 && error != ENODATA) {
        (*file)->tell_of_fault(error);
        return refusal(question.id, protocol::Status::io_error, "the disk has failed");
    }
    if (error != 0 || !(*file)->unchanged()) {
        return refusal(question.id, protocol::Status::changed, "the file changed");
    }
    std::vector<integrity::Digest> digests(leaves);
    integrity::hash_leaves(bytes, digests);
    Answer answer{reply_to(question, ServerType::leaf_hashes), protocol::pack_digests(digests)};
    answer.message.fileSize = question.fileSize;
    answer.message.digest = question.digest;
    answer.message.first = question.first;
    answer.message.count = leaves;
    return answer;
}

Answer answer_subscribe(const store::Catalog& catalog, const clientMessage& question) {
    if (!possible_size(question.fileSize)) {
        return refusal(question.id, protocol::Status::bad_request, "no file is that large");
    }
    const store::Holding holding = catalog.find(content_of(question));
    const std::uint32_t chunks = Geometry(question.fileSize).chunk_count();
    Answer answer{reply_to(question, ServerType::holding), {}};
    answer.message.fileSize = question.fileSize;
    answer.message.digest = question.digest;
    if (holding.state == store::Holding::State::complete) {
        answer.message.held = chunks;
    } else if (holding.state == store::Holding::State::partial) {
        const Bitmap held = holding.partial->held();
        answer.message.held = held.count();
        if (held.count() != 0 && !held.all()) {
            answer.payload = held.wire();
        }
    }
    return answer;
}

Answer answer_status(Wiring& wiring, std::uint64_t id) {
    Answer answer;
    answer.message.type = static_cast<std::uint16_t>(ServerType::status);
    answer.message.id = id;
    for (const auto& [key, value] : status_lines(wiring, steady_now())) {
        const std::string line = key + ' ' + value + '\n';
        answer.payload.insert(answer.payload.end(), line.begin(), line.end());
    }
    return answer;
}

}  // namespace shoal::peer
