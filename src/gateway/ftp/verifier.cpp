#include "gateway/ftp/verifier.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "shoal/base/limits.hpp"
#include "shoal/base/log.hpp"
#include "shoal/base/text.hpp"

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

}  // namespace

Status Verifier::open() { return users_file_.empty() ? Status{} : refresh(); }

Status Verifier::refresh() {
    const std::string what = "the users file '" + text::escape(users_file_) + "'";
    const Fd file(::open(users_file_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0) {
        return system_error("cannot open " + what, errno);
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
    users_ = std::move(*users);
    return {};
}

void Verifier::run() {
    if (const Status watched = poller_.watch(mailbox_.fd(), true, false); !watched) {
        log::error(watched.error().message);
        return;
    }
    for (;;) {
        poller_.wait(until_next(steady_now()));
        if (!take_mail()) {
            return;
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
        admit(std::move(std::get<LoginAttempt>(mail)));
    }
    return true;
}

void Verifier::admit(LoginAttempt attempt) {
    const auto same =
        std::count_if(waiting_.begin(), waiting_.end(),
                      [&](const LoginAttempt& other) { return other.address == attempt.address; });
    if (waiting_.size() >= waiting_max ||
        static_cast<std::size_t>(same) >= waiting_per_address_max) {
        answer(attempt, {Rights::none, true});
    } else {
        waiting_.push_back(std::move(attempt));
    }
}

bool Verifier::look_at_one(TimePoint now) {
    const auto next = std::find_if(waiting_.begin(), waiting_.end(), [&](const LoginAttempt& one) {
        return gate_.opens_at(one.address, now) <= now;
    });
    if (next == waiting_.end()) {
        return false;
    }
    LoginAttempt attempt = std::move(*next);
    waiting_.erase(next);
    if (const Status read = open(); !read) {
        log::warning(read.error().message + "; the users known before stay");
    }
    const Rights rights = check_user(users_, attempt.user, attempt.password);
    std::fill(attempt.password.begin(), attempt.password.end(), '\0');
    if (rights != Rights::none) {
        gate_.handle_success(attempt.address);
        answer(attempt, {rights, false});
    } else {
        log::info("FTP login of '" + attempt.user + "' from " + attempt.address + " refused");
        const TimePoint due = gate_.handle_failure(attempt.address, steady_now());
        refusals_.push_back({due, std::move(attempt), rights});
    }
    return true;
}

void Verifier::tell_due(TimePoint now) {
    std::erase_if(refusals_, [&](const Verdict& one) {
        if (one.due <= now) {
            answer(one.attempt, {one.rights, false});
        }
        return one.due <= now;
    });
}

std::optional<Duration> Verifier::until_next(TimePoint now) const {
    std::optional<TimePoint> next;
    const auto consider = [&](TimePoint time) { next = next ? std::min(*next, time) : time; };
    for (const LoginAttempt& one : waiting_) {
        consider(gate_.opens_at(one.address, now));
    }
    for (const Verdict& one : refusals_) {
        consider(one.due);
    }
    return next ? std::optional<Duration>(*next - now) : std::nullopt;
}

void Verifier::answer(const LoginAttempt& attempt, LoginVerdict verdict) {
    attempt.from->post(Answered{attempt.client, attempt.question, verdict});
}

}  // namespace shoal::gateway::ftp
