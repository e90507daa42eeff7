#include "shoal/peer/peer.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>
#include <thread>
#include <vector>

#include "peer/connector.hpp"
#include "peer/door.hpp"
#include "peer/keeper.hpp"
#include "peer/listener.hpp"
#include "peer/reader.hpp"
#include "peer/requester.hpp"
#include "shoal/base/log.hpp"
#include "shoal/base/random.hpp"
#include "shoal/base/signals.hpp"
#include "shoal/net/socket.hpp"

namespace shoal::peer {

namespace {

constexpr int backlog = 512;

// Signals come to main, by descriptor; threads inherit the mask. SIGPIPE becomes EPIPE. What was
// ignored at start (nohup, a shell's background jobs) stays ignored.
Result<Fd> route_signals() {
    sigset_t handled;
    sigemptyset(&handled);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        if (!is_ignored(number)) {
            sigaddset(&handled, number);
        }
    }
    for (const int number : {SIGPIPE, SIGUSR1, SIGUSR2, SIGXFSZ}) {
        ::signal(number, SIG_IGN);
    }
    if (const int error = ::pthread_sigmask(SIG_BLOCK, &handled, nullptr); error != 0) {
        return system_error("cannot block signals", error);
    }
    const int fd = ::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        return system_error("cannot make a descriptor for signals", errno);
    }
    return Fd(fd);
}

// What is never offered. The state folder's files (the store adds its own) stand by name, too,
// since it may be the shared one.
std::vector<std::string> own_files(const PeerOptions& options) {
    std::vector<std::string> own = options.own_files;
    own.insert(own.end(), {options.secret_file, options.hosts_file, options.state});
    for (const char* name :
         {"gateway-cache", "gateway-cache.new", "gateway-claims", "history", "history.new"}) {
        own.push_back(options.state + "/" + name);
    }
    return own;
}

Result<net::Address> address_to_bind(const PeerOptions& options) {
    if (options.bind.empty()) {
        return *net::Address::parse_numeric("::", options.port);
    }
    const auto address = net::Address::parse_numeric(options.bind, options.port);
    if (!address) {
        return Error{ErrorKind::bad_input, "--bind '" + options.bind +
                                               "' is not an address: write a number such as "
                                               "192.168.1.5 or ::1"};
    }
    return *address;
}

// Where others are told that this host is. A number, since asking a resolver may block; of the
// port none means the one that is listened on.
Result<HostAddress> address_to_advertise(const PeerOptions& options, std::uint16_t port) {
    if (options.advertise.empty()) {
        return HostAddress{};
    }
    const auto name = net::parse_host_name(options.advertise, port);
    const auto address = name ? net::Address::parse_numeric(name->host, name->port) : std::nullopt;
    if (!address || !address->is_dialable()) {
        return Error{ErrorKind::bad_input,
                     "--advertise '" + options.advertise +
                         "' is not the address of a host: write a number such as 203.0.113.5, "
                         "203.0.113.5:8080 or [2001:db8::5]:8080"};
    }
    return address->wire();
}

// Everywhere means IPv6 and IPv4; IPv4 alone where the machine has no IPv6.
Result<Fd> listen(const PeerOptions& options, net::Address& bind) {
    Result<Fd> listening = net::listen_on(bind, backlog);
    if (!listening && options.bind.empty() && listening.error().kind == ErrorKind::system) {
        bind = net::Address::any_v4(options.port);
        return net::listen_on(bind, backlog);
    }
    return listening;
}

// A thread of the peer: named, and whatever ends it is told to main.
template <typename Body>
std::thread start_thread(Wiring& wiring, const char* name, Body body) {
    return std::thread([&wiring, name, body = std::move(body)]() mutable {
        ::pthread_setname_np(::pthread_self(), name);
        ThreadEnded ended{name, {}};
        try {
            if (const Status status = body(); !status) {
                ended.why = status.error().message;
            }
        } catch (const std::exception& error) {
            ended.why = error.what();
        }
        wiring.keeper.post(ended);
    });
}

void start_services(Wiring& wiring, Door& door, std::span<Service* const> services) {
    for (std::size_t i = 0; i < services.size(); ++i) {
        services[i]->start(door, [&wiring, i](const Status& ended) {
            wiring.keeper.post(ServiceEnded{i, ended ? std::string() : ended.error().message});
        });
    }
}

