// PING, DELETE, STATUS, and replies that are known at once.
#include "gateway/json/jobs.hpp"

namespace shoal::gateway::json {
namespace {

class AnswerJob final : public Job {
  public:
    explicit AnswerJob(Resolution resolution) : resolution_(std::move(resolution)) {}
    Step step(Exchange& exchange) override {
        exchange.reply(resolution_);
        return Step::done;
    }

  private:
    Resolution resolution_;
};

class DeleteJob final : public Job {
  public:
    explicit DeleteJob(Order order)
        : order_(std::move(order)), slot_(std::make_shared<Slot<void>>(order_.waker)) {}

    Step step(Exchange& exchange) override {
        if (!asked_) {
            asked_ = true;
            order_.shared.api->remove(*order_.request.body.rel_endpoint, slot_->callback());
        }
        const auto answer = slot_->take();
        if (!answer) {
            return Step::waits;
        }
        exchange.reply(*answer ? Resolution::of(Code::ok, "deleted")
                               : Resolution::of(answer->error()));
        return Step::done;
    }

  private:
    Order order_;
    SlotPtr<void> slot_;
    bool asked_{false};
};

class StatusJob final : public Job {
  public:
    explicit StatusJob(Order order)
        : order_(std::move(order)), box_(std::make_shared<EventBox>(order_.waker)) {}
    ~StatusJob() override { order_.shared.events.drop(false, asked_); }
    StatusJob(const StatusJob&) = delete;
    StatusJob& operator=(const StatusJob&) = delete;

    Step step(Exchange& exchange) override {
        if (asked_ == 0) {
            asked_ = order_.shared.events.follow(
                false, box_, [&](auto& sink) { return order_.shared.api->status(sink); });
        }
        while (const auto event = box_->take()) {
            if (const auto* report = std::get_if<peer::StatusReport>(&*event)) {
                JsonObject values;
                for (const auto& [key, value] : report->lines) {
                    values.text(key, value);
                }
                Resolution told = Resolution::of(Code::ok, "ok");
                told.extra = members(JsonObject().object("content", values));
                exchange.reply(told);
                return Step::done;
            }
        }
        return Step::waits;
    }

  private:
    Order order_;
    EventBoxPtr box_;
    std::uint64_t asked_{0};
};

}  // namespace

JobPtr make_answer(Resolution resolution) {
    return std::make_unique<AnswerJob>(std::move(resolution));
}

JobPtr make_ping(Order&&) { return make_answer(Resolution::of(Code::ok, "pong")); }
JobPtr make_delete(Order&& order) { return std::make_unique<DeleteJob>(std::move(order)); }
JobPtr make_status(Order&& order) { return std::make_unique<StatusJob>(std::move(order)); }

}  // namespace shoal::gateway::json
