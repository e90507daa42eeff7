#include "peer/stream_fetch.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace shoal::peer {

namespace {
constexpr std::size_t transfers_max = 200;  // of all, as for fetches
constexpr Duration parked_max = 5s;         // no holder left, or no room on the disk
constexpr Duration silence_max = 30s;
constexpr Duration look_every = 1s;  // whether either has passed
}  // namespace

StreamFetch::StreamFetch(Engine& engine, store::SafePath name, Meaning meaning, TimePoint now)
    : engine_(engine),
      name_(std::move(name)),
      meaning_(std::move(meaning)),
      progressed_at_(now),
      look_again_at_(now) {}

// What is here stays for the next reader, as long as the cache has room.
StreamFetch::~StreamFetch() {
    engine_.small.forget(this);
    const auto found = engine_.transfers.find(own_);
    if (found != engine_.transfers.end()) {
        found->second->stop();
        if (partial_) {
            engine_.wiring.keeper.post(KeepPartial{partial_});
        }
    }
}

void StreamFetch::add(OpenStream order) { waiting_.push_back(std::move(order)); }

bool StreamFetch::is_small() const {
    return integrity::Geometry(meaning_.id.size).chunk_count() <= 1;
}

bool StreamFetch::is_whole() const {
    return is_small() ? memory_ || meaning_.id.size == 0
                      : partial_ && partial_->held_count() == partial_->geometry().chunk_count();
}

// Ours, or that of somebody who fetches the same.
Transfer* StreamFetch::transfer() {
    if (own_ != 0) {
        const auto found = engine_.transfers.find(own_);
        return found == engine_.transfers.end() ? nullptr : found->second.get();
    }
    for (auto& [key, transfer] : engine_.transfers) {
        if (!transfer->over() && transfer->file() == meaning_.id) {
            return transfer.get();
        }
    }
    return nullptr;
}

void StreamFetch::drive(TimePoint now) {
    std::erase_if(readings_, [](const auto& reading) { return reading->has_left(); });
    if (over()) {
        return;
    }
    const std::uint32_t held = partial_ ? partial_->held_count() : 0;
    if (std::exchange(held_, held) != held) {
        progressed_at_ = now;
    }
    if (is_small()) {
        begin(now);
    } else if (Transfer* running = transfer()) {
        follow(*running);
    } else if (!complete_) {
        const auto here = engine_.wiring.catalog->find(meaning_.id);
        complete_ = here.state == store::Holding::State::complete;
        complete_ ? hand_out_local() : begin(now);
    }
    hand_out();
    for (const auto& reading : readings_) {
        reading->look();
    }
    look_stalled(now);
}

std::uint64_t StreamFetch::wanted_room() {
    const bool waits = !is_small() && !granted_ && !complete_ && transfer() == nullptr;
    return waits ? meaning_.id.size : 0;
}

// Getting it ----------------------------------------------------------------------------------

void StreamFetch::begin(TimePoint now) {
    if (begun_ || engine_.transfers.size() >= transfers_max || (!is_small() && !granted_)) {
        return;
    }
    begun_ = true;
    if (is_small()) {
        return engine_.small.add(
            {name_, meaning_.id, false, meaning_.holders, this, 0, meaning_.mtime, true});
    }
    own_ = engine_.next_key++;
    auto transfer = std::make_unique<Transfer>(
        engine_.wiring, engine_.servers,
        TransferOrder{own_, name_, meaning_.id, false, 0, meaning_.mtime, true}, *this);
    Transfer& running = *transfer;
    engine_.transfers.emplace(own_, std::move(transfer));
    running.start(now);
}

// Readers go on where they were, also when another download takes over.
void StreamFetch::follow(Transfer& running) {
    if (running.partial() != nullptr && partial_ != running.partial()) {
        partial_ = running.partial();
        if (own_ != 0) {  // a part that only comes through a gateway offers no name
            engine_.wiring.cache.with([this](CacheBook& book) {
                book.add(partial_->part_path(), {1, meaning_.id.root});
            });
        }
        for (const auto& reading : readings_) {
            reading->set_partial(partial_);
        }
    }
    std::vector<std::uint64_t> positions;
    for (const auto& reading : readings_) {
        positions.push_back(reading->position());
    }
    for (const OpenStream& order : waiting_) {
        positions.push_back(order.offset);
    }
    running.read_from(positions);
}

// Handing it out ------------------------------------------------------------------------------

TreeEntry StreamFetch::entry() const {
    TreeEntry entry;
    entry.name = last_part(name_.text());
    entry.size = meaning_.id.size;
    entry.mtime = meaning_.mtime;
    entry.root = meaning_.id.root.hex();
    entry.holders = static_cast<std::uint32_t>(meaning_.holders.size());
    return entry;
}

