// Verifier: the thread that checks passwords, which is made to take long, so that a login costs no
// other client. Reads the users file, again when it changes.
#pragma once

#include <list>
#include <map>
#include <optional>
#include <string>

#include "gateway/ftp/login_queue.hpp"
#include "gateway/ftp/mail.hpp"
#include "shoal/gateway/ftp/users.hpp"
#include "shoal/integrity/sha256.hpp"
#include "shoal/net/epoll_poller.hpp"

namespace shoal::gateway::ftp {

class Verifier {
  public:
    explicit Verifier(std::string users_file);

    // Reads the users file; before run().
    Status open();
    Status run();  // the thread, until Stop
    [[nodiscard]] VerifierBox& mailbox() { return mailbox_; }

  private:
    struct Refusal {
        TimePoint due;  // told when its delay is over
        WorkerBox* from;
        ClientId client;
        Question question;
    };

    bool take_mail();
    void admit(LoginAttempt attempt);
    void look_at_one(TimePoint now);
    // With the users file as it is now; none: the password must be checked.
    [[nodiscard]] Rights known_rights(const LoginAttempt& attempt);
    void welcome(const LoginAttempt& attempt, Rights rights);
    [[nodiscard]] integrity::Digest mark_of(const LoginAttempt& attempt) const;
    void tell_due(TimePoint now);
    [[nodiscard]] std::optional<Duration> until_next(TimePoint now) const;
    Status refresh();
    void refresh_or_say();
    static void answer(const LoginAttempt& attempt, LoginVerdict verdict);

    std::string users_file_;
    std::string stamp_;  // of the file as it was read: device, inode, size, time
    Users users_;
    // What was right once is known again at once, by a MAC under a key of this run: a user who was
    // here before waits for nobody's guesses. At most one a user, until the file changes.
    std::map<std::string, integrity::Digest, std::less<>> right_;
    integrity::HmacKey right_key_;
    LoginGate gate_;
    LoginQueue queue_{gate_};
    std::list<Refusal> refusals_;
    VerifierBox mailbox_;
    net::EpollPoller poller_;
};

}  // namespace shoal::gateway::ftp
