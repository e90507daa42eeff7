// PUSH: new content for a file of this host's shared folder. It is written beside the old one and
// takes its place in one step when all of it is here, so nobody ever sees a mixture.
#include <unistd.h>

#include <cerrno>

#include "gateway/json/jobs.hpp"
#include "shoal/integrity/merkle.hpp"
#include "shoal/integrity/sha256.hpp"

namespace shoal::gateway::json {
namespace {

Status write_all(int fd, std::span<const std::uint8_t> bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
        const ssize_t put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return system_error("cannot write the new content", errno);
        }
        bytes = bytes.subspan(static_cast<std::size_t>(put));
        offset += static_cast<std::uint64_t>(put);
    }
    return {};
}

class PushJob final : public Job {
  public:
    struct Plan {
        std::string content;  // what came inside the line
        std::uint64_t size{};
        MetaData meta_data;
        std::optional<WantedHash> hash;
    };

    PushJob(Order order, Plan plan)
        : order_(std::move(order)), plan_(std::move(plan)), tree_(plan_.size) {}
    Step step(Exchange& exchange) override;

  private:
    Step begin(Exchange& exchange);
    Step receive(Exchange& exchange);
    Step finish(Exchange& exchange);
    Status take(std::span<const std::uint8_t> bytes);
    // Whether what came is what the client says it sent.
    [[nodiscard]] bool hash_fits();
    void commit();
    static Step fail(Exchange& exchange, const Error& error);

    Order order_;
    Plan plan_;
    SlotPtr<peer::UploadPtr> upload_slot_;
    peer::UploadPtr upload_;
    SlotPtr<peer::Published> published_slot_;
    integrity::TreeHasher tree_;
    integrity::Sha256 sha256_;
    std::uint64_t received_{0};
};

Step PushJob::step(Exchange& exchange) {
    if (published_slot_) {
        return finish(exchange);
    }
    return upload_ ? receive(exchange) : begin(exchange);
}

Step PushJob::begin(Exchange& exchange) {
    if (!upload_slot_) {
        upload_slot_ = std::make_shared<Slot<peer::UploadPtr>>(order_.waker);
        peer::UploadOrder order;
        order.name = *order_.request.body.rel_endpoint;
        order_.shared.api->upload(std::move(order), upload_slot_->callback());
    }
    auto answer = upload_slot_->take();
    if (!answer) {
        return Step::waits;
    }
    if (!*answer) {
        return fail(exchange, answer->error());
    }
    upload_ = std::move(answer->value());
    return Step::again;
}

Step PushJob::receive(Exchange& exchange) {
    const std::string_view inside = plan_.content;
    if (received_ == 0 && !inside.empty()) {
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(inside.data());
        if (const Status taken = take({bytes, inside.size()}); !taken) {
            return fail(exchange, taken.error());
        }
    }
    while (received_ < plan_.size) {
        std::span<const std::uint8_t> bytes;
        const auto got = exchange.next_content(bytes);
        if (got == MessageReader::Got::nothing) {
            return Step::wants_input;
        }
        if (got != MessageReader::Got::something) {
            return Step::broken;
        }
        if (const Status taken = take(bytes); !taken) {
            return fail(exchange, taken.error());
        }
    }
    if (!hash_fits()) {
        exchange.reply(Resolution::of(Code::hash_differs,
                                      "what came is not what 'hash' says; nothing was changed"));
        return Step::done;
    }
    commit();
    return finish(exchange);
}

Status PushJob::take(std::span<const std::uint8_t> bytes) {
    if (plan_.hash) {
        tree_.update(bytes);
        sha256_.update(bytes);
    }
    const std::uint64_t offset = upload_->kept() + received_;
    received_ += bytes.size();
    return write_all(upload_->fd(), bytes, offset);
}

bool PushJob::hash_fits() {
    if (!plan_.hash) {
        return true;
    }
    const WantedHash& hash = *plan_.hash;
    return (hash.maybe_sha256 && sha256_.finish().hex() == hash.digits) ||
           (hash.maybe_root && tree_.finish().id.root.hex() == hash.digits);
}

void PushJob::commit() {
    published_slot_ = std::make_shared<Slot<peer::Published>>(order_.waker);
    peer::CommitOrder order;
    order.mtime = plan_.meta_data.mtime;
    upload_->commit(std::move(order), published_slot_->callback());
}

Step PushJob::finish(Exchange& exchange) {
    auto answer = published_slot_->take();
    if (!answer) {
        return Step::waits;
    }
    if (!*answer) {
        return fail(exchange, answer->error());
    }
    const peer::Published& published = answer->value();
    Resolution done = Resolution::of(Code::ok, "published");
    done.extra = ",\"meta_data\":[\"size=" + std::to_string(published.size) +
                 "\",\"root=" + published.root + "\"]";
    exchange.reply(done);
    return Step::done;
}

Step PushJob::fail(Exchange& exchange, const Error& error) {
    exchange.reply(Resolution::of(error));
    return Step::done;
}

Result<PushJob::Plan> plan_of(const Request& request) {
    const Body& body = request.body;
    const auto bad = [](std::string why) { return Error{ErrorKind::bad_input, std::move(why)}; };
    if (body.content.has_value() == request.has_content) {
        return bad("give the content once: 'content_length' and raw bytes, or 'content' in base64");
    }
    PushJob::Plan plan;
    plan.size = request.content_length;
    if (body.content) {
        auto content = decode_base64(*body.content);
        if (!content) {
            return bad("'content' is not base64");
        }
        plan.content = std::move(*content);
        plan.size = plan.content.size();
    }
    auto meta_data = parse_meta_data(body.meta_data.value_or(std::vector<std::string>()));
    if (!meta_data) {
        return meta_data.error();
    }
    plan.meta_data = *meta_data;
    if (plan.meta_data.size.value_or(plan.size) != plan.size) {
        return bad("'meta_data' and the content differ in size");
    }
    if (body.hash) {
        auto hash = parse_hash(*body.hash);
        if (!hash) {
            return hash.error();
        }
        plan.hash = std::move(*hash);
    }
    return plan;
}

}  // namespace

JobPtr make_push(Order&& order) {
    Result<PushJob::Plan> plan = plan_of(order.request);
    if (!plan) {
        return make_answer(Resolution::of(Code::bad_request, plan.error().message));
    }
    return std::make_unique<PushJob>(std::move(order), std::move(*plan));
}

}  // namespace shoal::gateway::json