void StreamFetch::hand_out() {
    if (waiting_.empty() || (!partial_ && !memory_ && meaning_.id.size > 0)) {
        return;
    }
    for (OpenStream& order : std::exchange(waiting_, {})) {
        if (is_small()) {
            Fd copy =
                move_above_select(Fd(memory_ ? ::fcntl(memory_.get(), F_DUPFD_CLOEXEC, 0) : -1));
            if (memory_ && !copy) {
                order.callback(system_error("cannot open '" + name_.text() + "'", errno));
            } else {
                order.callback(
                    ReadStreamPtr(std::make_unique<MemoryStream>(entry(), std::move(copy))));
            }
            continue;
        }
        auto reading = std::make_shared<Reading>(order.offset, std::move(order.news));
        reading->set_partial(partial_);
        readings_.push_back(reading);
        order.callback(ReadStreamPtr(
            std::make_unique<RemoteStream>(engine_.wiring, entry(), std::move(reading))));
    }
}

// A user's download of it was finished before we could follow it.
void StreamFetch::hand_out_local() {
    const auto held = engine_.wiring.catalog->find(meaning_.id);
    for (OpenStream& order : std::exchange(waiting_, {})) {
        order.callback(held.file ? open_local(engine_.wiring, held.file, name_.text(), order.news)
                                 : Error{ErrorKind::changed, "'" + name_.text() + "' has gone"});
    }
    for (const auto& reading : std::exchange(readings_, {})) {
        if (is_whole()) {
            reading->look();
        } else {
            reading->fail({ErrorKind::changed, "'" + name_.text() + "' is another file by now"});
        }
    }
}

void StreamFetch::give_up(const Error& error) {
    for (const OpenStream& order : std::exchange(waiting_, {})) {
        order.callback(error);
    }
    for (const auto& reading : std::exchange(readings_, {})) {
        reading->fail(error);
    }
}

void StreamFetch::look_stalled(TimePoint now) {
    look_again_at_ = now + look_every;
    if (complete_ || over()) {
        return;
    }
    const Transfer* running = is_small() ? nullptr : transfer();
    const bool parked = running != nullptr ? running->parked() : engine_.small.parked(this);
    const bool full =
        running != nullptr ? running->disk_is_full() : is_small() && engine_.small.disk_is_full();
    const Duration silence = now - progressed_at_;
    if (full && silence >= parked_max) {
        give_up({ErrorKind::no_space, "the disk is full: no room for '" + name_.text() + "'"});
    } else if (!begun_ && running == nullptr && silence >= silence_max) {
        give_up({ErrorKind::busy, "too many files are on their way; try again later"});
    } else if (parked && saw_liars_ && !full) {
        engine_.distrust(meaning_.id, now);
        give_up({ErrorKind::closed, "what the hosts sent of '" + name_.text() +
                                        "' does not verify; if others have another version, it is "
                                        "taken the next time"});
    } else if ((parked && silence >= parked_max) || silence >= silence_max) {
        give_up({ErrorKind::closed,
                 "the hosts that have '" + name_.text() + "' are gone; what is here is kept"});
    }
}

std::optional<TimePoint> StreamFetch::next_timeout() const {
    return complete_ || over() ? std::nullopt : std::optional(look_again_at_);
}

// What its file tells -------------------------------------------------------------------------

void StreamFetch::file_received(const std::string&, std::uint64_t bytes) {
    engine_.wiring.figures.bytes_received += bytes;
    progressed_at_ = steady_now();
}

void StreamFetch::file_content(std::size_t, std::span<const std::uint8_t> bytes) {
    Fd memory(::memfd_create("shoal", MFD_CLOEXEC));
    if (!memory ||
        ::write(memory.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
        return give_up(system_error("no memory for '" + name_.text() + "'", errno));
    }
    memory_ = move_above_select(std::move(memory));
}

void StreamFetch::file_note(std::size_t, FetchNote::Kind kind, const std::string&,
                            const std::string&) {
    saw_liars_ |= kind == FetchNote::Kind::bad_source;
}

// Readers that have all of it need not care what became of the file.
void StreamFetch::file_done(std::size_t, FileResult result, TimePoint) {
    own_ = 0;
    done_ = true;
    if (partial_) {
        engine_.wiring.cache.with([this](CacheBook& book) { book.remove(partial_->part_path()); });
    }
    if (result.outcome == Outcome::exists && partial_) {
        engine_.wiring.keeper.post(DropPartial{partial_});
    }
    complete_ = complete_ || is_whole() || result.outcome == Outcome::done;
    if (!complete_) {
        give_up({result.outcome == Outcome::disk_full ? ErrorKind::no_space : ErrorKind::system,
                 result.text});
    }
}

}  // namespace shoal::peer
