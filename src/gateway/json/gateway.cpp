// The gateway as a service of the peer: one thread that waits, a fixed pool that works.
#include "shoal/gateway/json/gateway.hpp"

#include <pthread.h>

#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "gateway/json/waiter.hpp"
#include "shoal/base/log.hpp"

namespace shoal::gateway::json {
namespace {

constexpr int backlog = 512;
constexpr std::size_t waiting_per_thread = 64;  // requests that no thread has begun
constexpr std::size_t scratch_size = 256 * 1024;

class Gateway final : public peer::Service {
  public:
    explicit Gateway(GatewayOptions options)
        : options_(std::move(options)), queue_(waiting_per_thread * options_.threads) {
        shared_.rights = {options_.endings, options_.write};
    }

    Status open() override;
    void start(peer::GatewayApi& api, std::function<void(Status)> ended) override;
    void stop() override { mailbox_->post(Stop{}); }
    void join() override;

  private:
    Result<net::Address> address() const;
    void wait_for_clients();
    void work();

    GatewayOptions options_;
    integrity::Secret secret_;
    std::optional<net::Acceptor> acceptor_;
    Shared shared_;
    std::shared_ptr<WaiterMailbox> mailbox_{std::make_shared<WaiterMailbox>()};
    WorkQueue queue_;
    std::function<void(Status)> ended_;
    std::vector<std::thread> threads_;
};

// Runs `body` on a thread of that name; what it throws ends the process by way of `failed`.
template <typename Body>
std::thread start_thread(std::string name, Body body, std::function<void(Status)> failed) {
    return std::thread(
        [name = std::move(name), body = std::move(body), failed = std::move(failed)] {
            ::pthread_setname_np(::pthread_self(), name.c_str());
            try {
                body();
            } catch (const std::exception& error) {
                failed(Error{ErrorKind::system, std::string("the JSON gateway: ") + error.what()});
            }
        });
}

Result<net::Address> Gateway::address() const {
    const auto address =
        net::Address::parse_numeric(options_.bind.empty() ? "::" : options_.bind, options_.port);
    if (!address) {
        return Error{ErrorKind::bad_input, "--bind '" + options_.bind + "' is not an address"};
    }
    return *address;
}

Status Gateway::open() {
    if (!options_.secret_file.empty()) {
        Result<integrity::Secret> secret = integrity::Secret::load(options_.secret_file);
        if (!secret) {
            return secret.error();
        }
        secret_ = std::move(*secret);
    }
    Result<net::Address> where = address();
    if (!where) {
        return where.error();
    }
    if (!secret_.present() && !where->is_loopback()) {
        return Error{ErrorKind::forbidden,
                     "--json-port without --secret-file would be open to everybody: give a "
                     "secret, or --bind 127.0.0.1"};
    }
    const std::string farewell = refusal_line(Refusal::busy);
    Result<net::Acceptor> acceptor = net::Acceptor::listen(*where, backlog, farewell);
    if (!acceptor && options_.bind.empty() && acceptor.error().kind == ErrorKind::system) {
        acceptor = net::Acceptor::listen(net::Address::any_v4(options_.port), backlog, farewell);
    }
    if (!acceptor) {
        return Error{acceptor.error().kind, "JSON gateway: " + acceptor.error().message};
    }
    log::info("JSON gateway on " + acceptor->address().to_string() +
              (secret_.present() ? "" : ", without a secret: open to every program of this host"));
    acceptor_ = std::move(*acceptor);
    return {};
}

void Gateway::start(peer::GatewayApi& api, std::function<void(Status)> ended) {
    shared_.api = &api;
    // Several threads may have a reason to end; the peer is told the first.
    ended_ = [ended = std::move(ended), once = std::make_shared<std::once_flag>()](Status why) {
        std::call_once(*once, [&] { ended(std::move(why)); });
    };
    threads_.push_back(start_thread(
        "json-wait", [this] { wait_for_clients(); }, ended_));
    for (unsigned i = 0; i < options_.threads; ++i) {
        threads_.push_back(start_thread(
            "json-work-" + std::to_string(i), [this] { work(); }, ended_));
    }
}

void Gateway::wait_for_clients() {
    Status status;
    {
        Waiter waiter(std::move(*acceptor_), secret_, options_.clients_max,
                      options_.clients_per_address_max, shared_, mailbox_, queue_);
        status = waiter.run();
    }
    queue_.close();
    ended_(std::move(status));
}

void Gateway::work() {
    std::vector<std::uint8_t> scratch(scratch_size);
    for (Work work = queue_.pop(); work.connection; work = queue_.pop()) {
        const Turn turn = work.connection->work(shared_, scratch);
        Berth::Put put = Berth::Put::closing;
        if (turn == Turn::again) {
            put = Berth::Put::has_news;
        } else if (turn != Turn::closed) {
            put = work.berth->put(work.connection, turn, steady_now());
        }
        if (put == Berth::Put::has_news) {
            queue_.push(work, false);
        } else if (put == Berth::Put::closing) {
            mailbox_->post(Done{std::move(work.connection)});
        }
    }
}

void Gateway::join() {
    mailbox_->post(Stop{});  // unless it has stopped: a thread may have failed
    queue_.close();
    for (std::thread& thread : threads_) {
        thread.join();
    }
    // What was left behind holds handles of the peer, which must not outlive it.
    queue_.drop_all();
    mailbox_->take();
    shared_.files.clear();
}

}  // namespace

std::unique_ptr<peer::Service> make_gateway(GatewayOptions options) {
    return std::make_unique<Gateway>(std::move(options));
}

}  // namespace shoal::gateway::json
