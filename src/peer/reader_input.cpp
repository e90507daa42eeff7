// The reader's other half: what clients say.
#include "peer/answers.hpp"
#include "peer/reader.hpp"
#include "shoal/base/log.hpp"
#include "shoal/base/random.hpp"
#include "shoal/net/socket.hpp"

namespace shoal::peer {

namespace {

using protocol::clientMessage;
using protocol::ClientType;

// Names being hashed that one client may wait for.
constexpr std::uint32_t waiting_queries_max = 256;

integrity::Digest random_digest() {
    integrity::Digest digest;
    random_bytes(digest.bytes);
    return digest;
}

}  // namespace

bool Reader::receive_from(ClientLink& link, TimePoint now) {
    if (link.input_waits || !link.wants_to_read()) {
        return true;
    }
    const net::Transfer received = net::receive(link.fd(), link.frames.space());
    if (received.state != net::Transfer::State::moved) {
        return received.state == net::Transfer::State::would_block;
    }
    link.frames.commit(received.bytes);
    return read_frames(link, now);
}

bool Reader::read_frames(ClientLink& link, TimePoint now) {
    link.input_waits = false;
    while (link.phase != ClientLink::Phase::lingering) {
        if (!link.wants_to_read()) {
            link.input_waits = true;
            return true;
        }
        auto frame = link.frames.next();
        if (!frame) {
            break;
        }
        if (!*frame) {
            ++wiring_.figures.bad_messages;
            log::info(link.address.to_string() + ": " + frame->error().message);
            turn_away(link, 0, protocol::Status::bad_request, frame->error().message, now);
            break;
        }
        const auto& [message, raw] = **frame;
        if (is_long_work(link, message)) {
            link.deferred = **frame;
            deferred_.push_back(link.key);
            return true;
        }
        if (!handle(link, message, raw, now)) {
            return false;
        }
    }
    if (link.phase == ClientLink::Phase::lingering) {
        link.frames = protocol::ClientFrames();  // whatever still comes is thrown away
    }
    link.frames.release_idle();
    return true;
}

// Those who took their answers meanwhile.
void Reader::take_up_input(TimePoint now) {
    std::vector<swarm::ClientKey> ready;
    for (const auto& [key, link] : busy_) {
        if (link->input_waits && link->wants_to_read()) {
            ready.push_back(key);
        }
    }
    for (const swarm::ClientKey key : ready) {
        ClientLink* link = attend(key);
        if (link != nullptr && !read_frames(*link, now)) {
            remove(key);
        }
    }
}

// A chunk that must be read and hashed takes milliseconds: one a turn, in the order of arrival,
// so that many of them hold up nobody's data.
bool Reader::is_long_work(const ClientLink& link, const clientMessage& message) {
    return link.phase == ClientLink::Phase::ready &&
           message.type == static_cast<std::uint16_t>(ClientType::leaf_hashes);
}

void Reader::handle_deferred(TimePoint now) {
    if (deferred_.empty()) {
        return;
    }
    ClientLink* link = attend(deferred_.front());
    deferred_.pop_front();
    if (link == nullptr) {
        return;
    }
    const auto [message, raw] = *std::exchange(link->deferred, std::nullopt);
    if (!handle(*link, message, raw, now) || !read_frames(*link, now)) {
        remove(link->key);
    }
}

bool Reader::handle(ClientLink& link, const clientMessage& message,
                    const protocol::ClientBytes& raw, TimePoint now) {
    switch (link.phase) {
        case ClientLink::Phase::hello:
            return handle_hello(link, message, now);
        case ClientLink::Phase::proof:
            if (!link.session.open(raw)) {
                ++wiring_.figures.bad_messages;
                turn_away(link, message.id, protocol::Status::not_let_in, "wrong proof", now);
                return true;
            }
            return handle_proof(link, message, now);
        case ClientLink::Phase::ready:
            if (!link.session.open(raw)) {
                ++wiring_.figures.bad_messages;
                return false;  // injected or replayed: nothing to say to whoever did it
            }
            handle_question(link, message, now);
            return true;
        case ClientLink::Phase::lingering:
            break;
    }
    return true;
}

void Reader::linger(ClientLink& link, TimePoint now) {
    link.phase = ClientLink::Phase::lingering;
    link.phase_since = now;
}

void Reader::turn_away(ClientLink& link, std::uint64_t id, protocol::Status status,
                       std::string_view why, TimePoint now) {
    if (status == protocol::Status::not_let_in) {
        link.session = protocol::Session();  // who has no key can read it all the same
    }
    link.answer(id, status, why);
    linger(link, now);
}

bool Reader::handle_hello(ClientLink& link, const clientMessage& message, TimePoint now) {
    if (message.type != static_cast<std::uint16_t>(ClientType::hello)) {
        turn_away(link, message.id, protocol::Status::bad_request, "a hello comes first", now);
        return true;
    }
    const bool has_secret = wiring_.identity.secret.present();
    protocol::serverMessage hello;
    hello.type = static_cast<std::uint16_t>(protocol::ServerType::hello);
    hello.id = message.id;
    hello.version = protocol::version;
    hello.nodeId = wiring_.identity.node;
    hello.port = wiring_.identity.port;
    hello.digest = random_digest();
    hello.flags = has_secret ? protocol::flag_authenticated : std::uint16_t{0};
    if (message.version != protocol::version) {
        hello.status = static_cast<std::uint16_t>(protocol::Status::unknown_version);
        link.send(hello);
        linger(link, now);
        return true;
    }
    if (has_secret != ((message.flags & protocol::flag_authenticated) != 0)) {
        turn_away(link, message.id, protocol::Status::not_let_in,
                  has_secret ? "this host asks for a secret" : "this host has no secret", now);
        return true;
    }
    link.hello = message;
    link.send(hello);
    if (!has_secret) {
        let_in(link, now);
        return true;
    }
    link.session = protocol::Session(wiring_.identity.secret, protocol::facts_of(message, hello));
    link.phase = ClientLink::Phase::proof;  // phase_since stays: the deadline is for both steps
    return true;
}

bool Reader::handle_proof(ClientLink& link, const clientMessage& message, TimePoint now) {
    if (message.type != static_cast<std::uint16_t>(ClientType::proof) ||
        !link.session.is_client_proof(message.digest)) {
        ++wiring_.figures.bad_messages;
        turn_away(link, message.id, protocol::Status::not_let_in, "wrong proof", now);
        return true;
    }
    protocol::serverMessage proof;
    proof.type = static_cast<std::uint16_t>(protocol::ServerType::answer);
    proof.id = message.id;
    proof.digest = link.session.server_proof();
    link.send(proof);
    let_in(link, now);
    return true;
}

void Reader::let_in(ClientLink& link, TimePoint now) {
    link.phase = ClientLink::Phase::ready;
    link.phase_since = now;
    link.node = link.hello->nodeId;
    wiring_.listener.post(ClientProven{link.place});
    const std::uint16_t port = link.hello->port;
    link.hello.reset();
    if (port != 0 && link.node != wiring_.identity.node) {
        wiring_.connector.post(DialBack{link.address.with_port(port), link.node});
    }
    link.may_ask = true;
    wiring_.requester.post(
        AskerUp{{link.key.value}, link.address.with_port(port).wire(), link.node});
    if (draining_) {
        protocol::serverMessage message;
        message.type = static_cast<std::uint16_t>(protocol::ServerType::closing);
        link.send(message);
    }
}

void Reader::handle_question(ClientLink& link, const clientMessage& message, TimePoint now) {
    const auto send = [&link](const Answer& answer) { link.send(answer.message, answer.payload); };
    const auto type = static_cast<ClientType>(message.type);
    const bool in_use = link.requests.contains(message.id) ||
                        link.subscriptions.contains(message.id) ||
                        link.searches.contains(message.id);
    if (type != ClientType::cancel && (message.id == 0 || in_use)) {
        link.answer(message.id, protocol::Status::bad_request, "that id is in use, or 0");
        return;
    }
    if (draining_ && type != ClientType::cancel && type != ClientType::status) {
        link.answer(message.id, protocol::Status::closing, "this host is closing");
        return;
    }
    switch (type) {
        case ClientType::query:
            return handle_query(link, message, false, now);
        case ClientType::list:
            return handle_list(link, message, now);
        case ClientType::chunk_hashes:
            return send(answer_chunk_hashes(*wiring_.catalog, message));
        case ClientType::leaf_hashes:
            return send(answer_leaf_hashes(files_, message));
        case ClientType::request:
            return handle_request(link, message, now);
        case ClientType::cancel:
            return handle_cancel(link, message);
        case ClientType::status:
            return send(answer_status(wiring_, message.id));
        case ClientType::subscribe:
            return handle_subscribe(link, message);
        case ClientType::unsubscribe:
            return handle_unsubscribe(link, message);
        case ClientType::search:
            return handle_search(link, message, now);
        case ClientType::hello:
        case ClientType::proof:
            link.answer(message.id, protocol::Status::bad_request, "that was settled already");
            return;
    }
    link.answer(message.id, protocol::Status::unknown_type, "this host does not know that type");
}

// A name that the catalog does not have may be on the disk: where nobody tells of changes, or a
// moment before it is told. So main looks, within bounds, before the answer is no.
void Reader::handle_query(ClientLink& link, const clientMessage& message, bool looked,
                          TimePoint now) {
    const Answer answer = answer_query(wiring_.offers(), message);
    const bool pending = says_pending(answer);
    const bool room = link.waiting_queries < waiting_queries_max;
    if (!looked && room && says_absent(answer) && looks_.available(now) > 0) {
        looks_.spend(1);
        return wait_for_name(link, message);
    }
    if (pending && !room) {
        link.answer(message.id, protocol::Status::busy, "too many names are being hashed for you");
        return;
    }
    link.send(answer.message, answer.payload);
    if (pending) {
        wait_for_name(link, message);
    }
}

// What came to a folder a moment ago may not have been told: main catches up, within bounds, before
// a folder's first page is answered.
void Reader::handle_list(ClientLink& link, const clientMessage& message, TimePoint now) {
    const std::string_view prefix = message.path_text();
    const bool folder =
        prefix.size() == message.prefixLength &&
        (prefix.empty() || (prefix.ends_with('/') && store::check_beginning(prefix)));
    const std::string name(prefix.substr(0, prefix.empty() ? 0 : prefix.size() - 1));
    const bool settled =
        folder && wiring_.catalog->find(name).state != store::Holding::State::pending;
    if (settled && wiring_.catalog->sees(prefix) && link.waiting_queries < waiting_queries_max &&
        looks_.available(now) > 0) {
        looks_.spend(1);
        ++link.waiting_queries;
        waiting_lists_.emplace(name, std::pair(link.key, message));
        wiring_.keeper.post(HashFirst{name});
        return;
    }
    const Answer answer = answer_list(wiring_.offers(), message);
    link.send(answer.message, answer.payload);
}

void Reader::wait_for_name(ClientLink& link, const clientMessage& message) {
    ++link.waiting_queries;
    const std::string name(message.path_text());
    waiting_for_name_.emplace(name, std::pair(link.key, message.id));
    told_pending_.try_emplace(name, wiring_.catalog->find(name).pending);
    wiring_.keeper.post(HashFirst{name});
}

void Reader::handle_request(ClientLink& link, const clientMessage& message, TimePoint now) {
    const LeafRun run{{message.first}, message.count};
    if (message.fileSize > limits::file_size_max ||
        !integrity::Geometry(message.fileSize).contains(run)) {
        link.answer(message.id, protocol::Status::bad_request,
                    "no such leaves: a run is 1 to 64 leaves inside the file");
        return;
    }
    const integrity::FileId id{message.fileSize, message.digest};
    const bool substitute = (message.flags & protocol::flag_substitute) != 0;
    if (!queue_.push({link.key, RequestId{message.id}, run, substitute},
                     limits::requests_per_client_max, now)) {
        link.answer(message.id, protocol::Status::busy, "too many requests are waiting");
        return;
    }
    link.requests.emplace(message.id, id);
}

void Reader::handle_cancel(ClientLink& link, const clientMessage& message) {
    if (queue_.cancel(link.key, RequestId{message.first})) {
        link.requests.erase(message.first);
        link.answer(message.first, protocol::Status::cancelled);
    }
}

}  // namespace shoal::peer
