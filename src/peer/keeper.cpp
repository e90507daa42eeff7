#include "peer/keeper.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>

#include "shoal/base/log.hpp"
#include "shoal/base/text.hpp"

namespace shoal::peer {

namespace {
Error came_meanwhile(const store::SafePath& name) {
    return {ErrorKind::changed,
            "a file called '" + text::escape(name.text()) + "' was put there meanwhile"};
}
constexpr Duration sync_every = 1s;
constexpr std::size_t asked_names_max = 131'072;        // more than all clients may wait for
constexpr std::uint64_t help_batch = 32 * limits::MiB;  // some 10 ms of hashing
}  // namespace

Keeper::Keeper(Wiring& wiring, store::Store& store, Fd signals, const FrontEnd& front)
    : wiring_(wiring),
      store_(store),
      edits_(wiring, store),
      cache_(wiring, store),
      signals_(std::move(signals)),
      front_(front) {}

int Keeper::run(std::size_t threads, std::span<Service* const> services) {
    running_ = threads;
    services_.assign(services.begin(), services.end());
    bool ok = poller_.watch(wiring_.keeper.fd(), true, false).ok() &&
              poller_.watch(signals_.get(), true, false).ok();
    if (store_.watch_fd() >= 0) {
        ok = ok && poller_.watch(store_.watch_fd(), true, false).ok();
    }
    if (store_.mounts_fd() >= 0) {
        ok = ok && poller_.watch_exceptions(store_.mounts_fd()).ok();
    }
    if (!ok) {
        log::error("main cannot watch its descriptors: too many files are open");
        exit_code_ = static_cast<int>(Outcome::failed);
        stop_services();
        stop_all(wiring_);
    }
    while (running_ > 0 || services_running()) {
        TimePoint now = steady_now();
        bool more_work = edits_.work();
        more_work |= proofs_.work(now);
        more_work |= (!exit_code_ || services_running()) && store_.work(now);
        tell_settled();
        tell_changed();
        if (auto notes = store_.take_notes()) {
            *wiring_.figures.store.lock() = std::move(*notes);
        }
        sync_partials(now);
        cache_.save(now);
        const auto wait = more_work ? std::optional<Duration>(Duration::zero()) : timeout(now);
        const std::vector<net::Ready> ready_now = poller_.wait(wait);
        now = steady_now();
        for (const net::Ready& ready : ready_now) {
            if (ready.fd == wiring_.keeper.fd()) {
                take_mail(now);
            } else if (ready.fd == signals_.get()) {
                take_signals();
            } else if (ready.fd == store_.watch_fd()) {
                store_.handle_watch(now);
            } else if (ready.fd == store_.mounts_fd()) {
                store_.handle_mounts(now);
            }
        }
    }
    take_mail(steady_now());  // what the threads left behind
    cache_.save(steady_now(), true);
    if (const Status saved = store_.save_index(); !saved) {
        log::warning(saved.error().message);
    }
    return exit_code_.value_or(static_cast<int>(Outcome::failed));
}

void Keeper::take_mail(TimePoint) {
    std::vector<SaveSmall> small;
    std::set<store::SafePath> names;  // of those
    for (KeeperMail& mail : wiring_.keeper.take()) {
        std::visit(Overloaded{
                       [&](HashFirst& order) { hash_first(order.name); },
                       [&](LookAgain& order) { store_.look_again(order.where, order.name); },
                       [&](OpenPartial& order) { open_partial(std::move(order)); },
                       [&](FinishPartial& order) { finish_partial(order); },
                       [&](ClosePartial& order) { close_partial(order); },
                       [&](SaveSmall& order) {
                           // In a batch each name stands once; the second finds the first saved.
                           if (!names.insert(order.file.name).second) {
                               save_small(std::exchange(small, {}));
                               names = {order.file.name};
                           }
                           small.push_back(std::move(order));
                       },
                       [&](HelpHash&) { help_hash(); },
                       [&](MakeRoom& order) { (void)cache_.give_way(order.bytes); },
                       [&](DropPartial& order) { drop_partial(order); },
                       [&](KeepPartial& order) { cache_.keep(order); },
                       [&](ThreadEnded& ended) { thread_ended(ended); },
                       [&](ServiceEnded& ended) { service_ended(ended); },
                       [&](Finish& order) { finish(order.exit_code); },
                       [&](EditMail& order) { edits_.take(std::move(order)); },
                   },
                   mail);
    }
    if (!small.empty()) {
        save_small(std::move(small));
    }
}

// Ending ---------------------------------------------------------------------------------------

void Keeper::stop_all(Wiring& wiring) {
    wiring.connector.post(Stop{});
    wiring.listener.post(Stop{});
    wiring.reader.post(Stop{});
    wiring.requester.post(Stop{});
}

void Keeper::thread_ended(const ThreadEnded& ended) {
    --running_;
    if (!ended.why.empty()) {
        log::error("the " + ended.thread + " thread failed: " + ended.why);
        if (!exit_code_ || *exit_code_ == 0) {
            exit_code_ = static_cast<int>(Outcome::failed);
        }
        stop_services();
        stop_all(wiring_);
    }
}

bool Keeper::services_running() const {
    return std::any_of(services_.begin(), services_.end(),
                       [](const Service* service) { return service != nullptr; });
}

void Keeper::stop_services() {
    if (!std::exchange(services_stopped_, true)) {
        for (Service* service : services_) {
            if (service != nullptr) {
                service->stop();
            }
        }
    }
}

// Services drain first: what they have begun needs the threads.
void Keeper::finish(int exit_code) {
    exit_code_ = exit_code_.value_or(exit_code);
    stop_services();
    if (!services_running()) {
        stop_all(wiring_);
    }
}

void Keeper::service_ended(const ServiceEnded& ended) {
    services_[ended.index] = nullptr;
    if (!ended.why.empty()) {
        log::error(ended.why);
        finish(static_cast<int>(Outcome::failed));
    } else if (exit_code_) {
        finish(*exit_code_);
    }
}

// The first is the front end's to answer; a second ends the process at once. What is on the
// disk is good at any moment.
void Keeper::take_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        const int number = static_cast<int>(info.ssi_signo);
        if (number == SIGHUP && front_.reloads_on_hangup()) {
            reload();
            continue;
        }
        const bool ends = number != SIGINT || !front_.outlives_interrupt();
        if (ends && ++stop_signals_ > 1) {
            ::_exit(128 + number);
        }
        wiring_.requester.post(Signal{number});
    }
}

