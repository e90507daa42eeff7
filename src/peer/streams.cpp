#include "peer/streams.hpp"

#include <algorithm>

namespace shoal::peer {

namespace {
constexpr unsigned tries_max = 4;  // of a file here that keeps changing
constexpr std::uint64_t room_min = 256 * limits::MiB;
}  // namespace

// Lookups --------------------------------------------------------------------------------------

void Lookups::find(const LookupOrder& order, Understood understood, TimePoint now) {
    const auto same = std::find_if(lookups_.begin(), lookups_.end(), [&](const auto& lookup) {
        return !lookup->over() && lookup->order() == order;
    });
    if (same != lookups_.end()) {
        return (*same)->add(std::move(understood));
    }
    lookups_.push_back(std::make_unique<Lookup>(engine_, told_, order, now));
    lookups_.back()->add(std::move(understood));
}

void Lookups::handle_link(ServerLink& link, TimePoint now) {
    for (auto& lookup : lookups_) {
        lookup->handle_link(link, now);
    }
}

void Lookups::handle_link_lost(ServerLink& link) {
    for (auto& lookup : lookups_) {
        lookup->handle_link_lost(link);
    }
}

void Lookups::handle_name_settled(const std::string& name) {
    for (auto& lookup : lookups_) {
        lookup->handle_name_settled(name);
    }
}

// By index: whoever is told of one may begin another.
void Lookups::drive(TimePoint now) {
    for (std::size_t i = 0; i < lookups_.size(); ++i) {
        lookups_[i]->drive(now);
    }
    std::erase_if(lookups_, [](const auto& lookup) { return lookup->over(); });
}

std::optional<TimePoint> Lookups::next_timeout() const {
    std::optional<TimePoint> next;
    for (const auto& lookup : lookups_) {
        sooner(next, lookup->next_timeout());
    }
    return next;
}

void Lookups::give_up(const Error& error) {
    for (std::size_t i = 0; i < lookups_.size(); ++i) {
        lookups_[i]->give_up(error);
    }
    lookups_.clear();
}

// Streams --------------------------------------------------------------------------------------

void Streams::open(OpenStream order, TimePoint now) {
    const auto shared = std::make_shared<OpenStream>(std::move(order));
    lookups_.find(
        {shared->name, shared->root_prefix},
        [this, shared](const Result<Meaning>& meaning) {
            if (!meaning) {
                shared->callback(meaning.error());
            } else {
                begin(std::move(*shared), *meaning);
            }
        },
        now);
}

void Streams::begin(OpenStream order, const Meaning& meaning) {
    if (meaning.folder) {
        return order.callback(
            Error{ErrorKind::bad_input, "'" + order.name.text() + "' is a folder"});
    }
    if (order.offset > meaning.id.size) {
        return order.callback(Error{
            ErrorKind::bad_input,
            "'" + order.name.text() + "' has only " + std::to_string(meaning.id.size) + " bytes"});
    }
    if (open_here(order, meaning)) {
        return;
    }
    // It was when it was looked up: it is another since, or about to be hashed again.
    if (meaning.here && meaning.holders.empty() && ++order.tries < tries_max) {
        const std::string name = order.name.text();
        return open_again(std::move(order), name);
    }
    if (!meaning.away.empty()) {
        return order.callback(Error{
            ErrorKind::closed, "'" + order.name.text() + "' cannot be had now: " + meaning.away});
    }
    const auto same = std::find_if(fetches_.begin(), fetches_.end(), [&](const auto& fetch) {
        return fetch->id() == meaning.id && !fetch->over();
    });
    if (same != fetches_.end()) {
        return (*same)->add(std::move(order));
    }
    auto fetch = std::make_unique<StreamFetch>(engine_, order.name, meaning, steady_now());
    fetch->add(std::move(order));
    fetches_.push_back(std::move(fetch));
}

// True when all of it is here, or is being looked at again because it was changed.
bool Streams::open_here(OpenStream& order, const Meaning& meaning) {
    const store::Holding held = engine_.wiring.catalog->find(meaning.id);
    if (held.state != store::Holding::State::complete) {
        return false;
    }
    Result<ReadStreamPtr> stream =
        open_local(engine_.wiring, held.file, order.name.text(), order.news);
    if (!stream && stream.error().kind == ErrorKind::changed && ++order.tries < tries_max) {
        open_again(std::move(order), held.file->name.text());
        return true;
    }
    engine_.wiring.cache.with([&](CacheBook& book) { book.touch(held.file->name.text()); });
    order.callback(std::move(stream));
    return true;
}

// When it is known what stands under that name now.
void Streams::open_again(OpenStream order, std::string name) {
    engine_.wiring.keeper.post(HashFirst{std::move(name)});
    changed_.push_back(std::move(order));
}

void Streams::handle_name_settled(const std::string&, TimePoint now) {
    for (OpenStream& order : std::exchange(changed_, {})) {
        open(std::move(order), now);
    }
}

void Streams::drive(TimePoint now) {
    for (std::size_t i = 0; i < fetches_.size(); ++i) {
        fetches_[i]->drive(now);
    }
    std::erase_if(fetches_, [](const auto& fetch) { return fetch->over(); });
    if (grant_room()) {
        drive(now);
    }
}

// What streams have under way lies on the disk beside the cache: no more of it than the cache may
// hold, but a small number of bytes or one file always. First come, first served; true if anybody
// was.
bool Streams::grant_room() {
    const std::uint64_t most = std::max(engine_.wiring.options.cache_size, room_min);
    std::uint64_t used = 0;
    for (const auto& fetch : fetches_) {
        used += fetch->room();
    }
    bool granted = false;
    for (const auto& fetch : fetches_) {
        const std::uint64_t wanted = fetch->wanted_room();
        if (wanted > 0 && (used == 0 || (used <= most && wanted <= most - used))) {
            fetch->grant();
            used += wanted;
            granted = true;
        }
    }
    return granted;
}

std::optional<TimePoint> Streams::next_timeout() const {
    std::optional<TimePoint> next;
    for (const auto& fetch : fetches_) {
        sooner(next, fetch->next_timeout());
    }
    return next;
}

void Streams::give_up(const Error& error) {
    for (const OpenStream& order : std::exchange(changed_, {})) {
        order.callback(error);
    }
    for (auto& fetch : fetches_) {
        fetch->give_up(error);
    }
    fetches_.clear();
}

}  // namespace shoal::peer
