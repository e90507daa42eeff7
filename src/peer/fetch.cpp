#include "peer/fetch.hpp"

#include <algorithm>

namespace shoal::peer {

namespace {
constexpr Duration plan_max = 2s;  // for the holders to tell what they hold
constexpr Duration plan_look_every = 50ms;
constexpr Duration waiting_told_after = 5s;
constexpr std::size_t transfers_max = 4;  // large files of a folder at a time
constexpr int anew_max = 3;               // times a file is begun anew
// Of all orders; below the subscriptions that a server grants, and each has files open.
constexpr std::size_t transfers_in_all = 200;
static_assert(transfers_in_all + transfers_max < limits::subscriptions_per_client_max);
}  // namespace

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
        } else if (command_.order.plan) {
            give_up(Outcome::usage,
                    "a plan is of one file; 'list " + name_ + "' shows who holds a folder's files",
                    now);
        }
    } else if (const auto path = store::SafePath::parse(name_); !path) {
        give_up(Outcome::usage, path.error().message, now);
    }
    if (phase_ != Phase::over && (!command_.order.root.empty() || !command_.order.hosts.empty())) {
        pick_hosts(now);
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

void Fetch::drive(TimePoint now) {
    switch (phase_) {
        case Phase::connecting:
            picked_.empty() ? look_connected(now) : look_picked(now);
            break;
        case Phase::asking:
            folder_ ? look_listed(now) : look_decided(now);
            break;
        case Phase::suggesting:
            look_suggested(now);
            break;
        case Phase::planning:
            look_planned(now);
            break;
        case Phase::running:
            gather(now);
            leave_lies(now);
            launch(now);
            if (parking_.poll(now)) {
                told_stalled_ = false;
                deliver(parked_note_);
            }
            look_timed_out(now);
            tell_waiting(now);
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
            return look_again_at_;
        case Phase::suggesting:
            return phase_began_at_ + 1s;
        case Phase::planning:
            return look_again_at_;
        case Phase::running: {
            std::optional<TimePoint> next = parking_.next_timeout();
            if (!command_.order.wait_for_holders || !gathered()) {
                sooner(next, hopeless() ? progressed_at_ : progressed_at_ + command_.order.timeout);
            }
            if (!gathered()) {
                sooner(next, listing_->next_timeout());
                sooner(next, pending_->next_timeout());
                sooner(next, told_waiting_ ? std::nullopt
                                           : std::optional(progressed_at_ + waiting_told_after));
            }
            return next;
        }
        case Phase::over:
            break;
    }
    return std::nullopt;
}

// What stands here already ---------------------------------------------------------------------

// It is settled what is meant.
void Fetch::begin(TimePoint now) {
    phase_began_at_ = now;
    if (!folder_) {
        done_.size = files_.front().id.size;
        done_.root = files_.front().id.root.hex();
    }
    if (command_.order.plan) {
        phase_ = Phase::planning;
        plan_ = std::make_unique<Plan>(engine_, files_.front().id);
        return look_planned(now);
    }
    begin_running(now);
}

void Fetch::look_planned(TimePoint now) {
    if (plan_->told() || now - phase_began_at_ >= plan_max) {
        done_.plan = plan_->report();
        finish(now);
    } else {
        look_again_at_ = now + plan_look_every;
    }
}

void Fetch::begin_running(TimePoint now) {
    phase_ = Phase::running;
    running_at_ = now;
    progressed_at_ = now;
    if (folder_) {
        opened_at_ = now;
        started(0, 0);
    }
    launch(now);
}

// A file that stands under the name but is not hashed yet is hashed first; content that another
// order fetches, or this one under another name, is waited for.
bool Fetch::held_up(const File& file) {
    const auto here = engine_.wiring.catalog->find_in(store::Where::downloads, file.name.text());
    if (here.state == store::Holding::State::pending) {
        if (hashing_.insert(file.name.text()).second) {
            engine_.wiring.keeper.post(HashFirst{file.name.text()});
        }
        return true;
    }
    return std::any_of(engine_.transfers.begin(), engine_.transfers.end(), [&](const auto& entry) {
        return !entry.second->over() && entry.second->file() == file.id;
    });
}

void Fetch::handle_name_settled(const std::string& name) { woken_ |= hashing_.erase(name) > 0; }

// The user wants what stands here: it stays, even if it only came through a gateway of this or of
// another process. Nullopt: it has just gone.
std::optional<FileResult> Fetch::keep_here(const store::HeldFile& held) const {
    const auto& options = engine_.wiring.options;
    const bool shared = held.where == store::Where::shared;
    const FileResult here{
        Outcome::done, (shared ? options.shared : options.downloads) + '/' + held.name.text(), {}};
    if (shared) {
        return here;
    }
    Result<CacheClaims::Lock> claims = CacheClaims(options.state).lock();
    if (!claims) {
        return FileResult{Outcome::failed, {}, claims.error().message};
    }
    const auto forget = [this, &held] {
        engine_.wiring.cache.with([&held](CacheBook& book) { book.remove(held.name.text()); });
    };
    if (claims->needless()) {
        forget();
        return here;
    }
    if (!engine_.wiring.catalog->open_for_serving(held)) {
        engine_.wiring.keeper.post(LookAgain{held.where, held.name});
        return std::nullopt;
    }
    if (const Status claimed = claims->claim(held.name.text()); !claimed) {
        return FileResult{Outcome::failed, {}, claimed.error().message};
    }
    forget();
    return here;
}

// Nullopt: it is to be fetched.
std::optional<FileResult> Fetch::standing_here(const File& file) const {
    const store::Catalog& catalog = *engine_.wiring.catalog;
    for (const store::Where where : {store::Where::downloads, store::Where::shared}) {
        const store::Holding here = catalog.find_in(where, file.name.text());
        if (here.state == store::Holding::State::complete && here.file->id == file.id) {
            return keep_here(*here.file);
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
            return keep_here(*elsewhere.file);
        }
        return std::nullopt;
    }
    return FileResult{Outcome::exists,
                      {},
                      "'" + file.name.text() + "' exists in " + engine_.wiring.options.downloads +
                          " with other content; --rename saves under a free name"};
}

// Running --------------------------------------------------------------------------------------

bool Fetch::may_begin() const {
    return phase_ == Phase::running && small_running_.size() < SmallFiles::window &&
           transfers_.size() < transfers_max && engine_.transfers.size() < transfers_in_all;
}

void Fetch::launch(TimePoint now) {
    if (std::exchange(woken_, false)) {
        for (const std::size_t index : std::exchange(waiting_, {})) {
            may_begin() ? launch_one(index, now) : waiting_.push_back(index);
        }
    }
    while (may_begin() && next_file_ < files_.size() && waiting_.size() < SmallFiles::window) {
        launch_one(next_file_++, now);
    }
    if (phase_ == Phase::running && next_file_ == files_.size() && small_running_.empty() &&
        transfers_.empty() && waiting_.empty() && gathered()) {
        if (const std::string missing = missing_words(); !missing.empty()) {
            note_worst(Outcome::incomplete, missing);
        }
        finish(now);
    }
}

void Fetch::launch_one(std::size_t index, TimePoint now) {
    const File& file = files_[index];
    if (held_up(file)) {
        waiting_.push_back(index);
    } else if (const auto here = standing_here(file)) {
        done_.already_here = !folder_ && here->outcome == Outcome::done;
        if (here->outcome == Outcome::done && begun_anew_.contains(index)) {
            drop_parts_of(file);
        }
        add_verified(file.id.size, now);
        file_done(index, *here, now);
    } else if (integrity::Geometry(file.id.size).chunk_count() <= 1) {
        begin_small(index);
    } else {
        begin_transfer(index, now);
    }
}

// All of it is here by now: somebody else has fetched it meanwhile.
void Fetch::drop_parts_of(const File& file) {
    for (const auto& partial : engine_.wiring.catalog->partials()) {
        if (partial->id() == file.id && partial->name() == file.name) {
            engine_.wiring.keeper.post(DropPartial{partial});
        }
    }
}

void Fetch::begin_small(std::size_t index) {
    if (!folder_) {
        opened_at_ = running_at_;
        started(0, 0);
    }
    const File& file = files_[index];
    const bool rename = command_.order.on_clash == FetchOrder::OnClash::rename;
    small_running_.insert(index);
    engine_.small.add({file.name, file.id, rename, file.holders, this, index});
}

void Fetch::begin_transfer(std::size_t index, TimePoint now) {
    const File& file = files_[index];
    const bool rename = command_.order.on_clash == FetchOrder::OnClash::rename;
    const std::uint64_t key = engine_.next_key++;
    transfers_[index] = key;
    auto transfer =
        std::make_unique<Transfer>(engine_.wiring, engine_.servers,
                                   TransferOrder{key, file.name, file.id, rename, index}, *this);
    Transfer& begun = *transfer;
    engine_.transfers.emplace(key, std::move(transfer));
    begun.start(now);
}

// A folder's files of which nothing that was sent verifies: the next version is tried at once, and
// when there is none, the others need not wait.
void Fetch::leave_lies(TimePoint now) {
    for (const std::size_t index : std::exchange(lies_, {})) {
        const bool runs = small_running_.contains(index) || transfers_.contains(index);
        const bool hopeless = !command_.order.wait_for_holders && !saw_losses_ && engine_.settled();
        if (runs && !take_next_version(index, now) && hopeless) {
            stop_file(index, now);
            file_done(index,
                      {Outcome::verification_failed,
                       {},
                       "what was sent does not verify, and nobody else has it"},
                      now);
        }
    }
}

bool Fetch::take_next_version(std::size_t index, TimePoint now) {
    File& file = files_[index];
    if (file.others.empty()) {
        return false;
    }
    stop_file(index, now);
    unverified_.erase(index);
    const auto verified = verified_of_.extract(index);
    verified_ -= verified.empty() ? 0 : verified.mapped();
    Version next = std::move(file.others.front());
    file.others.erase(file.others.begin());
    done_.size += next.id.size - file.id.size;
    file.id = next.id;
    file.holders = std::move(next.holders);
    deliver(FetchNote{id(),
                      FetchNote::Kind::waiting,
                      file.name.text(),
                      {},
                      "what was sent of '" + file.name.text() +
                          "' does not verify; another version is taken: root " + file.id.root.hex(),
                      {}});
    waiting_.push_back(index);
    woken_ = true;
    return true;
}

void Fetch::stop_file(std::size_t index, TimePoint now) {
    engine_.small.forget(this, index);
    small_running_.erase(index);
    const auto transfer = transfers_.extract(index);
    const auto found =
        transfer.empty() ? engine_.transfers.end() : engine_.transfers.find(transfer.mapped());
    if (found != engine_.transfers.end()) {
        gather_times(found->first, now);
        found->second->stop();
    }
}

// Other programs have changed or moved what was here of it: what is right is looked for again.
bool Fetch::begin_anew(std::size_t index, const FileResult& result) {
    if (!result.meddled || ++begun_anew_[index] > anew_max) {
        return false;
    }
    const auto verified = verified_of_.extract(index);
    verified_ -= verified.empty() ? 0 : verified.mapped();
    deliver(FetchNote{id(),
                      FetchNote::Kind::waiting,
                      files_[index].name.text(),
                      {},
                      result.text + "; it is begun anew",
                      {}});
    waiting_.push_back(index);
    return true;
}

void Fetch::file_done(std::size_t index, FileResult result, TimePoint now) {
    small_running_.erase(index);
    if (const auto transfer = transfers_.extract(index); !transfer.empty()) {
        gather_times(transfer.mapped(), now);
    }
    progressed_at_ = now;
    moved_ = true;
    woken_ = true;
    if (begin_anew(index, result)) {
        return;
    }
    if (result.outcome == Outcome::done) {
        ++files_done_;
        unverified_.erase(index);
    } else if (folder_) {
        deliver(FetchNote{
            id(), FetchNote::Kind::file_failed, files_[index].name.text(), {}, result.text, {}});
    }
    note_worst(result.outcome, result.text);
    if (!folder_) {
        const bool complete_path = done_.already_here || result.saved_as.empty();
        done_.saved_as = complete_path ? result.saved_as
                                       : engine_.wiring.options.downloads + '/' + result.saved_as;
    }
}

void Fetch::note_worst(Outcome outcome, const std::string& text) {
    if (static_cast<int>(outcome) > static_cast<int>(done_.outcome)) {
        done_.outcome = outcome;
        done_.text = text;
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

// Whoever has it lied, and nobody else is about to turn up.
bool Fetch::hopeless() const {
    return !folder_ && saw_liars_ && !saw_losses_ && engine_.settled() && waits();
}

void Fetch::look_timed_out(TimePoint now) {
    const bool disk_at_work =
        std::any_of(transfers_.begin(), transfers_.end(), [this](const auto& entry) {
            const auto found = engine_.transfers.find(entry.second);
            return found != engine_.transfers.end() && found->second->disk_at_work();
        });
    if (!waiting_.empty() || disk_at_work) {
        progressed_at_ = now;  // it is not the hosts that hold it up
    }
    if (phase_ != Phase::running) {
        return;
    }
    const bool lost = hopeless();
    if (command_.order.wait_for_holders && lost && !std::exchange(told_hopeless_, true)) {
        offer_other_versions();
    }
    // Whoever waits for holders waits for them; not for a host that does not say what it has.
    const bool only_silent_ones =
        !gathered() && pending_->done() && small_running_.empty() && transfers_.empty();
    if ((command_.order.wait_for_holders && !only_silent_ones) ||
        (now - progressed_at_ < command_.order.timeout && !lost)) {
        return;
    }
    bool disk_full = engine_.small.disk_is_full();
    for (const auto& [index, key] : transfers_) {
        const auto found = engine_.transfers.find(key);
        disk_full |= found != engine_.transfers.end() && found->second->disk_is_full();
    }
    const std::string missing = missing_words();
    const bool only_missing = !missing.empty() && small_running_.empty() && transfers_.empty();
    const Outcome outcome = disk_full    ? Outcome::disk_full
                            : saw_liars_ ? Outcome::verification_failed
                                         : Outcome::incomplete;
    if (outcome == Outcome::verification_failed) {
        if (const auto others = others_.find(0); !folder_ && others != others_.end()) {
            done_.versions = others->second;
        }
        offer_other_versions();
    }
    give_up(outcome,
            disk_full    ? "the disk is full"
            : saw_liars_ ? "what was sent does not verify, and nobody else has it"
            : only_missing
                ? missing
                : "nothing came for " +
                      std::to_string(
                          std::chrono::duration_cast<std::chrono::seconds>(command_.order.timeout)
                              .count()) +
                      " s; what is here is kept" + (missing.empty() ? "" : "; " + missing),
            now);
}

// Nothing moves, and it is not for lack of holders.
void Fetch::tell_waiting(TimePoint now) {
    if (phase_ != Phase::running || gathered() || told_waiting_ ||
        now - progressed_at_ < waiting_told_after) {
        return;
    }
    told_waiting_ = true;
    deliver(FetchNote{id(), FetchNote::Kind::waiting, name_, {}, missing_words(), {}});
}

void Fetch::cancel(TimePoint now) { give_up(Outcome::cancelled, "stopped", now); }

void Fetch::give_up(Outcome outcome, const std::string& text, TimePoint now) {
    if (phase_ == Phase::over) {
        return;
    }
    if (!folder_ && !transfers_.empty()) {
        done_.kept = verified_;
        done_.saved_as = engine_.wiring.options.downloads + '/' + name_ + ".part";
    }
    for (const auto& [index, key] : transfers_) {
        const auto found = engine_.transfers.find(key);
        if (found != engine_.transfers.end()) {
            gather_times(key, now);
            found->second->stop();
        }
    }
    transfers_.clear();
    engine_.small.forget(this);
    small_running_.clear();
    done_.outcome = outcome;
    done_.text = text;
    finish(now);
}

void Fetch::give_up(const Nobody& nobody, TimePoint now) {
    done_.unreached = nobody.hosts;
    give_up(nobody.outcome, nobody.text, now);
}

void Fetch::finish(TimePoint now) {
    report(now);
    phase_ = Phase::over;
    unpick_hosts();
    engine_.servers.forget(this);
    listing_.reset();
    pending_.reset();
    plan_.reset();
    if (command_.order.explain) {
        done_.times = times(now);
    }
    done_.elapsed = now - began_at_;
    for (const auto& [host, bytes] : shares_) {
        done_.shares.push_back({host, bytes});
    }
    std::sort(
        done_.shares.begin(), done_.shares.end(),
        [](const HostShare& left, const HostShare& right) { return left.bytes > right.bytes; });
    deliver(done_);
}

}  // namespace shoal::peer