// What SIGHUP means to a service: files that the options name are read anew. Nothing is dropped
// for it: neither a connection nor a transfer.
void Keeper::reload() {
    if (exit_code_) {
        return;
    }
    if (const Status opened = log::reopen_file(); !opened) {
        log::warning(opened.error().message + "; the log goes on where it was");
    }
    wiring_.connector.post(Reload{});
    for (Service* service : services_) {
        if (service != nullptr) {
            service->reload();
        }
    }
    log::info("SIGHUP: the log is opened and the files of hosts and users are read anew");
}

// Hashing --------------------------------------------------------------------------------------

void Keeper::hash_first(const std::string& name) {
    store_.hash_first(name);
    if (asked_names_.size() >= asked_names_max) {  // who asked for what is not here may have gone
        std::erase_if(asked_names_, [this](const std::string& asked) {
            return wiring_.catalog->find(asked).state == store::Holding::State::absent;
        });
    }
    asked_names_.insert(name);
    tell_if_settled(name);
}

void Keeper::tell_settled() {
    for (const std::string& name : wiring_.catalog->take_settled()) {
        tell_if_settled(name);
    }
    const std::size_t unknown = wiring_.catalog->unknown_count();
    if (std::exchange(unknown_, unknown) > unknown) {  // what was asked for may be known now
        for (const std::string& name : std::set(asked_names_)) {
            tell_if_settled(name);
        }
    }
}

void Keeper::tell_if_settled(const std::string& name) {
    const store::Catalog& catalog = *wiring_.catalog;
    const auto pending = [](const store::Holding& holding) {
        return holding.state == store::Holding::State::pending;
    };
    const store::Holding here = catalog.find(name);
    const bool unknown = here.state == store::Holding::State::absent && !catalog.knows(name);
    if (asked_names_.contains(name) && !unknown && !pending(here) &&
        !pending(catalog.find_in(store::Where::downloads, name))) {
        asked_names_.erase(name);
        wiring_.reader.post(NameSettled{name});
        wiring_.requester.post(NameSettled{name});
    }
}

