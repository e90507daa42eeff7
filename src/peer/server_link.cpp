#include "peer/server_link.hpp"

#include <algorithm>
#include <cstring>

#include "shoal/base/random.hpp"
#include "shoal/base/text.hpp"
#include "shoal/net/socket.hpp"

namespace shoal::peer {

using protocol::ClientType;
using protocol::ServerType;

namespace {

std::uint16_t number(ClientType type) { return static_cast<std::uint16_t>(type); }
bool is(const protocol::serverMessage& message, ServerType type) {
    return message.type == static_cast<std::uint16_t>(type);
}
bool is(const protocol::serverMessage& message, protocol::Status status) {
    return message.status == static_cast<std::uint16_t>(status);
}

// What waits to be sent to a server that takes nothing. Thousands of questions: far more than
// anybody honest leaves unread.
constexpr std::size_t outbox_max = 4 * limits::MiB;

constexpr std::string_view magic = "SHL1";

// What a server says of its refusal, if it says anything: ": no room".
std::string words(std::span<const std::uint8_t> payload) {
    const std::string_view raw(reinterpret_cast<const char*>(payload.data()), payload.size());
    return payload.empty() ? "" : ": " + text::escape(raw);
}

}  // namespace

std::string refusal_text(protocol::Status why) {
    using protocol::Status;
    switch (why) {
        case Status::not_found:
            return "the file is not there any more";
        case Status::not_held:
            return "it has not what it claimed";
        case Status::changed:
            return "the file has changed there";
        case Status::unreadable:
            return "it may not read the file";
        case Status::io_error:
            return "its disk failed";
        case Status::closing:
            return "it is about to end";
        case Status::busy:
            return "it is too busy";
        default:
            return "it refused, with status " +
                   protocol::status_text(static_cast<std::uint16_t>(why));
    }
}

protocol::clientMessage query_of(std::string_view name) {
    protocol::clientMessage question;
    question.type = number(ClientType::query);
    question.set_path(name);
    return question;
}

std::optional<Bitmap> held_chunks(const Reply& holding, std::uint32_t chunks) {
    if (holding.message->held == chunks) {
        return Bitmap(chunks, true);
    }
    return holding.payload.empty() ? Bitmap(chunks) : Bitmap::from_wire(holding.payload, chunks);
}

ServerLink::ServerLink(SourceId source, NewServer server, Wiring& wiring, TimePoint now)
    : id(source),
      address(server.address),
      host(server.address.to_string()),
      from_hosts_file(server.from_hosts_file),
      known_as(server.known_as.empty() ? host : std::move(server.known_as)),
      wiring_(wiring),
      socket_(std::move(server.socket)),
      since_(now) {
    hello_.type = number(ClientType::hello);
    hello_.id = next_id_++;
    hello_.version = protocol::version;
    hello_.nodeId = wiring.identity.node;
    hello_.port = wiring.identity.port;
    random_bytes(hello_.digest.bytes);
    hello_.flags =
        wiring.identity.secret.present() ? protocol::flag_authenticated : std::uint16_t{0};
    const protocol::ClientBytes raw = protocol::encode(hello_);
    outbox_.append(raw);
}

void ServerLink::send(protocol::clientMessage& message) {
    session_.seal(message);
    outbox_.append(protocol::encode(message));
    if (outbox_.size() > outbox_max) {
        die("it takes nothing of what it is asked");
    }
}

std::uint64_t ServerLink::ask(protocol::clientMessage question, const void* owner,
                              Answered answered) {
    question.id = next_id_++;
    waiting_.emplace(question.id, Waiting{owner, std::move(answered), {}});
    send(question);
    return question.id;
}

std::uint64_t ServerLink::request(const integrity::FileId& file, LeafRun run, bool substitute,
                                  DataSink& sink, std::uint64_t token) {
    protocol::clientMessage message;
    message.type = number(ClientType::request);
    message.id = next_id_++;
    message.fileSize = file.size;
    message.digest = file.root;
    message.first = run.first.value;
    message.count = run.count;
    message.flags = substitute ? protocol::flag_substitute : std::uint16_t{0};
    data_.emplace(message.id, Data{&sink, token, run, substitute, file});
    send(message);
    return message.id;
}

// The answer, `cancelled` or the data after all, still comes.
void ServerLink::cancel(std::uint64_t request) {
    protocol::clientMessage message;
    message.type = number(ClientType::cancel);
    message.id = next_id_++;
    message.first = request;
    send(message);
}

std::uint64_t ServerLink::subscribe(const integrity::FileId& file, const void* owner,
                                    Answered answered, Grown grown) {
    protocol::clientMessage message;
    message.type = number(ClientType::subscribe);
    message.fileSize = file.size;
    message.digest = file.root;
    const std::uint64_t subscription = ask(message, owner, std::move(answered));
    subscriptions_.emplace(subscription, Waiting{owner, {}, std::move(grown)});
    return subscription;
}

void ServerLink::unsubscribe(std::uint64_t subscription) {
    subscriptions_.erase(subscription);
    protocol::clientMessage message;
    message.type = number(ClientType::unsubscribe);
    message.first = subscription;
    ask(message, nullptr, [](ServerLink&, const Reply&, TimePoint) {});
}

void ServerLink::forget(const void* owner) {
    const auto is_theirs = [owner](const auto& item) { return item.second.owner == owner; };
    std::erase_if(waiting_, is_theirs);
    std::erase_if(subscriptions_, is_theirs);
    std::erase_if(data_, [owner](const auto& item) {
        return static_cast<const void*>(item.second.sink) == owner;
    });
    if (just_came_ && static_cast<const void*>(just_came_->second.sink) == owner) {
        just_came_.reset();
    }
}

void ServerLink::die(const std::string& why, DownReason reason) {
    if (phase_ != Phase::dead) {
        phase_ = Phase::dead;
        why_dead_ = why;
        why_down_ = reason;
    }
}

void ServerLink::fault(const std::string& what) {
    die("it does not keep to the protocol: " + what, DownReason::broken_protocol);
}

void ServerLink::handle_end(int error) {
    const std::string why = error != 0 ? std::strerror(error) : "connection closed";
    die(shaking() ? "it ended the connection before a hello (" + why + ")" : why);
}

void ServerLink::ask_no_more() {
    asks_no_more_ = true;
    net::end_sending(fd());
}

// Something else may answer on that port.
void ServerLink::look_at_greeting(std::span<const std::uint8_t> bytes) {
    constexpr std::size_t shown_max = 16;
    for (std::size_t i = 0; i < bytes.size() && greeting_.size() < shown_max; ++i) {
        greeting_ += static_cast<char>(bytes[i]);
    }
    if (greeting_.substr(0, magic.size()) == magic.substr(0, greeting_.size())) {
        return;
    }
    die(greeting_.starts_with("HTTP") ? "HTTP answers on that port, no Shoal peer"
                                      : "what answers on that port is no Shoal peer; it says '" +
                                            text::escape(greeting_) + "'",
        DownReason::not_shoal);
}

// To the hello, or under id 0.
void ServerLink::take_refusal(const protocol::ServerEvent& event) {
    using protocol::Status;
    const std::string said = words(event.payload);
    switch (static_cast<Status>(event.message.status)) {
        case Status::not_let_in:
            return die("not let in" + said, DownReason::not_let_in);
        case Status::busy:
            return die("it is full" + said, DownReason::full);
        case Status::closing:
            return die("it is about to end" + said, DownReason::closing);
        default:
            break;
    }
    if (is(event.message, ServerType::closing)) {
        return die("it is about to end" + said, DownReason::closing);
    }
    die("it refused, with status " + protocol::status_text(event.message.status) + said,
        DownReason::refused);
}

void ServerLink::tell_lost(TimePoint now) {
    auto waiting = std::exchange(waiting_, {});
    auto data = std::exchange(data_, {});
    subscriptions_.clear();
    just_came_.reset();
    for (auto& [request, item] : waiting) {
        item.answered(*this, Reply{}, now);
    }
    for (auto& [request, item] : data) {
        item.sink->handle_refusal(*this, item.token, protocol::Status::closing, now);
    }
}

void ServerLink::flush(TimePoint) {
    while (phase_ != Phase::dead && wants_to_send()) {
        const net::Transfer step = net::send(fd(), outbox_.waiting(), false);
        if (step.state == net::Transfer::State::would_block) {
            return;
        }
        if (step.state != net::Transfer::State::moved && shaking()) {
            outbox_.consume(outbox_.size());  // what it said before it hung up is still to be read
            return;
        }
        if (step.state != net::Transfer::State::moved) {
            return handle_end(step.error);
        }
        outbox_.consume(step.bytes);
    }
}

std::size_t ServerLink::receive(std::size_t budget, TimePoint now) {
    std::size_t total = 0;
    control_left_ = control_quantum;
    handle_frames(now);  // those of the last call
    while (phase_ != Phase::dead && !input_waits_ && total < budget) {
        std::span<std::uint8_t> space = frames_.space();
        space = space.first(std::min(space.size(), budget - total));
        const net::Transfer step = net::receive(fd(), space);
        if (step.state == net::Transfer::State::would_block) {
            frames_.release_idle();
            break;
        }
        if (step.state != net::Transfer::State::moved) {
            handle_end(step.error);
            break;
        }
        total += step.bytes;
        heard_at_ = now;
        if (phase_ == Phase::hello) {
            look_at_greeting(space.first(step.bytes));
        }
        frames_.commit(step.bytes);
        handle_frames(now);
        if (step.bytes < space.size()) {
            break;  // the socket is empty; spare the call that would say so
        }
    }
    return total;
}

void ServerLink::handle_frames(TimePoint now) {
    input_waits_ = false;
    while (phase_ != Phase::dead) {
        if (control_left_ == 0) {
            input_waits_ = true;
            return;
        }
        auto frame = frames_.next();
        if (!frame) {
            return;
        }
        if (!*frame) {
            fault(frame->error().message);
        } else if (const auto* slice = std::get_if<protocol::DataSlice>(&**frame)) {
            handle_slice(*slice, now);
        } else {
            const auto& event = std::get<protocol::ServerEvent>(**frame);
            control_left_ -=
                std::min(control_left_, limits::server_message_size + event.payload.size());
            handle_event(event, now);
        }
    }
}

void ServerLink::handle_event(const protocol::ServerEvent& event, TimePoint now) {
    if (phase_ == Phase::hello) {
        return handle_hello(event, now);
    }
    if (protocol::refused_at_the_door(event.message) || !session_.open(event.raw, event.payload)) {
        return phase_ == Phase::proof
                   ? die("not let in: the secrets differ", DownReason::not_let_in)
                   : fault("a message with a wrong MAC");
    }
    if (phase_ == Phase::proof) {
        return handle_proof(event);
    }
    if (handle_stale(event.message, now)) {
        return;
    }
    if (is(event.message, ServerType::hits)) {
        return hit_sink_ != nullptr ? hit_sink_->handle_hits(*this, event.message, event.payload)
                                    : void();
    }
    if (event.message.type > static_cast<std::uint16_t>(ServerType::closing) &&
        !is(event.message, ServerType::search_done)) {
        return;  // of a later version: skipped
    }
    if (is(event.message, ServerType::have)) {
        return handle_have(event, now);
    }
    if (is(event.message, ServerType::closing)) {
        phase_ = Phase::closing;
        has_ended_ = true;
        return;
    }
    handle_final(event, now);
}

void ServerLink::handle_hello(const protocol::ServerEvent& event, TimePoint now) {
    const protocol::serverMessage& message = event.message;
    if (!is(message, ServerType::hello)) {
        return take_refusal(event);
    }
    const bool has_secret = (message.flags & protocol::flag_authenticated) != 0;
    if (message.version != protocol::version || !is(message, protocol::Status::ok)) {
        return die("it speaks version " + std::to_string(message.version) +
                       " of the protocol, this host " + std::to_string(protocol::version),
                   DownReason::other_version);
    }
    if (has_secret != wiring_.identity.secret.present()) {
        return die(has_secret ? "not let in: it asks for a secret (--secret-file)"
                              : "not let in: it has no secret, this host has one",
                   DownReason::not_let_in);
    }
    round_trip_ = now - since_;
    node_ = message.nodeId;
    if (!has_secret) {
        phase_ = Phase::ready;
        return;
    }
    session_ = protocol::Session(wiring_.identity.secret, protocol::facts_of(hello_, message));
    phase_ = Phase::proof;
    protocol::clientMessage proof;
    proof.type = number(ClientType::proof);
    proof.id = next_id_++;
    proof.digest = session_.client_proof();
    send(proof);
}

// Nothing the server says counts before this.
void ServerLink::handle_proof(const protocol::ServerEvent& event) {
    if (!is(event.message, ServerType::answer) || !is(event.message, protocol::Status::ok) ||
        !session_.is_server_proof(event.message.digest)) {
        return die("not let in: the secrets differ", DownReason::not_let_in);
    }
    phase_ = Phase::ready;
}

void ServerLink::handle_have(const protocol::ServerEvent& event, TimePoint now) {
    const auto found = subscriptions_.find(event.message.id);
    if (found == subscriptions_.end()) {
        return;
    }
    const Grown grown = found->second.grown;
    grown(*this, ChunkIndex{static_cast<std::uint32_t>(event.message.first)}, event.message.count,
          now);
    for (const ChunkIndex chunk : protocol::unpack_chunks(event.payload)) {
        grown(*this, chunk, 1, now);
    }
}

bool ServerLink::handle_stale(const protocol::serverMessage& message, TimePoint now) {
    const auto came = std::exchange(just_came_, std::nullopt);
    const bool stale =
        came && came->first == message.id && is(message, ServerType::answer) &&
        (is(message, protocol::Status::changed) || is(message, protocol::Status::io_error));
    if (stale) {
        came->second.sink->handle_refusal(*this, came->second.token,
                                          static_cast<protocol::Status>(message.status), now);
    }
    return stale;
}

// A data message must carry the run that was asked for, or one that may come instead, of the
// file it was asked of.
bool ServerLink::fits(const protocol::serverMessage& message) {
    const auto found = data_.find(message.id);
    if (found == data_.end()) {
        return true;  // nobody's: thrown away
    }
    const Data& data = found->second;
    const LeafRun given{{message.first}, message.count};
    const bool agreed = given == data.run || (data.substitute && given.count <= data.run.count);
    return message.fileSize == data.file.size && message.digest == data.file.root && agreed &&
           message.payloadSize == integrity::Geometry(data.file.size).run_length(given);
}

// Its slices follow.
void ServerLink::handle_head(const protocol::serverMessage& message) {
    if (!fits(message)) {
        return fault("data that nobody asked for in that shape");
    }
    const auto found = data_.find(message.id);
    const LeafRun given{{message.first}, message.count};
    if (found != data_.end() && found->second.run != given) {
        found->second.run = given;
        found->second.sink->handle_substituted(*this, found->second.token, given);
    }
}

void ServerLink::handle_final(const protocol::ServerEvent& event, TimePoint now) {
    const protocol::serverMessage& message = event.message;
    if (is(message, ServerType::data)) {
        return handle_head(message);
    }
    if (const auto data = data_.find(message.id); data != data_.end()) {
        const Data refused = data->second;
        data_.erase(data);
        refused.sink->handle_refusal(*this, refused.token,
                                     static_cast<protocol::Status>(message.status), now);
        return;
    }
    const auto found = waiting_.find(message.id);
    if (found != waiting_.end()) {
        Waiting waiting = found->second;
        if (!is(message, protocol::Status::pending)) {
            waiting_.erase(found);
        }
        waiting.answered(*this, Reply{&message, event.payload}, now);
    } else if (const auto ended = subscriptions_.extract(message.id); !ended.empty()) {
        ended.mapped().grown(*this, ChunkIndex{0}, 0, now);
    } else if (message.id == 0 && !is(message, protocol::Status::ok)) {
        take_refusal(event);
    }
}

void ServerLink::handle_slice(const protocol::DataSlice& slice, TimePoint now) {
    const auto found = data_.find(slice.message.id);
    if (found == data_.end()) {
        wiring_.figures.unwanted_data += slice.bytes.size();
        return;
    }
    bytes_received_ += slice.bytes.size();
    const Data data = found->second;
    if (slice.last) {
        just_came_.emplace(slice.message.id, data);
        data_.erase(found);
    }
    data.sink->handle_data(*this, data.token, data.run, slice.offset, slice.bytes, slice.last, now);
}

}  // namespace shoal::peer
