// Job: one request under way, as a state machine that pool threads step. A job that has to wait,
// for the peer, for the client's content or for room in the output, says so and gives its thread
// back; no call of it blocks, but on the disk.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "gateway/json/messages.hpp"
#include "gateway/json/resolution.hpp"
#include "shoal/base/guarded.hpp"
#include "shoal/base/time.hpp"
#include "shoal/peer/gateway_api.hpp"

namespace shoal::gateway::json {

// What a job may do to its connection: take the request's content, reply.
class Exchange {
  public:
    Exchange(MessageReader& in, MessageWriter& out, std::string id, std::uint64_t content_length)
        : in_(in), out_(out), id_(std::move(id)), content_left_(content_length) {}

    void reply(const Resolution& resolution);  // once
    void event(std::string_view name, const JsonObject& object);
    // Of the content that the reply announced: whole blocks, but for its end.
    void content(std::span<const std::uint8_t> bytes) { out_.content(bytes); }
    // Enough has been sent already that more may be queued.
    [[nodiscard]] bool has_room() const;

    // What comes next of the request's content.
    MessageReader::Got next_content(std::span<const std::uint8_t>& bytes);
    [[nodiscard]] std::uint64_t content_left() const { return content_left_; }
    [[nodiscard]] bool replied() const { return replied_; }

  private:
    MessageReader& in_;
    MessageWriter& out_;
    std::string id_;
    std::uint64_t content_left_;
    bool replied_{false};
};

enum class Step {
    done,
    again,       // there is more to do; others may go first
    waits,       // for the peer: its waker will be called
    wants_room,  // in the output
    wants_input,
    broken,  // what was promised cannot be kept: the connection must end
};

class Job {
  public:
    virtual ~Job() = default;
    virtual Step step(Exchange& exchange) = 0;
    // How long it may wait for the peer without being woken.
    [[nodiscard]] virtual Duration patience() const { return std::chrono::seconds(60); }
};
using JobPtr = std::unique_ptr<Job>;

// Tells the waiting thread that the connection's job has news. Any thread, any number of times.
using Waker = std::function<void()>;

// Where the answer to one call of the peer waits for its job. Shared with the callback, which
// may outlive the job.
template <typename T>
class Slot : public std::enable_shared_from_this<Slot<T>> {
  public:
    explicit Slot(Waker waker) : waker_(std::move(waker)) {}

    peer::Callback<T> callback() {
        return [self = this->shared_from_this()](Result<T> answer) {
            const bool awaited = self->state_.with([&](State& state) {
                state.answer.emplace(std::move(answer));
                return state.awaited;
            });
            if (awaited) {
                self->waker_();
            }
        };
    }
    // The answer, once; nullopt when it is not here: then the waker will be called.
    std::optional<Result<T>> take() {
        return state_.with([](State& state) {
            state.awaited = !state.answer;
            return std::exchange(state.answer, std::nullopt);
        });
    }

  private:
    struct State {
        std::optional<Result<T>> answer;
        bool awaited{false};
    };
    Waker waker_;
    Guarded<State> state_;
};
template <typename T>
using SlotPtr = std::shared_ptr<Slot<T>>;

}  // namespace shoal::gateway::json