int run_threads(Wiring& wiring, store::Store& store, Fd listening, net::HostsFile hosts, Fd signals,
                FrontEnd& front, std::span<Service* const> services) {
    const Heartbeat beats;
    Door door(wiring);
    Connector connector(wiring, std::move(hosts));
    Requester requester(wiring, door, front);
    Reader reader(wiring);
    Listener listener(wiring, std::move(listening));
    std::vector<std::thread> threads;
    threads.push_back(start_thread(wiring, "reader", [&reader] { return reader.run(); }));
    threads.push_back(start_thread(wiring, "listener", [&listener] { return listener.run(); }));
    threads.push_back(start_thread(wiring, "requester", [&requester] { return requester.run(); }));
    threads.push_back(start_thread(wiring, "connector", [&connector] { return connector.run(); }));
    int exit_code = static_cast<int>(Outcome::failed);
    try {
        Keeper keeper(wiring, store, std::move(signals), front);
        start_services(wiring, door, services);
        exit_code = keeper.run(threads.size(), services);
    } catch (const std::exception& error) {
        log::error(std::string("main failed: ") + error.what());
        for (Service* service : services) {
            service->stop();
        }
        Keeper::stop_all(wiring);
    }
    for (Service* service : services) {
        service->join();
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    return exit_code;
}

void warn_if_open(const Wiring& wiring) {
    const Identity& own = wiring.identity;
    if (!wiring.options.one_shot && !own.secret.present() && !own.bind.is_loopback()) {
        log::warning("open to everybody who can reach " + own.bind.with_port(own.port).to_string() +
                     ": use --secret-file on networks that you do not trust");
    }
}

}  // namespace

Result<int> run_peer(const PeerOptions& options, FrontEnd& front,
                     std::span<Service* const> services) {
    raise_descriptor_limit();
    Result<Fd> signals = route_signals();
    if (!signals) {
        return signals.error();
    }
    Wiring wiring;
    wiring.options = options;
    wiring.figures.started = steady_now();
    wiring.figures.max_upload = options.max_upload;
    wiring.figures.max_download = options.max_download;
    random_bytes(wiring.identity.node.bytes);
    if (!options.secret_file.empty()) {
        Result<protocol::Secret> secret = protocol::Secret::load(options.secret_file);
        if (!secret) {
            return secret.error();
        }
        wiring.identity.secret = *secret;
    }
    net::HostsFile hosts(options.hosts_file, 8080);
    if (const Result<bool> read = hosts.refresh(); !read) {
        return read.error();
    }
    Result<net::Address> bind = address_to_bind(options);
    if (!bind) {
        return bind.error();
    }
    Result<Fd> listening = listen(options, *bind);
    if (!listening) {
        return listening.error();
    }
    wiring.identity.bind = *bind;
    wiring.identity.port = net::local_address(listening->get()).port();
    const Result<HostAddress> advertise = address_to_advertise(options, wiring.identity.port);
    if (!advertise) {
        return advertise.error();
    }
    wiring.identity.advertise = *advertise;
    auto store = store::Store::open({options.shared, options.downloads, options.state,
                                     !options.one_shot, true, own_files(options)});
    if (!store) {
        return store.error();
    }
    wiring.catalog = &(*store)->catalog();
    wiring.catalog->on_changed([&wiring](const store::HeldFile& file) {
        wiring.keeper.post(LookAgain{file.where, file.name});
    });
    for (Service* service : services) {
        if (const Status opened = service->open(); !opened) {
            return opened.error();
        }
    }
    warn_if_open(wiring);
    const int exit_code = run_threads(wiring, **store, std::move(*listening), std::move(hosts),
                                      std::move(*signals), front, services);
    front.close();
    return exit_code;
}

Result<LocalHash> hash_local_file(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) {
        return system_error("cannot open '" + path + "'", errno);
    }
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) {
        return system_error("cannot look at '" + path + "'", errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return Error{ErrorKind::bad_input, "'" + path + "' is not a regular file"};
    }
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size > limits::file_size_max) {
        return Error{ErrorKind::bad_input,
                     "'" + path + "' is larger than 1 TiB, the most that a swarm can carry"};
    }
    const Result<integrity::FileTree> tree = store::hash_file(fd.get(), size);
    if (!tree) {
        return Error{tree.error().kind, "'" + path + "': " + tree.error().message};
    }
    const integrity::Geometry geometry(size);
    return LocalHash{size, tree->id.root.hex(), geometry.chunk_count(), geometry.chunk_size()};
}

}  // namespace shoal::peer
