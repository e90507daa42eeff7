// Verifier: the thread that checks passwords, which is made to take long, so that a login costs no
// other client. Reads the users file, again when it changes.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "gateway/ftp/login_gate.hpp"
#include "gateway/ftp/mail.hpp"
#include "shoal/gateway/ftp/users.hpp"
#include "shoal/net/epoll_poller.hpp"

namespace shoal::gateway::ftp {

class Verifier {
  public:
    static constexpr std::size_t waiting_max = 1024;
    static constexpr std::size_t waiting_per_address_max = 256;

    explicit Verifier(std::string users_file) : users_file_(std::move(users_file)) {}

    // Reads the users file; before run().
    Status open();
    void run();  // the thread, until Stop
    [[nodiscard]] VerifierBox& mailbox() { return mailbox_; }

  private:
    struct Verdict {
        TimePoint due;  // a refusal is told when its delay is over
        LoginAttempt attempt;
        Rights rights;
    };

    bool take_mail();
    void admit(LoginAttempt attempt);
    bool look_at_one(TimePoint now);
    void tell_due(TimePoint now);
    [[nodiscard]] std::optional<Duration> until_next(TimePoint now) const;
    Status refresh();
    static void answer(const LoginAttempt& attempt, LoginVerdict verdict);

    std::string users_file_;
    std::string stamp_;  // of the file as it was read: device, inode, size, time
    Users users_;
    LoginGate gate_;
    std::deque<LoginAttempt> waiting_;
    std::deque<Verdict> refusals_;
    VerifierBox mailbox_;
    net::EpollPoller poller_;
};

}  // namespace shoal::gateway::ftp
