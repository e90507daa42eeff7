// FETCH: a download into this host's downloads/, watched by events until it has ended.
#include "gateway/json/jobs.hpp"

namespace shoal::gateway::json {
namespace {

constexpr std::uint64_t timeout_max = std::uint64_t{7} * 24 * 3600;

double seconds(Duration span) { return std::chrono::duration<double>(span).count(); }

JsonObject object_of(const peer::FetchStarted& started) {
    return JsonObject()
        .text("name", started.name)
        .number("size", started.size)
        .text("root", started.root)
        .number("kept", started.kept)
        .number("hosts", started.hosts);
}

JsonObject object_of(const peer::FetchProgress& progress) {
    return JsonObject()
        .number("done", progress.done)
        .number("size", progress.size)
        .real("bytes_per_second", progress.bytes_per_second)
        .number("hosts", progress.hosts)
        .boolean("parked", progress.parked);
}

JsonObject object_of(const peer::FetchNote& note) {
    return JsonObject()
        .text("kind", peer::note_word(note.kind))
        .text("host", note.host)
        .text("text", note.text);
}

JsonObject object_of(peer::FetchDone done, const Rights& rights) {
    std::erase_if(done.near, [&](const std::string& name) { return !rights.allows(name); });
    return JsonObject()
        .text("outcome", peer::outcome_word(done.outcome))
        .text("saved_as", done.saved_as)
        .boolean("already_here", done.already_here)
        .number("size", done.size)
        .text("root", done.root)
        .real("seconds", seconds(done.elapsed))
        .number("fetched", done.fetched)
        .texts("near", done.near);
}

Resolution resolution_of(const peer::FetchDone& done, const Rights& rights) {
    const bool good = done.outcome == peer::Outcome::done;
    Resolution ended = Resolution::of(code_of(done.outcome), good ? "fetched" : done.text);
    ended.extra = members(JsonObject().object("content", object_of(done, rights)));
    return ended;
}

class FetchJob final : public Job {
  public:
    explicit FetchJob(Order order)
        : order_(std::move(order)), box_(std::make_shared<EventBox>(order_.waker)) {}
    // Whoever watched is gone: what has arrived stays for a resume.
    ~FetchJob() override {
        if (fetch_ != 0) {
            order_.shared.events.drop(true, fetch_);
            if (!ended_) {
                order_.shared.api->cancel(FetchId{fetch_});
            }
        }
    }
    FetchJob(const FetchJob&) = delete;
    FetchJob& operator=(const FetchJob&) = delete;

    Step step(Exchange& exchange) override;
    // The fetch itself gives up after 'timeout' without progress, and says so.
    [[nodiscard]] Duration patience() const override { return std::chrono::hours(24 * 365); }

  private:
    [[nodiscard]] bool waited_for() const { return order_.request.body.wait.value_or(true); }
    [[nodiscard]] peer::FetchOrder fetch_order() const;
    Step begin_unwatched(Exchange& exchange);
    void tell(Exchange& exchange, const peer::Event& event);

    Order order_;
    EventBoxPtr box_;
    std::uint64_t fetch_{0};
    bool ended_{false};
};

peer::FetchOrder FetchJob::fetch_order() const {
    const Body& body = order_.request.body;
    peer::FetchOrder fetch;
    fetch.name = *body.rel_endpoint;
    (body.hosts ? fetch.root : fetch.root_prefix) = body.hash.value_or("");
    fetch.size = body.size.value_or(0);
    fetch.hosts = body.hosts.value_or(std::vector<std::string>());
    fetch.on_clash = peer::FetchOrder::OnClash::refuse;
    fetch.wait_for_holders = false;
    if (body.timeout) {
        fetch.timeout = std::chrono::seconds(std::min(*body.timeout, timeout_max));
    }
    return fetch;
}

Step FetchJob::begin_unwatched(Exchange& exchange) {
    const auto begun = order_.shared.events.leave(
        [&](auto& sink) { return order_.shared.api->fetch(fetch_order(), sink).value; });
    Resolution answer = Resolution::of(Code::ok, "begun");
    if (begun) {
        answer.extra = members(JsonObject().number("fetch", *begun));
    } else {
        answer = Resolution::of(Code::busy, std::to_string(EventRouter::unwatched_max) +
                                                " fetches that nobody waits for are under way; "
                                                "try again when one has ended");
    }
    exchange.reply(answer);
    return Step::done;
}

Step FetchJob::step(Exchange& exchange) {
    if (!waited_for()) {
        return begin_unwatched(exchange);
    }
    if (fetch_ == 0) {
        fetch_ = order_.shared.events.follow(true, box_, [&](auto& sink) {
            return order_.shared.api->fetch(fetch_order(), sink).value;
        });
    }
    while (exchange.has_room()) {
        const auto event = box_->take();
        if (!event) {
            return Step::waits;
        }
        tell(exchange, *event);
        if (ended_) {
            return Step::done;
        }
    }
    return Step::wants_room;
}

void FetchJob::tell(Exchange& exchange, const peer::Event& event) {
    if (const auto* done = std::get_if<peer::FetchDone>(&event)) {
        ended_ = true;
        exchange.reply(resolution_of(*done, order_.shared.rights));
    } else if (const auto* started = std::get_if<peer::FetchStarted>(&event)) {
        exchange.event("started", object_of(*started));
    } else if (const auto* progress = std::get_if<peer::FetchProgress>(&event)) {
        exchange.event("progress", object_of(*progress));
    } else if (const auto* note = std::get_if<peer::FetchNote>(&event)) {
        exchange.event("note", object_of(*note));
    }
}

}  // namespace

JobPtr make_fetch(Order&& order) {
    const std::string& name = *order.request.body.rel_endpoint;
    if (name.ends_with('/')) {
        return make_answer(Resolution::of(Code::bad_name, "give a file; LIST names a folder's"));
    }
    const std::string prefix = order.request.body.hash.value_or("");
    if (!prefix.empty() && (prefix.size() < 8 || prefix.size() > 64 ||
                            prefix.find_first_not_of("0123456789abcdefABCDEF") != prefix.npos)) {
        return make_answer(
            Resolution::of(Code::bad_request, "'hash' of FETCH is 8 to 64 hex digits of the root"));
    }
    const Body& body = order.request.body;
    const bool content = body.size && prefix.size() == 64;
    const bool pending = !body.size && prefix.empty();
    if (body.hosts ? body.hosts->empty() || !(content || pending) : body.size.has_value()) {
        return make_answer(
            Resolution::of(Code::bad_request,
                           "'hosts' of a result of SEARCH go with its 'size' and root as 'hash', "
                           "or, while it is pending, with neither"));
    }
    return std::make_unique<FetchJob>(std::move(order));
}

}  // namespace shoal::gateway::json
