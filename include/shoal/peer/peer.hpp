// Peer: the four threads and the store, started, run and joined.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "shoal/base/limits.hpp"
#include "shoal/base/result.hpp"
#include "shoal/peer/front_end.hpp"
#include "shoal/peer/service.hpp"

namespace shoal::peer {

struct PeerOptions {
    std::string bind;          // numeric address; empty: all (IPv6 wildcard, takes IPv4)
    std::uint16_t port{8080};  // 0: a free one (one-shots)
    std::string hosts_file{"hosts.txt"};
    std::string shared{"shared"};
    std::string downloads{"downloads"};
    std::string state{".shoal"};
    std::string secret_file;  // empty: open to all
    // Further files that this process uses itself: never offered, read or changed by others,
    // wherever they lie. Secret, hosts and state are known to be.
    std::vector<std::string> own_files;
    std::string advertise;        // ADDR or ADDR:PORT in this host's hits; empty: as it is seen
    std::uint64_t max_upload{0};  // bytes per second, 0: unlimited
    std::uint64_t max_download{0};
    std::uint32_t max_clients{400};
    std::uint32_t max_clients_per_address{64};
    // Bytes of files that came through gateways and are kept for the next who asks; beyond it the
    // least recently read go. What the user fetched does not count.
    std::uint64_t cache_size{10 * limits::GiB};
    bool one_shot{false};  // says nothing at start, hashes only what is asked for
};

// Runs the peer on this thread (main) until `front` is finished, a thread fails, or a signal
// says so; returns the exit code. An error before the threads are up (address in use, no
// hosts file, unusable folder) comes back as Error.
// `services` (gateways) are opened first, started when the threads are up, and have ended before
// those are told to stop.
// Blocks the handled signals in the whole process; call once.
Result<int> run_peer(const PeerOptions& options, FrontEnd& front,
                     std::span<Service* const> services = {});

// For `shoal hash`: size and root of one file.
struct LocalHash {
    std::uint64_t size{};
    std::string root;
    std::uint32_t chunks{};
    std::uint32_t chunk_size{};
};
Result<LocalHash> hash_local_file(const std::string& path);

// For `shoal status`: asks the peer at that address, waits at most `timeout`. The kind of the
// error tells: closed (nobody there), forbidden (not let in), system.
Result<StatusReport> ask_status(const std::string& address, std::uint16_t port,
                                const std::string& secret_file, Duration timeout);

}  // namespace shoal::peer
