#include "shoal/gateway/ftp/server.hpp"

#include <pthread.h>
#include <sys/socket.h>

#include <atomic>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "gateway/ftp/acceptor_loop.hpp"
#include "gateway/ftp/reply.hpp"
#include "gateway/ftp/verifier.hpp"
#include "gateway/ftp/worker.hpp"
#include "shoal/base/log.hpp"
#include "shoal/net/socket.hpp"

namespace shoal::gateway::ftp {
namespace {

constexpr int backlog = 4096;

class Server final : public peer::Service {
  public:
    explicit Server(Options options);
    Status open() override;
    void start(peer::GatewayApi& api, std::function<void(Status)> ended) override;
    void reload() override { verifier_.mailbox().post(ReadUsers{}); }
    void stop() override;
    void join() override;

  private:
    template <typename Body>
    void start_thread(const std::string& name, Body body);
    void handle_end(const Status& status);
    void stop_all();

    Shared shared_;
    Verifier verifier_;
    std::unique_ptr<AcceptorLoop> acceptor_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<WorkerBox*> boxes_;
    std::vector<std::thread> threads_;
    std::function<void(Status)> ended_;
    std::atomic<std::size_t> running_{0};
    Guarded<Status> outcome_;
};

Server::Server(Options options) : verifier_(options.users_file) {
    shared_.options = std::move(options);
}

// What is set here, accepted sockets inherit: it saves three calls for each client.
void tune_listener(int fd) {
    net::set_no_delay(fd);  // replies are single writes; a second one must not wait for an ACK
    net::set_dead_peer_timeout(fd, 120);
    const int on = 1;  // a Telnet Synch comes as urgent data
    static_cast<void>(::setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on));
}

Status Server::open() {
    Options& options = shared_.options;
    auto address = options.bind.empty() ? net::Address::parse_numeric("::", options.port)
                                        : net::Address::parse_numeric(options.bind, options.port);
    if (!address) {
        return Error{ErrorKind::bad_input, "'" + options.bind + "' is not a numeric address"};
    }
    const std::string farewell = reply(421, "Out of descriptors, try again later.");
    Result<net::Acceptor> acceptor = net::Acceptor::listen(*address, backlog, farewell);
    if (!acceptor && options.bind.empty()) {  // a host without IPv6
        acceptor = net::Acceptor::listen(net::Address::any_v4(options.port), backlog, farewell);
    }
    if (!acceptor) {
        return Error{acceptor.error().kind, "FTP gateway: " + acceptor.error().message};
    }
    tune_listener(acceptor->fd());
    const net::Address local = acceptor->address();
    acceptor_ = std::make_unique<AcceptorLoop>(options, std::move(*acceptor));
    shared_.ports = PassivePorts(options.passive_low, options.passive_high);
    shared_.rules.anonymous = options.anonymous;
    if (!options.advertise.empty()) {
        shared_.rules.advertise = net::Address::parse_numeric(options.advertise, 0);
    }
    shared_.acceptor = &acceptor_->mailbox();
    shared_.verifier = &verifier_.mailbox();
    for (unsigned i = 0; i < options.threads; ++i) {
        workers_.push_back(std::make_unique<Worker>(shared_));
        boxes_.push_back(&workers_.back()->mailbox());
    }
    if (!options.anonymous && options.users_file.empty()) {
        log::warning(
            "nobody can log in to the FTP gateway: give --ftp-users a file, or --ftp-anonymous on");
    }
    log::info("FTP gateway on " + local.to_string());
    return verifier_.open();
}

template <typename Body>
void Server::start_thread(const std::string& name, Body body) {
    ++running_;
    threads_.emplace_back([this, name, body] {
        ::pthread_setname_np(::pthread_self(), name.c_str());
        Status status;
        try {
            status = body();
        } catch (const std::exception& error) {
            status = Error{ErrorKind::system, name + " failed: " + error.what()};
        }
        handle_end(status);
    });
}

void Server::start(peer::GatewayApi& api, std::function<void(Status)> ended) {
    shared_.api = &api;
    ended_ = std::move(ended);
    running_ = 1;  // held until all are started, so that none is taken for the last
    start_thread("ftp-accept", [this] { return acceptor_->run(boxes_); });
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        start_thread("ftp-" + std::to_string(i),
                     [worker = workers_[i].get()] { return worker->run(); });
    }
    start_thread("ftp-login", [this] { return verifier_.run(); });
    handle_end({});
}

// One that fails takes the others along; the last to end says so.
void Server::handle_end(const Status& status) {
    if (!status) {
        outcome_.with([&](Status& outcome) { outcome = outcome ? status : outcome; });
        stop_all();
    }
    if (--running_ == 0) {
        ended_(outcome_.with([](const Status& outcome) { return outcome; }));
    }
}

void Server::stop() { stop_all(); }

void Server::stop_all() {
    acceptor_->mailbox().post(Stop{});
    for (WorkerBox* box : boxes_) {
        box->post(Stop{});
    }
    verifier_.mailbox().post(Stop{});
}

void Server::join() {
    for (std::thread& thread : threads_) {
        thread.join();
    }
    threads_.clear();
}

}  // namespace

std::unique_ptr<peer::Service> make_server(Options options) {
    return std::make_unique<Server>(std::move(options));
}

}  // namespace shoal::gateway::ftp
