// Answers: what a server says to each question that needs no socket: query, list, hashes,
// subscribe, status. Called by the reader.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "peer/mail.hpp"
#include "peer/offers.hpp"
#include "peer/open_files.hpp"
#include "shoal/protocol/codec.hpp"

namespace shoal::peer {

struct Answer {
    protocol::serverMessage message;
    std::vector<std::uint8_t> payload;
};

// An `answer` message that says `status` and why.
Answer refusal(std::uint64_t id, protocol::Status status, std::string_view why);

// Status pending: the caller asks the keeper and answers again when the name has settled.
Answer answer_query(const Offers& offers, const protocol::clientMessage& question);
bool says_pending(const Answer& answer);
bool says_absent(const Answer& answer);
Answer answer_list(const Offers& offers, const protocol::clientMessage& question);
Answer answer_chunk_hashes(const store::Catalog& catalog, const protocol::clientMessage& question);
Answer answer_leaf_hashes(OpenFiles& files, const protocol::clientMessage& question);
Answer answer_subscribe(const store::Catalog& catalog, const protocol::clientMessage& question);
Answer answer_status(Wiring& wiring, std::uint64_t id);

}  // namespace shoal::peer
