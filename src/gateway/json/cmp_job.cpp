// CMP: how a client's copy of a file compares with what stands here under its name.
#include <array>

#include "gateway/json/file_reader.hpp"
#include "gateway/json/jobs.hpp"
#include "shoal/integrity/sha256.hpp"

namespace shoal::gateway::json {
namespace {

// Of content that is hashed in one turn, so that a large file does not keep a thread.
constexpr std::uint64_t hashed_per_step = 4 * 1024 * 1024;

class CmpJob final : public Job {
  public:
    CmpJob(Order order, WantedHash hash, MetaData mine)
        : order_(std::move(order)),
          hash_(std::move(hash)),
          mine_(mine),
          entry_slot_(std::make_shared<Slot<peer::TreeEntry>>(order_.waker)) {}

    Step step(Exchange& exchange) override;

  private:
    [[nodiscard]] const std::string& name() const { return *order_.request.body.rel_endpoint; }
    Step look_up(Exchange& exchange);
    Step compare_sha256(Exchange& exchange);
    Step conclude(Exchange& exchange, bool same_content);
    Step fail(Exchange& exchange, const Error& error);

    Order order_;
    WantedHash hash_;
    MetaData mine_;
    SlotPtr<peer::TreeEntry> entry_slot_;
    std::optional<peer::TreeEntry> theirs_;
    bool asked_{false};
    FileReader reader_;
    integrity::Sha256 hasher_;
    std::uint64_t hashed_{0};
};

Step CmpJob::step(Exchange& exchange) {
    if (!asked_) {
        asked_ = true;
        order_.shared.api->lookup_hashed(name(), entry_slot_->callback());
    }
    return theirs_ ? compare_sha256(exchange) : look_up(exchange);
}

Step CmpJob::look_up(Exchange& exchange) {
    auto answer = entry_slot_->take();
    if (!answer) {
        return Step::waits;
    }
    if (!*answer) {
        return fail(exchange, answer->error());
    }
    if (answer->value().folder) {
        exchange.reply(Resolution::of(Code::bad_name, "that is a folder"));
        return Step::done;
    }
    theirs_ = std::move(answer->value());
    const bool same_root = hash_.maybe_root && hash_.digits == theirs_->root;
    if (same_root || !hash_.maybe_sha256) {
        return conclude(exchange, same_root);
    }
    if (const auto known = order_.shared.hashes.find(theirs_->root)) {
        return conclude(exchange, *known == hash_.digits);
    }
    return Step::again;
}

Step CmpJob::compare_sha256(Exchange& exchange) {
    if (!reader_.begun()) {
        reader_.open(*order_.shared.api, name(), 0, order_.waker);
    }
    const Result<bool> opened = reader_.opened();
    if (!opened) {
        return fail(exchange, opened.error());
    }
    if (!*opened) {
        return Step::waits;
    }
    theirs_ = reader_.entry();
    const std::uint64_t stop = std::min(hashed_ + hashed_per_step, theirs_->size);
    while (hashed_ < stop) {
        std::array<std::uint8_t, content_block_size> block;
        const auto got = reader_.read(hashed_, block);
        if (!got) {
            return fail(exchange, got.error());
        }
        if (*got == 0) {
            return Step::waits;
        }
        hasher_.update(std::span(block).first(*got));
        hashed_ += *got;
    }
    if (hashed_ < theirs_->size) {
        return Step::again;
    }
    const Result<bool> confirmed = reader_.confirm();
    if (!confirmed || !*confirmed) {
        return confirmed ? Step::waits : fail(exchange, confirmed.error());
    }
    const std::string sha256 = hasher_.finish().hex();
    order_.shared.hashes.put(theirs_->root, sha256);
    return conclude(exchange, sha256 == hash_.digits);
}

Step CmpJob::conclude(Exchange& exchange, bool same_content) {
    Resolution result;
    if (same_content) {
        const bool same_size = !mine_.size || *mine_.size == theirs_->size;
        const bool same_time = !mine_.mtime || !theirs_->mtime || *mine_.mtime == *theirs_->mtime;
        result = same_size && same_time
                     ? Resolution::of(Code::same, "the same")
                     : Resolution::of(Code::other_metadata, "the same content, other meta data");
    } else {
        // Without two times, or with equal ones, what stands here counts as the newer.
        const bool older = mine_.mtime && theirs_->mtime && *theirs_->mtime < *mine_.mtime;
        result = older ? Resolution::of(Code::remote_older, "what is here is older")
                       : Resolution::of(Code::remote_newer, "what is here is newer");
    }
    result.extra = ",\"meta_data\":" + meta_data_of(*theirs_);
    exchange.reply(result);
    return Step::done;
}

Step CmpJob::fail(Exchange& exchange, const Error& error) {
    exchange.reply(error.kind == ErrorKind::not_found ? Resolution::of(Code::absent, error.message)
                                                      : Resolution::of(error));
    return Step::done;
}

}  // namespace

JobPtr make_cmp(Order&& order) {
    const Body& body = order.request.body;
    Result<WantedHash> hash = parse_hash(*body.hash);
    if (!hash) {
        return make_answer(Resolution::of(Code::bad_request, hash.error().message));
    }
    const auto mine = parse_meta_data(body.meta_data.value_or(std::vector<std::string>()));
    if (!mine) {
        return make_answer(Resolution::of(Code::bad_request, mine.error().message));
    }
    return std::make_unique<CmpJob>(std::move(order), std::move(*hash), *mine);
}

}  // namespace shoal::gateway::json
