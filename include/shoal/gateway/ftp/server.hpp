// The FTP gateway as a service of the peer: an acceptor, worker threads with many clients each,
// and a thread that checks passwords.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "shoal/base/time.hpp"
#include "shoal/peer/service.hpp"

namespace shoal::gateway::ftp {

struct Options {
    std::string bind;  // numeric address; empty: all (IPv6 wildcard, takes IPv4)
    std::uint16_t port{2121};
    unsigned threads{2};
    unsigned clients_per_thread{200};
    unsigned clients_per_address{0};  // 0: a quarter of all, but as many as like from this host
    std::string users_file;           // empty: none but anonymous
    bool anonymous{true};             // read-only
    std::uint16_t passive_low{0};     // ports for PASV and EPSV; 0: whichever is free
    std::uint16_t passive_high{0};
    std::string advertise;  // numeric IPv4 address that PASV names; empty: where the client came
    // A client that says nothing for so long goes, and so does a transfer of which nothing moves.
    Duration idle{std::chrono::minutes(5)};
};

// Outlives the run_peer() that it is given to: answers of the peer may come until that returns.
std::unique_ptr<peer::Service> make_server(Options options);

}  // namespace shoal::gateway::ftp
