#include "gateway/ftp/verifier.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "shoal/base/limits.hpp"
#include "shoal/base/log.hpp"
#include "shoal/base/random.hpp"
#include "shoal/base/text.hpp"
#include "shoal/base/wipe.hpp"

namespace shoal::gateway::ftp {
namespace {

constexpr std::size_t file_size_max = 4 * limits::MiB;

std::string stamp_of(const struct stat& status) {
    return std::to_string(status.st_dev) + " " + std::to_string(status.st_ino) + " " +
           std::to_string(status.st_size) + " " + std::to_string(status.st_mtim.tv_sec) + " " +
           std::to_string(status.st_mtim.tv_nsec);
}

Result<std::string> read_all(int fd, const std::string& what) {
    std::string text;
    std::array<char, 4096> block{};
    for (;;) {
        const ssize_t got = ::read(fd, block.data(), block.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return system_error("cannot read " + what, errno);
        }
        if (got == 0) {
            return text;
        }
        text.append(block.data(), static_cast<std::size_t>(got));
        if (text.size() > file_size_max) {
            return Error{ErrorKind::bad_input, what + " is larger than 4 MiB"};
        }
    }
}

std::array<std::uint8_t, 32> random_key() {
    std::array<std::uint8_t, 32> key{};
    random_bytes(key);
    return key;
}

}  // namespace

Verifier::Verifier(std::string users_file)
    : users_file_(std::move(users_file)), right_key_(random_key()) {}

Status Verifier::open() {
    if (users_file_.empty()) {
        return {};
    }
    leave_no_core();
    return refresh();
}

void Verifier::refresh_or_say() {
    if (const Status read = users_file_.empty() ? Status{} : refresh(); !read) {
        log::warning(read.error().message + "; the users known before stay");
    }
}

Status Verifier::refresh() {
    const std::string what = "the users file '" + text::escape(users_file_) + "'";
    const Fd file(::open(users_file_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0) {
        return system_error("cannot open " + what, errno);
    }
    if (!S_ISREG(status.st_mode)) {  // a pipe without a writer reads like a file without users
        return Error{ErrorKind::bad_input, what + " is not a regular file"};
    }
    if (stamp_of(status) == stamp_) {
        return {};
    }
    Result<std::string> text = read_all(file.get(), what);
    Result<Users> users = text ? parse_users(*text, users_file_) : Result<Users>(text.error());
    if (!users) {
        return users.error();
    }
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        log::warning(what + " is open to other users of this host: chmod 600 it");
    }
    stamp_ = stamp_of(status);
    right_.clear();
    users_ = std::move(*users);
    return {};
}

Status Verifier::run() {
    if (Status watched = poller_.watch(mailbox_.fd(), true, false); !watched) {
        return watched;
    }
    for (;;) {
        poller_.wait(until_next(steady_now()));
        if (!take_mail()) {
            return {};
        }
        tell_due(steady_now());
        look_at_one(steady_now());  // one: mail is looked at between two
    }
}

bool Verifier::take_mail() {
    for (VerifierMail& mail : mailbox_.take()) {
        if (std::holds_alternative<Stop>(mail)) {
            return false;
        }
        if (std::holds_alternative<ReadUsers>(mail)) {
            refresh_or_say();
        } else {
            admit(std::move(std::get<LoginAttempt>(mail)));
        }
    }
    return true;
}

// Only one of an address is compared before its turn: else the gate would not slow its guesses.
void Verifier::admit(LoginAttempt attempt) {
    const TimePoint now = steady_now();
    const bool first = queue_.waiting_of(attempt.address) == 0;
    const bool compared = first && gate_.opens_at(attempt.address, now) <= now;
    const Rights rights = compared ? known_rights(attempt) : Rights::none;
    if (rights != Rights::none) {
        welcome(attempt, rights);
    } else if (const auto out = queue_.add(std::move(attempt), now)) {
        answer(*out, {Rights::none, true});
    }
}

void Verifier::look_at_one(TimePoint now) {
    const auto attempt = queue_.take(now);
    if (!attempt) {
        return;
    }
    Rights rights = known_rights(*attempt);
    if (rights == Rights::none) {
        rights = check_user(users_, attempt->user, attempt->password.view());
    }
    if (rights != Rights::none) {
        welcome(*attempt, rights);
    } else {
        log::info("FTP login of '" + attempt->user + "' from " + attempt->address + " refused");
        const TimePoint due = gate_.handle_failure(attempt->address, steady_now());
        refusals_.push_back({due, attempt->from, attempt->client, attempt->question});
    }
}

void Verifier::welcome(const LoginAttempt& attempt, Rights rights) {
    gate_.handle_success(attempt.address, steady_now());
    right_.insert_or_assign(attempt.user, mark_of(attempt));
    answer(attempt, {rights, false});
}

Rights Verifier::known_rights(const LoginAttempt& attempt) {
    refresh_or_say();
    const auto known = right_.find(attempt.user);
    const bool same = known != right_.end() &&
                      integrity::equal_constant_time(known->second.bytes, mark_of(attempt).bytes);
    return same ? users_.find(attempt.user)->second.rights : Rights::none;
}

integrity::Digest Verifier::mark_of(const LoginAttempt& attempt) const {
    const auto bytes = [](std::string_view text) {
        return std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    };
    return right_key_.mac({bytes(attempt.user), bytes("\n"), bytes(attempt.password.view())});
}

void Verifier::tell_due(TimePoint now) {
    std::erase_if(refusals_, [&](const Refusal& one) {
        if (one.due <= now) {
            one.from->post(Answered{one.client, one.question, LoginVerdict{}});
        }
        return one.due <= now;
    });
}

std::optional<Duration> Verifier::until_next(TimePoint now) const {
    std::optional<TimePoint> next = queue_.next(now);
    for (const Refusal& one : refusals_) {
        sooner(next, one.due);
    }
    return next ? std::optional<Duration>(*next - now) : std::nullopt;
}

void Verifier::answer(const LoginAttempt& attempt, LoginVerdict verdict) {
    attempt.from->post(Answered{attempt.client, attempt.question, verdict});
}

}  // namespace shoal::gateway::ftp