void Keeper::tell_changed() {
    std::vector<integrity::FileId> ids = wiring_.catalog->take_changed();
    if (!ids.empty()) {
        wiring_.reader.post(ContentChanged{std::move(ids)});
    }
}

// Downloads ------------------------------------------------------------------------------------

void Keeper::open_partial(OpenPartial order) {
    auto partial =
        store_.open_partial(order.name, order.id, order.chunk_hashes, order.rename_on_clash);
    while (!partial && partial.error().kind == ErrorKind::no_space &&
           cache_.give_way(order.id.size)) {
        partial =
            store_.open_partial(order.name, order.id, order.chunk_hashes, order.rename_on_clash);
    }
    if (!partial) {
        return wiring_.requester.post(PartialOpened{order.transfer, std::move(partial)});
    }
    prove(order.transfer, std::move(*partial),
          [this, transfer = order.transfer](const Proofs::PartialPtr& proven) {
              partials_.push_back(proven);
              announce_kept(*proven);
              wiring_.requester.post(PartialOpened{transfer, proven});
          });
}

void Keeper::prove(std::uint64_t transfer, Proofs::PartialPtr partial,
                   std::function<void(const Proofs::PartialPtr&)> then) {
    proofs_.add(transfer, std::move(partial), std::move(then), [this, transfer](double done) {
        wiring_.requester.post(PartialProving{transfer, done});
    });
}

void Keeper::close_partial(const ClosePartial& order) {
    const Proofs::PartialPtr proving = proofs_.cancel(order.transfer);
    const Proofs::PartialPtr& partial = order.partial ? order.partial : proving;
    if (!partial) {
        return;
    }
    if (const Status closed = store_.close_partial(partial); !closed) {
        log::warning(closed.error().message);
    }
}

// Whoever subscribed before can fetch at once what an earlier try left here.
void Keeper::announce_kept(const store::PartialFile& partial) {
    const Bitmap held = partial.held();
    for (std::size_t first = 0; first < held.size(); ++first) {
        std::size_t end = first;
        while (end < held.size() && held.test(end)) {
            ++end;
        }
        if (end > first) {
            wiring_.reader.post(Have{partial.id(), ChunkIndex{static_cast<std::uint32_t>(first)},
                                     static_cast<std::uint32_t>(end - first)});
            first = end;
        }
    }
}

void Keeper::drop_partial(const DropPartial& order) {
    std::erase_if(partials_, [&](const auto& weak) { return weak.lock() == order.partial; });
    store_.drop_partial(order.partial);
}

// What others may have written to is hashed again first, and not named if it is not right.
void Keeper::finish_partial(const FinishPartial& order) {
    if (!store_.must_be_proven(*order.partial)) {
        return name_partial(order);
    }
    order.partial->begin_proving_held();
    prove(order.transfer, order.partial, [this, order](const Proofs::PartialPtr& partial) {
        if (partial->resumed().lost_bytes == 0) {
            return name_partial(order);
        }
        const Error error{ErrorKind::changed,
                          "another program has written to '" + text::escape(partial->part_path()) +
                              "' while it was being downloaded: " +
                              text::size(partial->resumed().lost_bytes) + " are not right"};
        wiring_.requester.post(FileSaved{order.transfer, false, error, {}, {}});
    });
}

void Keeper::name_partial(const FinishPartial& order) {
    store::SafePath name = order.partial->name();
    const bool cached = order.cached && cache_.expect(name, order.partial->id());
    Status finished = store_.finish(order.partial, name, order.mtime);
    while (!finished && finished.error().kind == ErrorKind::exists && order.rename_on_clash) {
        Result<store::SafePath> free = store_.free_name(order.partial->name());
        if (!free) {
            finished = free.error();
            break;
        }
        name = *free;
        finished = store_.finish(order.partial, name, order.mtime);
    }
    if (cached) {
        cache_.settle(name, order.partial->id(), finished.ok());
    }
    if (!finished && finished.error().kind == ErrorKind::exists &&
        may_be_same(name, order.partial->id())) {
        finished = came_meanwhile(name);
    }
    wiring_.requester.post(FileSaved{order.transfer, false, finished, name.text(), {}});
}

