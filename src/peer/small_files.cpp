#include "peer/small_files.hpp"

#include <algorithm>
#include <array>

#include "shoal/integrity/merkle.hpp"

namespace shoal::peer {

namespace {

constexpr Duration patience = 2s;          // of silence; then another host is asked
constexpr Duration save_again_every = 1s;  // while the disk is full
constexpr Duration busy_rest_first = 200ms;
constexpr Duration busy_rest_most = 2s;
constexpr std::size_t requests_per_link = 128;
constexpr std::size_t bytes_per_link = 2 * limits::MiB;

LeafRun whole(const integrity::FileId& id) {
    return {{0}, static_cast<std::uint32_t>(integrity::Geometry(id.size).leaf_count())};
}

}  // namespace

void SmallFiles::add(Order order) {
    const std::uint64_t key = next_key_++;
    Item& item = items_.emplace(key, Item(std::move(order))).first->second;
    if (item.order.id.size == 0) {
        save(key, item, {});
    } else {
        queue_.push_back(key);
    }
}

void SmallFiles::forget(const FileListener* listener, std::optional<std::size_t> index) {
    for (auto entry = items_.begin(); entry != items_.end();) {
        Item& item = entry->second;
        if (item.order.listener != listener || (index && item.order.index != *index)) {
            ++entry;
            continue;
        }
        if (item.state == State::asked) {
            if (ServerLink* link = servers_.usable(item.asked)) {
                link->cancel(item.wire_id);
            }
            unload(item);
        }
        waiting_for_room_.erase(entry->first);
        entry = items_.erase(entry);
    }
}

// Asking ---------------------------------------------------------------------------------------

bool SmallFiles::has_room(const Load& load, TimePoint now) {
    return load.requests < requests_per_link && load.bytes < bytes_per_link &&
           now >= load.rests_until;
}

// Of the holders with room, the one that owes least; a late one only when all are.
SmallFiles::Choice SmallFiles::choose(const Item& item, TimePoint now) {
    Choice choice;
    for (const SourceId source : item.order.holders) {
        ServerLink* link = servers_.usable(source);
        if (link == nullptr || item.useless.contains(source)) {
            continue;
        }
        const Load& load = load_[source];
        choice.anybody = true;
        if (load.late && choice.in_time) {
            continue;
        }
        if (!load.late && !std::exchange(choice.in_time, true)) {
            choice.link = nullptr;
        }
        const bool less = choice.link == nullptr || load.bytes < load_[choice.link->id].bytes;
        choice.link = has_room(load, now) && less ? link : choice.link;
    }
    return choice;
}

void SmallFiles::drive(TimePoint now) {
    driven_at_ = now;
    look_at_deadlines(now);
    if (!waiting_for_room_.empty() && now >= save_again_at_) {
        save_again_at_ = now + save_again_every;
        for (auto& [key, bytes] : std::exchange(waiting_for_room_, {})) {
            save(key, items_.at(key), std::move(bytes));
        }
    }
    const auto links = servers_.usable();
    auto open = std::count_if(links.begin(), links.end(), [&](const ServerLink* link) {
        return has_room(load_[link->id], now);
    });
    for (std::size_t left = queue_.size(); left > 0 && (open > 0 || links.empty()); --left) {
        const std::uint64_t key = queue_.front();
        queue_.pop_front();
        const auto entry = items_.find(key);
        if (entry == items_.end() || entry->second.state != State::queued) {
            continue;
        }
        const Choice choice = choose(entry->second, now);
        if (!choice.anybody) {
            park(key, entry->second);
        } else if (choice.link == nullptr) {
            queue_.push_back(key);  // its holders have enough to do; those of others may not
        } else {
            ask(key, entry->second, *choice.link, now);
            open -= has_room(load_[choice.link->id], now) ? 0 : 1;
        }
    }
}

void SmallFiles::ask(std::uint64_t key, Item& item, ServerLink& link, TimePoint now) {
    item.state = State::asked;
    item.asked = link.id;
    item.deadline = now + patience;
    item.wire_id = link.request(item.order.id, whole(item.order.id), false, *this, key);
    Load& load = load_[link.id];
    ++load.requests;
    load.bytes += item.order.id.size;
    deadlines_.emplace_back(item.deadline, key);
}

void SmallFiles::unload(Item& item) {
    Load& load = load_[item.asked];
    load.requests -= std::min<std::size_t>(load.requests, 1);
    load.bytes -= std::min<std::size_t>(load.bytes, item.order.id.size);
}

void SmallFiles::requeue(std::uint64_t key, Item& item) {
    item.state = State::queued;
    queue_.push_back(key);
}

// Nobody is left to ask. Every connected host is asked whether it has it by now.
void SmallFiles::park(std::uint64_t key, Item& item) {
    item.state = State::parked;
    item.order.listener->file_note(
        item.order.index, FetchNote::Kind::parked, {},
        item.saw_liar ? "what was sent does not verify, and nobody else has it"
        : item.disk_failed.empty()
            ? "no connected host has it; it goes on when one comes back"
            : "the disk of " + item.disk_failed + " cannot read it, and nobody else has it");
    for (ServerLink* link : servers_.usable()) {
        if (!item.useless.contains(link->id)) {
            ask_who_has(key, item, *link);
        }
    }
}

void SmallFiles::ask_who_has(std::uint64_t key, Item& item, ServerLink& link) {
    link.ask(query_of(item.order.name.text()), this,
             [this, key](ServerLink& from, const Reply& reply, TimePoint) {
                 const auto entry = items_.find(key);
                 if (entry == items_.end() || !reply.is(protocol::ServerType::file) ||
                     reply.status() != protocol::Status::ok || reply.message->held == 0) {
                     return;
                 }
                 Item& waiting = entry->second;
                 const integrity::FileId id{reply.message->fileSize, reply.message->digest};
                 if (id == waiting.order.id && waiting.state == State::parked) {
                     waiting.order.holders.push_back(from.id);
                     requeue(key, waiting);
                 }
             });
}

void SmallFiles::handle_link(ServerLink& link) {
    for (auto& [key, item] : items_) {
        if (item.state == State::parked) {
            ask_who_has(key, item, link);
        }
    }
}

void SmallFiles::handle_link_lost(ServerLink& link) { load_.erase(link.id); }

bool SmallFiles::has_other_holder(const Item& item) {
    const auto& holders = item.order.holders;
    return std::any_of(holders.begin(), holders.end(), [&](SourceId source) {
        return source != item.asked && !item.useless.contains(source) &&
               servers_.usable(source) != nullptr;
    });
}

// Who has been silent for that long is asked no more for this file, if another has it; the
// bytes may still come. A slow one that sends is left alone.
void SmallFiles::look_at_deadlines(TimePoint now) {
    while (!deadlines_.empty() && deadlines_.front().first <= now) {
        const auto [deadline, key] = deadlines_.front();
        deadlines_.pop_front();
        const auto entry = items_.find(key);
        if (entry == items_.end() || entry->second.deadline != deadline) {
            continue;
        }
        Item& item = entry->second;
        if (item.state == State::doubted) {
            blame(key, item);
        } else if (item.state == State::resting) {
            requeue(key, item);
        }
        if (item.state != State::asked) {
            continue;
        }
        Load& load = load_[item.asked];
        load.late = now - load.heard >= patience;
        if (!load.late || !has_other_holder(item)) {
            item.deadline = now + patience;
            deadlines_.emplace_back(item.deadline, key);
            continue;
        }
        if (ServerLink* link = servers_.usable(item.asked)) {
            link->cancel(item.wire_id);
        }
        unload(item);
        item.useless.insert(item.asked);
        requeue(key, item);
    }
}

std::optional<TimePoint> SmallFiles::next_timeout() const {
    std::optional<TimePoint> next;
    if (!deadlines_.empty()) {
        next = deadlines_.front().first;
    }
    if (!waiting_for_room_.empty()) {
        sooner(next, save_again_at_);
    }
    for (const auto& [source, load] : load_) {
        if (!queue_.empty() && load.rest > Duration{0} && load.rests_until > driven_at_) {
            sooner(next, load.rests_until);
        }
    }
    return next;
}

bool SmallFiles::parked(const FileListener* listener) const {
    return std::any_of(items_.begin(), items_.end(), [listener](const auto& entry) {
        return entry.second.order.listener == listener && entry.second.state == State::parked;
    });
}

// Answers --------------------------------------------------------------------------------------

void SmallFiles::handle_data(ServerLink& link, std::uint64_t token, LeafRun, std::uint32_t offset,
                             std::span<const std::uint8_t> bytes, bool, TimePoint now) {
    const auto entry = items_.find(token);
    const bool wanted = entry != items_.end() && (entry->second.state == State::asked ||
                                                  entry->second.state == State::queued);
    // A small file fits one slice, so it never comes in parts.
    if (!wanted || offset != 0 || bytes.size() != entry->second.order.id.size) {
        wiring_.figures.unwanted_data += bytes.size();
        return;
    }
    Item& item = entry->second;
    Load& load = load_[link.id];
    load.heard = now;
    load.late = false;
    load.rest = Duration{0};
    if (item.state == State::asked) {
        unload(item);
        ServerLink* other = item.asked == link.id ? nullptr : servers_.usable(item.asked);
        if (other != nullptr) {
            other->cancel(item.wire_id);
        }
    }
    const integrity::Geometry geometry(item.order.id.size);
    std::array<integrity::Digest, limits::chunk_size_min / limits::leaf_size> digests;
    const auto leaves = std::span(digests).first(geometry.leaf_count());
    integrity::hash_leaves(bytes, leaves);
    if (integrity::chunk_hash(leaves, geometry) != item.order.id.root) {
        return doubt(token, item, link, now);
    }
    item.order.listener->file_received(link.host, bytes.size());
    item.order.listener->file_verified(item.order.index, bytes.size(), now);
    item.order.listener->file_content(item.order.index, bytes);
    save(token, item, {bytes.begin(), bytes.end()});
}

// Whatever the server answers to another question comes after its word that the data is stale.
void SmallFiles::doubt(std::uint64_t key, Item& item, ServerLink& link, TimePoint now) {
    item.state = State::doubted;
    item.asked = link.id;
    item.deadline = now + patience;
    deadlines_.emplace_back(item.deadline, key);
    protocol::clientMessage question;
    question.type = static_cast<std::uint16_t>(protocol::ClientType::status);
    link.ask(question, this, [this, key](ServerLink& from, const Reply&, TimePoint) {
        const auto entry = items_.find(key);
        if (entry != items_.end() && entry->second.state == State::doubted &&
            entry->second.asked == from.id) {
            blame(key, entry->second);
        }
    });
}

void SmallFiles::blame(std::uint64_t key, Item& item) {
    item.useless.insert(item.asked);
    const ServerLink* link = servers_.find(item.asked);
    if (link != nullptr && link->phase() != ServerLink::Phase::dead) {
        item.saw_liar = true;
        item.order.listener->file_note(item.order.index, FetchNote::Kind::bad_source, link->host,
                                       link->host + " sent bytes that do not verify");
    }
    requeue(key, item);
}

// It may be the only holder, and a disk may come back.
void SmallFiles::rest(std::uint64_t key, Item& item, const ServerLink& link, TimePoint now) {
    item.state = State::resting;
    item.deadline = now + patience;
    deadlines_.emplace_back(item.deadline, key);
    if (!std::exchange(item.saw_fault, true)) {
        item.order.listener->file_note(
            item.order.index, FetchNote::Kind::waiting, link.host,
            "the disk of " + link.host + " has failed; it is asked again");
    }
}

void SmallFiles::handle_refusal(ServerLink& link, std::uint64_t token, protocol::Status why,
                                TimePoint now) {
    const auto entry = items_.find(token);
    const bool doubted = entry != items_.end() && entry->second.state == State::doubted;
    if (entry == items_.end() || (entry->second.state != State::asked && !doubted) ||
        entry->second.asked != link.id) {
        return;
    }
    if (!doubted) {
        unload(entry->second);
    }
    Item& item = entry->second;
    if (why == protocol::Status::io_error) {
        item.disk_failed = link.host;
        if (!has_other_holder(item)) {
            return rest(token, item, link, now);
        }
    }
    if (why != protocol::Status::busy) {
        item.useless.insert(link.id);
    } else if (Load& load = load_[link.id]; now >= load.rests_until) {
        load.rest = std::clamp(2 * load.rest, busy_rest_first, busy_rest_most);
        load.rests_until = now + load.rest;
    }
    if (why != protocol::Status::busy && why != protocol::Status::closing &&
        why != protocol::Status::cancelled) {
        item.order.listener->file_note(
            item.order.index, FetchNote::Kind::source_lost, link.host,
            link.host + " is not used for this file: " + refusal_text(why));
    }
    requeue(token, item);
}

void SmallFiles::save(std::uint64_t key, Item& item, std::vector<std::uint8_t> bytes) {
    item.state = State::saving;
    wiring_.keeper.post(
        SaveSmall{key,
                  {item.order.name, item.order.id, std::move(bytes), item.order.mtime},
                  item.order.rename_on_clash,
                  item.order.cached});
}

void SmallFiles::handle_saved(const FileSaved& saved, TimePoint now) {
    const auto entry = items_.find(saved.key);
    if (entry == items_.end()) {
        return;
    }
    if (saved.status) {
        return finish(saved.key, {Outcome::done, saved.saved_as, {}}, now);
    }
    const Error& error = saved.status.error();
    if (error.kind == ErrorKind::no_space) {
        // The keeper gives the bytes back with its refusal.
        entry->second.order.listener->file_note(entry->second.order.index, FetchNote::Kind::parked,
                                                {},
                                                "the disk is full; it goes on when there is room");
        save_again_at_ = now + save_again_every;
        waiting_for_room_[saved.key] = saved.bytes;
        return;
    }
    finish(saved.key,
           {error.kind == ErrorKind::exists ? Outcome::exists : Outcome::failed,
            {},
            error.message,
            error.kind == ErrorKind::changed},
           now);
}

void SmallFiles::finish(std::uint64_t key, FileResult result, TimePoint now) {
    const auto item = items_.extract(key);
    const Order& order = item.mapped().order;
    order.listener->file_done(order.index, std::move(result), now);
}

}  // namespace shoal::peer
