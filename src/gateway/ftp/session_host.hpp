// SessionHost: what a session asks of its surroundings: sockets, the peer's door, the clock.
//
// What is asked with "→ handle_x" is answered by one call of Session::handle_x, unless
// drop_questions() comes between; a session asks last, so that the answer may come at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/ftp/listing.hpp"
#include "shoal/base/wipe.hpp"
#include "shoal/net/address.hpp"
#include "shoal/peer/gateway_api.hpp"

namespace shoal::gateway::ftp {

// A change of the shared folder.
struct Change {
    enum class Kind : std::uint8_t { remove, make_folder, remove_folder, rename, set_mtime };
    Kind kind{};
    std::string name;
    std::string to{};       // rename
    std::int64_t mtime{0};  // set_mtime: seconds since 1970
};

// What a STOR, STOU or APPE writes.
struct StoreOrder {
    std::string name;
    std::uint64_t keep{0};  // as in peer::UploadOrder
    bool unique{false};     // STOU: never replace
};

class SessionHost {
  public:
    enum class Where : std::uint8_t {
        tree,    // what the swarm has; of a file that is not hashed yet, without its root
        hashed,  // the same, with its root
        here,    // in this host's shared folder, on the disk: waits for nobody
    };

    virtual ~SessionHost() = default;

    virtual void send(std::string_view replies) = 0;  // control connection, in order
    virtual void close() = 0;                         // once everything sent is out
    virtual void check_password(std::string user, SecretText password) = 0;  // → handle_login
    [[nodiscard]] virtual std::uint32_t network_size() const = 0;
    [[nodiscard]] virtual std::int64_t now() const = 0;  // seconds since 1970
    // A few random letters, for STOU.
    virtual std::string unique_suffix() = 0;

    // The tree.
    virtual void lookup(const std::string& name, Where where) = 0;  // → handle_entry
    virtual void browse(const std::string& name) = 0;               // → handle_view
    virtual void change(Change change) = 0;                         // → handle_changed
    virtual void hash(const std::string& name) = 0;  // → handle_hash: SHA-256 of all of it
    // Forgets all questions, and what was opened but not started.
    virtual void drop_questions() = 0;

    // The data connection. Only one at a time: each call ends the one before.
    [[nodiscard]] virtual net::Address control_peer() const = 0;
    [[nodiscard]] virtual net::Address control_local() const = 0;
    virtual Result<net::Address> listen() = 0;              // → handle_data, when it is connected
    virtual void connect(const net::Address& address) = 0;  // → handle_data
    virtual void drop_data() = 0;

    // A transfer: opened, then started, then → handle_transfer_end.
    virtual void open_file(const std::string& name, std::uint64_t offset) = 0;  // → handle_opened
    virtual void open_upload(StoreOrder order) = 0;                             // → handle_stored
    virtual void open_listing(Listing listing) = 0;                             // at once
    // Moves what was opened over the data connection, as soon as there is one.
    virtual void start_transfer(bool ascii) = 0;
    // Ends it and closes the data connection; no answer comes. False when it is as good as done:
    // its answer comes all the same.
    virtual bool abort_transfer() = 0;
};

// How a transfer ended.
struct TransferEnd {
    enum class Kind : std::uint8_t {
        complete,
        no_connection,  // the client did not come, or is not there
        broken,         // the connection was lost or stalled
        failed,         // `error`: ours
    };
    Kind kind{};
    Error error{};
};

}  // namespace shoal::gateway::ftp
