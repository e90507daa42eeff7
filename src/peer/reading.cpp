#include "peer/reading.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "shoal/base/text.hpp"

namespace shoal::peer {

namespace {
constexpr std::uint32_t chunks_ahead_max = 64;  // told at a time
}

std::string last_part(std::string_view path) {
    return std::string(path.substr(path.rfind('/') + 1));  // npos + 1 is 0
}

TreeEntry entry_of(const store::HeldFile& file, std::string_view name) {
    TreeEntry entry;
    entry.name = last_part(name);
    entry.size = file.id.size;
    entry.mtime = file.stamp.mtime_s();
    entry.root = file.id.root.hex();
    entry.holders = 1;
    entry.here = true;
    entry.shared = file.where == store::Where::shared;
    return entry;
}

Result<ReadStreamPtr> open_local(Wiring& wiring, const std::shared_ptr<const store::HeldFile>& file,
                                 std::string_view name, std::function<void()> news) {
    Result<Fd> fd = wiring.catalog->open_for_serving(*file);
    if (!fd) {
        return fd.error();
    }
    return ReadStreamPtr(std::make_unique<LocalStream>(
        wiring, entry_of(*file, name), file, move_above_select(std::move(*fd)), std::move(news)));
}

Sameness sameness_of(const store::Stamp& hashed, const store::Stamp& now, bool deleted) {
    store::Stamp status_aside = now;
    status_aside.ctime_ns = hashed.ctime_ns;
    if (status_aside != hashed) {
        return Sameness::changed;
    }
    return now == hashed || deleted ? Sameness::same : Sameness::unproven;
}

Result<std::uint64_t> LocalStream::readable_to(std::uint64_t from) {
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0) {
        return changed();
    }
    const store::Stamp now = store::Stamp::of(status);
    const bool deleted = status.st_nlink == 0;
    const Sameness sameness = sameness_of(proven_.value_or(file_->stamp), now, deleted);
    if (sameness == Sameness::same || (sameness == Sameness::unproven && entry_.size == 0)) {
        return entry_.size;
    }
    // A rename, or a new time, of the gateway's own: it knows that the content is as it was.
    if (const store::Holding held =
            life_.expired() ? store::Holding{} : wiring_.catalog->find(file_->id);
        held.file && held.file->stamp == now) {
        proven_ = now;
        return entry_.size;
    }
    if (sameness == Sameness::changed) {
        return changed();
    }
    // At the end of the file less than that tells that it is not sure yet.
    return prove(now, std::min(from, entry_.size - 1));
}

Error LocalStream::changed() const {
    return {ErrorKind::changed,
            "'" + text::escape(file_->name.text()) + "' was changed while it was read"};
}

// Main hashes the very file that is read, whatever it is called by now.
Result<std::uint64_t> LocalStream::prove(const store::Stamp& now, std::uint64_t from) {
    const auto outcome =
        proof_->with([](Proof& proof) { return std::exchange(proof.outcome, std::nullopt); });
    if (outcome && !*outcome) {
        return outcome->error();
    }
    if (outcome && **outcome == now) {
        proven_ = now;
        return entry_.size;
    }
    Fd copy = move_above_select(Fd(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0)));
    if (!copy || life_.expired()) {
        return changed();
    }
    const bool begun =
        proof_->with([](Proof& proof) { return std::exchange(proof.under_way, true); });
    if (!begun) {
        ticket_ = std::make_shared<int>();
        wiring_.keeper.post(EditMail(
            ProveFile{file_, std::move(copy), ticket_,
                      [proof = proof_, news = news_](Result<store::Stamp> found) {
                          proof->with([&](Proof& state) { state = {false, std::move(found)}; });
                          news();
                      }}));
    }
    return from;
}

Result<std::uint64_t> Reading::readable_to(std::uint64_t from) {
    return state_.with([&](State& state) -> Result<std::uint64_t> {
        if (state.error) {
            return *state.error;
        }
        if (state.partial && state.partial->doubts() != state.doubts) {
            return Error{ErrorKind::changed,
                         "'" + text::escape(state.partial->part_path()) +
                             "' was changed by another program while it was read"};
        }
        state.position = from;
        current_ = state.partial;
        std::uint64_t end = from;
        if (current_ && from < current_->id().size) {
            const integrity::Geometry& geometry = current_->geometry();
            const ChunkIndex first{static_cast<std::uint32_t>(from / geometry.chunk_size())};
            const std::uint32_t count = current_->held_run(first, chunks_ahead_max);
            end = std::max(
                from, std::min(current_->id().size, geometry.chunk_offset({first.value + count})));
        }
        state.waits = end == from && !(current_ && from >= current_->id().size);
        return end;
    });
}

void Reading::leave() { state_.lock()->left = true; }

void Reading::set_partial(std::shared_ptr<store::PartialFile> partial) {
    state_.with([&](State& state) {
        state.doubts = partial ? partial->doubts() : 0;
        state.partial = std::move(partial);
    });
}

void Reading::look() {
    const bool tell = state_.with([](State& state) {
        const auto& partial = state.partial;
        if (!state.waits || !partial) {
            return false;
        }
        const auto chunk =
            static_cast<std::uint32_t>(state.position / partial->geometry().chunk_size());
        return partial->holds(ChunkIndex{chunk}) && std::exchange(state.waits, false);
    });
    if (tell) {
        news_();
    }
}

void Reading::fail(const Error& error) {
    const bool tell = state_.with([&](State& state) {
        state.error = error;
        return std::exchange(state.waits, false);
    });
    if (tell) {
        news_();
    }
}

bool Reading::has_left() const {
    return state_.with([](const State& state) { return state.left; });
}

std::uint64_t Reading::position() const {
    return state_.with([](const State& state) { return state.position; });
}

}  // namespace shoal::peer
