// Everything that the gateway's threads say to each other.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "gateway/ftp/session.hpp"
#include "shoal/base/fd.hpp"
#include "shoal/base/wipe.hpp"
#include "shoal/net/address.hpp"
#include "shoal/net/mailbox.hpp"
#include "shoal/net/places.hpp"
#include "shoal/peer/gateway_api.hpp"

namespace shoal::gateway::ftp {

// Unique in its worker; never used twice.
using ClientId = std::uint64_t;
// Numbers a client's questions, so that the answer to one that was dropped is known for what it is.
using Question = std::uint32_t;

struct Stop {};

// Numbers a client's place at the door; later ones are larger.
using Place = net::Places::Id;

// acceptor → worker
struct NewClient {
    Fd socket;
    Place place{};
};
struct Evict {  // unless it has logged in: somebody else needs the place
    Place place{};
};

// peer, verifier → worker
using Answer = std::variant<LoginVerdict, Result<peer::TreeEntry>, Result<peer::FolderViewPtr>,
                            Result<peer::ReadStreamPtr>, Result<peer::UploadPtr>,
                            Result<peer::Published>, Status, Result<std::string>>;
struct Answered {
    ClientId client{};
    Question question{};
    Answer answer;
};
struct News {  // a stream has more to read
    ClientId client{};
    Question question{};
};
using WorkerMail = std::variant<NewClient, Evict, Answered, News, Stop>;
using WorkerBox = net::Mailbox<WorkerMail>;

// worker → acceptor
struct LoggedIn {
    Place place{};
};
struct ClientGone {
    Place place{};
};
using AcceptorMail = std::variant<LoggedIn, ClientGone, Stop>;
using AcceptorBox = net::Mailbox<AcceptorMail>;

// worker → verifier
struct LoginAttempt {
    WorkerBox* from{};
    ClientId client{};
    Question question{};
    std::string address;
    std::string user;
    SecretText password;
};
struct ReadUsers {};  // now, so that a fault is told now
using VerifierMail = std::variant<LoginAttempt, ReadUsers, Stop>;
using VerifierBox = net::Mailbox<VerifierMail>;

}  // namespace shoal::gateway::ftp
