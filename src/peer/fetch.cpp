#include "peer/fetch.hpp"

#include <algorithm>

namespace shoal::peer {

namespace {
constexpr std::size_t transfers_max = 4;  // large files of a folder at a time
}

Fetch::Fetch(Engine& engine, FetchCommand command, TimePoint now)
    : engine_(engine),
      command_(std::move(command)),
      name_(command_.order.name),
      folder_(name_.ends_with('/')),
      began_at_(now),
      phase_began_at_(now),
      progressed_at_(now) {
    done_.fetch = id();
    done_.name = name_;
    if (folder_) {
        if (const auto prefix = store::parse_prefix(name_); !prefix) {
            give_up(Outcome::usage, prefix.error().message, now);
        }
    } else if (const auto path = store::SafePath::parse(name_); !path) {
        give_up(Outcome::usage, path.error().message, now);
    }
}

Fetch::~Fetch() {
    engine_.servers.forget(this);
    engine_.small.forget(this);
}

void Fetch::silence() {
    command_.sink = nullptr;
    cancel(steady_now());
}

void Fetch::deliver(Event event) {
    if (command_.sink != nullptr) {
        command_.sink->deliver(event);
    }
}

void Fetch::drive(TimePoint now) {
    switch (phase_) {
        case Phase::connecting:
            look_connected(now);
            break;
        case Phase::asking:
            folder_ ? look_listed(now) : look_decided(now);
            break;
        case Phase::suggesting:
            look_suggested(now);
            break;
        case Phase::checking:
            look_checked(now);
            break;
        case Phase::running:
            launch(now);
            look_timed_out(now);
            break;
        case Phase::over:
            break;
    }
}

std::optional<TimePoint> Fetch::next_timeout() const {
    switch (phase_) {
        case Phase::connecting:
            return began_at_ + command_.order.timeout;
        case Phase::asking:
            if (vote_) {
                const auto outcome = vote_->outcome(phase_began_at_);
                const auto* open = std::get_if<swarm::VersionVote::Undecided>(&outcome);
                const TimePoint gate = first_has_at_ ? *first_has_at_ + 300ms
                                                     : phase_began_at_ + command_.order.timeout;
                return open != nullptr && open->until ? std::min(*open->until, gate) : gate;
            }
            return phase_began_at_ + command_.order.timeout;
        case Phase::suggesting:
            return phase_began_at_ + 1s;
        case Phase::checking:
            return std::nullopt;
        case Phase::running:
            return command_.order.wait_for_holders
                       ? std::nullopt
                       : std::optional(progressed_at_ + command_.order.timeout);
        case Phase::over:
            break;
    }
    return std::nullopt;
}

// What stands here already ---------------------------------------------------------------------

void Fetch::begin_checking(TimePoint now) {
    phase_ = Phase::checking;
    phase_began_at_ = now;
    for (const File& file : files_) {
        done_.size += file.id.size;
    }
    done_.files = files_.size();
    if (!folder_) {
        done_.root = files_.front().id.root.hex();
    }
    look_checked(now);
}

// A file that stands under the name but is not hashed yet is hashed first.
void Fetch::look_checked(TimePoint now) {
    if (!folder_) {
        const store::SafePath& name = files_.front().name;
        const auto here = engine_.wiring.catalog->find_in(store::Where::downloads, name.text());
        if (here.state == store::Holding::State::pending) {
            if (pending_name_.empty()) {
                pending_name_ = name.text();
                engine_.wiring.keeper.post(HashFirst{pending_name_});
            }
            return;
        }
    }
    phase_ = Phase::running;
    progressed_at_ = now;
    if (folder_) {
        started(0, 0);
    }
    launch(now);
}

void Fetch::handle_name_settled(const std::string& name) {
    if (name == pending_name_) {
        pending_name_.clear();
    }
}

// Nullopt: it is to be fetched.
std::optional<FileResult> Fetch::standing_here(const File& file) const {
    const store::Catalog& catalog = *engine_.wiring.catalog;
    const auto path = [this](const store::HeldFile& held) {
        const auto& options = engine_.wiring.options;
        return (held.where == store::Where::shared ? options.shared : options.downloads) + '/' +
               held.name.text();
    };
    for (const store::Where where : {store::Where::downloads, store::Where::shared}) {
        const store::Holding here = catalog.find_in(where, file.name.text());
        if (here.state == store::Holding::State::complete && here.file->id == file.id) {
            return FileResult{Outcome::done, path(*here.file), {}};
        }
    }
    const store::Holding taken = catalog.find_in(store::Where::downloads, file.name.text());
    if (taken.state == store::Holding::State::absent ||
        taken.state == store::Holding::State::partial) {
        return std::nullopt;
    }
    if (command_.order.on_clash == FetchOrder::OnClash::rename) {
        const store::Holding elsewhere = catalog.find(file.id);
        if (elsewhere.state == store::Holding::State::complete) {
            return FileResult{Outcome::done, path(*elsewhere.file), {}};
        }
        return std::nullopt;
    }
    return FileResult{Outcome::exists,
                      {},
                      "'" + file.name.text() + "' exists in " + engine_.wiring.options.downloads +
                          " with other content; --rename saves under a free name"};
}

// Running --------------------------------------------------------------------------------------

void Fetch::launch(TimePoint now) {
    while (phase_ == Phase::running && next_file_ < files_.size() &&
           small_running_.size() < SmallFiles::window && transfers_.size() < transfers_max) {
        const std::size_t index = next_file_++;
        if (const auto here = standing_here(files_[index])) {
            done_.already_here = !folder_ && here->outcome == Outcome::done;
            verified_ += files_[index].id.size;
            FileResult result = *here;
            file_done(index, result, now);
            continue;
        }
        if (!launch_one(index, now)) {
            file_done(index, {Outcome::failed, {}, "it is already on its way"}, now);
        }
    }
    if (phase_ == Phase::running && next_file_ == files_.size() && small_running_.empty() &&
        transfers_.empty()) {
        finish(now);
    }
}

bool Fetch::launch_one(std::size_t index, TimePoint now) {
    const File& file = files_[index];
    const bool rename = command_.order.on_clash == FetchOrder::OnClash::rename;
    if (integrity::Geometry(file.id.size).chunk_count() <= 1) {
        if (!folder_) {
            started(0, 0);
        }
        small_running_.insert(index);
        engine_.small.add({file.name, file.id, rename, file.holders, this, index});
        return true;
    }
    for (const auto& [key, transfer] : engine_.transfers) {
        if (!transfer->over() && transfer->file() == file.id) {
            return false;
        }
    }
    const std::uint64_t key = engine_.next_key++;
    transfers_[index] = key;
    auto transfer =
        std::make_unique<Transfer>(engine_.wiring, engine_.servers,
                                   TransferOrder{key, file.name, file.id, rename, index}, *this);
    Transfer& begun = *transfer;
    engine_.transfers.emplace(key, std::move(transfer));
    begun.start(now);
    return true;
}

void Fetch::started(std::uint64_t kept, std::uint64_t rechecked) {
    FetchStarted event;
    event.fetch = id();
    event.name = name_;
    event.size = done_.size;
    event.root = done_.root;
    event.files = done_.files;
    event.kept = kept;
    event.rechecked = rechecked;
    event.chunks = folder_ ? 0 : integrity::Geometry(done_.size).chunk_count();
    event.hosts = static_cast<std::uint32_t>(files_.empty() ? 0 : files_.front().holders.size());
    deliver(event);
}

void Fetch::file_opened(std::size_t, std::uint64_t kept, std::uint64_t rechecked) {
    verified_ += kept;
    done_.kept += kept;
    if (!folder_) {
        started(kept, rechecked);
    }
}

void Fetch::file_received(const std::string& host, std::uint64_t bytes) {
    shares_[host] += bytes;
    engine_.wiring.figures.bytes_received += bytes;
}

void Fetch::file_verified(std::size_t, std::uint64_t bytes, TimePoint now) {
    verified_ += bytes;
    progressed_at_ = now;
    told_parked_ = false;
    meter_.add(bytes, now);
}

void Fetch::file_note(std::size_t index, FetchNote::Kind kind, const std::string& host,
                      const std::string& text) {
    saw_liars_ |= kind == FetchNote::Kind::bad_source;
    if (kind == FetchNote::Kind::parked || kind == FetchNote::Kind::unparked) {
        // Thousands of files may wait for the same host: one word is enough.
        const bool parked = kind == FetchNote::Kind::parked;
        if (parked == told_parked_) {
            return;
        }
        told_parked_ = parked;
    }
    deliver(FetchNote{id(), kind, files_[index].name.text(), host, text});
}

void Fetch::file_done(std::size_t index, FileResult result, TimePoint now) {
    small_running_.erase(index);
    transfers_.erase(index);
    progressed_at_ = now;
    if (result.outcome == Outcome::done) {
        ++files_done_;
    } else if (folder_) {
        deliver(FetchNote{
            id(), FetchNote::Kind::file_failed, files_[index].name.text(), {}, result.text});
    }
    if (static_cast<int>(result.outcome) > static_cast<int>(done_.outcome)) {
        done_.outcome = result.outcome;
        done_.text = result.text;
    }
    if (!folder_) {
        const bool complete_path = done_.already_here || result.saved_as.empty();
        done_.saved_as = complete_path ? result.saved_as
                                       : engine_.wiring.options.downloads + '/' + result.saved_as;
    }
    if (phase_ == Phase::running && next_file_ == files_.size() && small_running_.empty() &&
        transfers_.empty()) {
        finish(now);
    }
}

bool Fetch::waits() const {
    if (engine_.small.parked(this)) {
        return true;
    }
    return !transfers_.empty() &&
           std::all_of(transfers_.begin(), transfers_.end(), [this](const auto& entry) {
               const auto found = engine_.transfers.find(entry.second);
               return found == engine_.transfers.end() || found->second->parked();
           });
}

void Fetch::look_timed_out(TimePoint now) {
    if (phase_ != Phase::running || command_.order.wait_for_holders ||
        now - progressed_at_ < command_.order.timeout) {
        return;
    }
    bool disk_full = engine_.small.disk_is_full();
    for (const auto& [index, key] : transfers_) {
        const auto found = engine_.transfers.find(key);
        disk_full |= found != engine_.transfers.end() && found->second->disk_is_full();
    }
    const Outcome outcome = disk_full    ? Outcome::disk_full
                            : saw_liars_ ? Outcome::verification_failed
                                         : Outcome::incomplete;
    give_up(outcome,
            disk_full    ? "the disk is full"
            : saw_liars_ ? "what was sent does not verify, and nobody else has it"
                         : "nothing came for " +
                               std::to_string(std::chrono::duration_cast<std::chrono::seconds>(
                                                  command_.order.timeout)
                                                  .count()) +
                               " s; what is here is kept",
            now);
}

void Fetch::cancel(TimePoint now) { give_up(Outcome::cancelled, "stopped", now); }

void Fetch::give_up(Outcome outcome, const std::string& text, TimePoint now) {
    if (phase_ == Phase::over) {
        return;
    }
    for (const auto& [index, key] : transfers_) {
        const auto found = engine_.transfers.find(key);
        if (found != engine_.transfers.end()) {
            found->second->stop();
        }
    }
    transfers_.clear();
    engine_.small.forget(this);
    small_running_.clear();
    done_.outcome = outcome;
    done_.text = text;
    if (phase_ == Phase::running && !folder_ && !files_.empty()) {
        done_.kept = verified_;
        done_.saved_as = engine_.wiring.options.downloads + '/' + name_ + ".part";
    }
    finish(now);
}

void Fetch::finish(TimePoint now) {
    report(now);
    phase_ = Phase::over;
    engine_.servers.forget(this);
    listing_.reset();
    done_.elapsed = now - began_at_;
    for (const auto& [host, bytes] : shares_) {
        done_.shares.push_back({host, bytes});
    }
    std::sort(
        done_.shares.begin(), done_.shares.end(),
        [](const HostShare& left, const HostShare& right) { return left.bytes > right.bytes; });
    deliver(done_);
}

void Fetch::report(TimePoint now) {
    if (phase_ != Phase::running) {
        return;
    }
    FetchProgress event;
    event.fetch = id();
    event.name = name_;
    event.done = verified_;
    event.size = done_.size;
    event.files_done = files_done_;
    event.files = done_.files;
    event.bytes_per_second = meter_.rate(now);
    event.parked = waits();
    for (const auto& [index, key] : transfers_) {
        const auto found = engine_.transfers.find(key);
        event.hosts = std::max(
            event.hosts, found == engine_.transfers.end() ? 0U : found->second->sending_hosts());
    }
    if (!small_running_.empty()) {
        const auto links = engine_.servers.usable();
        const auto busy = std::count_if(links.begin(), links.end(),
                                        [](const ServerLink* link) { return link->asked() > 0; });
        event.hosts = std::max(event.hosts, static_cast<std::uint32_t>(busy));
    }
    if (event.bytes_per_second > 1) {
        const double seconds = static_cast<double>(done_.size - std::min(verified_, done_.size)) /
                               event.bytes_per_second;
        event.left = std::chrono::duration_cast<Duration>(
            std::chrono::duration<double>(std::min(seconds, 1e7)));
    }
    deliver(event);
}

}  // namespace shoal::peer