// What took the name while the file was on its way, as when another process fetched it, too, may
// have the same content: that is known, or main hashes it.
bool Keeper::may_be_same(const store::SafePath& name, const integrity::FileId& id) {
    store_.look_again(store::Where::downloads, name);
    const auto there = wiring_.catalog->find_in(store::Where::downloads, name.text());
    return (there.state == store::Holding::State::complete && there.file->id == id) ||
           (there.state == store::Holding::State::pending && there.pending.size == id.size);
}

void Keeper::save_small(std::vector<SaveSmall> batch) {
    std::vector<store::SmallFile> files;
    files.reserve(batch.size());
    for (SaveSmall& order : batch) {
        order.cached = order.cached && cache_.expect(order.file.name, order.file.id);
        files.push_back(std::move(order.file));
    }
    std::vector<Status> saved = store_.save_small(files);
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const bool in_place = saved[i].ok();  // else what stands there is somebody else's
        while (!saved[i] && saved[i].error().kind == ErrorKind::no_space &&
               cache_.give_way(files[i].id.size)) {
            saved[i] = store_.save_small(std::span(&files[i], 1)).front();
        }
        if (!saved[i] && saved[i].error().kind == ErrorKind::exists) {
            save_elsewhere(files[i], saved[i], batch[i].rename_on_clash);
        }
        if (batch[i].cached) {
            cache_.settle(files[i].name, files[i].id, in_place);
        }
        FileSaved answer{batch[i].item, true, saved[i], files[i].name.text(), {}};
        if (!saved[i] && saved[i].error().kind == ErrorKind::no_space) {
            answer.bytes = std::move(files[i].bytes);
        }
        wiring_.requester.post(std::move(answer));
    }
}

// Something stands there. The same content, as when two orders asked for it at once, will do.
void Keeper::save_elsewhere(store::SmallFile& file, Status& saved, bool rename_on_clash) {
    const store::SafePath wanted = file.name;
    const auto here = wiring_.catalog->find_in(store::Where::downloads, wanted.text());
    if (here.state == store::Holding::State::complete && here.file->id == file.id) {
        saved = {};
        return;
    }
    if (!rename_on_clash && may_be_same(wanted, file.id)) {
        saved = came_meanwhile(wanted);
        return;
    }
    while (!saved && saved.error().kind == ErrorKind::exists && rename_on_clash) {
        Result<store::SafePath> free = store_.free_name(wanted);
        if (!free) {
            saved = free.error();
            return;
        }
        file.name = *free;
        saved = store_.save_small(std::span(&file, 1)).front();
    }
}

// A batch at a time: other orders wait behind it.
void Keeper::help_hash() {
    std::uint64_t hashed = 0;
    while (hashed < help_batch) {
        std::optional<Check> check = wiring_.checks.take();
        if (!check) {
            break;
        }
        hashed += check->bytes();
        wiring_.requester.post(perform(std::move(*check), scratch_));
    }
    wiring_.checks.help_ends();
}

// What was verified is journaled within a second or so.
void Keeper::sync_partials(TimePoint now) {
    if (now < next_sync_) {
        return;
    }
    next_sync_ = now + sync_every;
    std::erase_if(partials_, [](const auto& weak) {
        const std::shared_ptr<store::PartialFile> partial = weak.lock();
        if (!partial) {
            return true;
        }
        const Status synced = partial->sync();
        if (!synced) {
            log::warning(synced.error().message);
        }
        // A full disk may have room again; after anything else each call fails, as finishing will.
        return !synced && synced.error().kind != ErrorKind::no_space;
    });
}

std::optional<Duration> Keeper::timeout(TimePoint now) const {
    std::optional<TimePoint> next = store_.next_timeout();
    if (!partials_.empty()) {
        next = next ? std::min(*next, next_sync_) : next_sync_;
    }
    if (const auto save = cache_.next_timeout()) {
        next = next ? std::min(*next, *save) : *save;
    }
    return next ? std::optional(std::max(*next - now, Duration::zero())) : std::nullopt;
}

}  // namespace shoal::peer
