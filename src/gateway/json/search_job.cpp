// SEARCH: files anywhere within reach: of this host, of those connected, of those beyond them.
#include "gateway/json/rows.hpp"
#include "shoal/base/limits.hpp"

namespace shoal::gateway::json {
namespace {

JsonObject row_of(const peer::FoundFile& file) {
    std::vector<std::string> hosts;
    for (const peer::FoundHost& host : file.hosts) {
        hosts.push_back(host.host);
    }
    return JsonObject()
        .text("name", file.name)
        .number("size", file.size)
        .text("root", file.root)
        .number("holders", file.complete)
        .number("partial", file.partial)
        .number("hops", file.hops)
        .number("rate", file.rate)
        .boolean("here", file.here)
        .boolean("pending", file.pending)
        .texts("hosts", hosts);
}

class SearchJob final : public Job {
  public:
    SearchJob(Order order, peer::SearchOrder question)
        : order_(std::move(order)),
          question_(std::move(question)),
          box_(std::make_shared<EventBox>(order_.waker)) {}
    ~SearchJob() override {
        order_.shared.events.drop(false, asked_);
        if (asked_ != 0 && !answered_) {
            order_.shared.api->cancel_search(asked_);
        }
    }
    SearchJob(const SearchJob&) = delete;
    SearchJob& operator=(const SearchJob&) = delete;

    Step step(Exchange& exchange) override {
        if (asked_ == 0) {
            asked_ = order_.shared.events.follow(false, box_, [&](auto& sink) {
                return order_.shared.api->search(question_, sink);
            });
        }
        while (const auto event = box_->take()) {
            if (const auto* results = std::get_if<peer::SearchResults>(&*event)) {
                answered_ = true;
                exchange.reply(found_in(*results));
                return Step::done;
            }
        }
        return Step::waits;
    }

    // The search itself ends in time, and says so.
    [[nodiscard]] Duration patience() const override {
        return std::chrono::milliseconds(2 * limits::search_wait_ms_max);
    }

  private:
    // That nobody could be asked is no failure: what is here has been looked through.
    [[nodiscard]] Resolution found_in(const peer::SearchResults& results) const {
        if (results.problem == peer::Outcome::usage) {
            return Resolution::of(Code::bad_request, results.text);
        }
        Rows rows(order_.request.body);
        bool more = false;
        for (const peer::FoundFile& file : results.files) {
            if (!order_.shared.rights.allows(file.name)) {
                continue;
            }
            if (rows.full()) {
                more = true;
                break;
            }
            rows.add(row_of(file));
        }
        JsonObject summary = rows.summary(more, results.truncated, results.price.hosts);
        summary.boolean("complete", results.complete).text("doubts", results.doubts);
        return rows.resolution(results.problem ? results.text : "ok", summary);
    }

    Order order_;
    peer::SearchOrder question_;
    EventBoxPtr box_;
    std::uint64_t asked_{0};
    bool answered_{false};
};

Result<peer::SearchOrder> question_of(const Body& body) {
    using Kind = peer::SearchOrder::Kind;
    const auto bad = [](const char* why) { return Error{ErrorKind::bad_input, why}; };
    peer::SearchOrder question;
    question.own = true;
    question.pattern = *body.name;
    const std::string match = body.match.value_or("part");
    if (match != "part" && match != "glob" && match != "regex") {
        return bad("'match' is part, glob or regex");
    }
    question.kind = match == "glob" ? Kind::glob : match == "regex" ? Kind::regex : Kind::name_part;
    question.extensions = body.extensions.value_or("");
    question.size_min = body.size_min.value_or(question.size_min);
    question.size_max = body.size_max.value_or(question.size_max);
    if (body.ttl) {
        if (*body.ttl < 1 || *body.ttl > limits::search_ttl_max) {
            return bad("'ttl' is 1 to 15");
        }
        question.ttl = static_cast<unsigned>(*body.ttl);
        question.widen = false;
    }
    if (body.timeout) {
        if (*body.timeout < 1 || *body.timeout > limits::search_wait_ms_max / 1000) {
            return bad("'timeout' of SEARCH is 1 to 60 seconds");
        }
        question.wait = std::chrono::seconds(*body.timeout);
    }
    return question;
}

}  // namespace

JobPtr make_search(Order&& order) {
    Result<peer::SearchOrder> question = question_of(order.request.body);
    if (!question) {
        return make_answer(Resolution::of(Code::bad_request, question.error().message));
    }
    return std::make_unique<SearchJob>(std::move(order), std::move(*question));
}

}  // namespace shoal::gateway::json
