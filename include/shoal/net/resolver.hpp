// Resolver: asks the system's resolver without waiting for it. getaddrinfo() may take half a
// minute when a name server is dead, and nothing can break it off; so it runs in a process of its
// own: this program once more, with resolver_argument. That process is started when there is a
// name to look up, ends when its socket is closed, and may be killed at any moment. A thread per
// name works in it, so that no name waits for another.
//
// One owner thread, which watches fd() and never waits.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/base/fd.hpp"
#include "shoal/net/address.hpp"

namespace shoal::net {

inline constexpr const char* resolver_argument = "--resolve-names";

// What that process says of one name, as bytes; pure.
struct NameAnswer {
    std::string host;
    Result<std::vector<Address>> addresses;  // without ports
};
std::string encode_answer(const NameAnswer& answer);
// Nullopt: that is no answer.
std::optional<NameAnswer> decode_answer(std::string_view bytes);

class Resolver {
  public:
    static constexpr std::size_t asked_max = 64;  // at a time

    struct Answer {
        HostName name;
        Result<std::vector<Address>> addresses;  // never empty when ok
    };

    explicit Resolver(std::string program = "/proc/self/exe") : program_(std::move(program)) {}
    ~Resolver() { stop(); }
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    [[nodiscard]] bool has_room() const { return asked_.size() < asked_max; }
    // An error when the process cannot be started or spoken to.
    Status ask(const HostName& name);
    // To be watched for reading; -1: nothing is asked. It changes with ask() and stop() only.
    [[nodiscard]] int fd() const { return socket_.get(); }
    // What has been answered; when the process has ended, that is the answer to all.
    std::vector<Answer> take();
    [[nodiscard]] bool idle() const { return asked_.empty(); }
    // Ends the process, whatever it does.
    void stop();

  private:
    Status start();
    void answer(const NameAnswer& from, std::vector<Answer>& answers);

    std::string program_;
    Fd socket_;
    pid_t process_{-1};
    std::set<HostName> asked_;
};

// The body of that process: until the socket `fd` is closed on the other side.
int run_resolver(int fd);

}  // namespace shoal::net
