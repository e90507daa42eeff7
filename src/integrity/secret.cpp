#include "shoal/integrity/secret.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "shoal/base/fd.hpp"
#include "shoal/base/wipe.hpp"

namespace shoal::integrity {
namespace {

constexpr std::size_t secret_min = 16;
constexpr std::size_t secret_max = 4096;
constexpr std::size_t line_end_max = 2;

Error refuse(ErrorKind kind, const std::string& path, const std::string& why) {
    return {kind, "cannot use the secret file '" + path + "': " + why};
}

Result<void> check_file(int fd, const std::string& path) {
    struct stat info {};
    if (fstat(fd, &info) != 0) {
        return system_error("cannot look at the secret file '" + path + "'", errno);
    }
    if (!S_ISREG(info.st_mode)) {
        return refuse(ErrorKind::bad_input, path, "it is not a regular file");
    }
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return refuse(ErrorKind::forbidden, path,
                      "others than its owner may use it; run: chmod 600 '" + path + "'");
    }
    return {};
}

// Fills `out` as far as the file goes.
Result<std::size_t> read_up_to(int fd, std::span<std::uint8_t> out, const std::string& path) {
    std::size_t size = 0;
    while (size < out.size()) {
        const ssize_t got = read(fd, out.data() + size, out.size() - size);
        if (got == 0) {
            break;
        }
        if (got > 0) {
            size += static_cast<std::size_t>(got);
        } else if (errno != EINTR) {
            return system_error("cannot read the secret file '" + path + "'", errno);
        }
    }
    return size;
}

void drop_line_end(std::vector<std::uint8_t>& bytes) {
    for (const char end : {'\n', '\r'}) {
        if (!bytes.empty() && bytes.back() == static_cast<std::uint8_t>(end)) {
            bytes.pop_back();
        }
    }
}

}  // namespace

Secret::~Secret() {
    if (!bytes_.empty()) {
        explicit_bzero(bytes_.data(), bytes_.size());
    }
}

Result<Secret> Secret::load(const std::string& path) {
    leave_no_core();
    // Non-blocking, so that a FIFO under this name cannot hang the start.
    const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!fd) {
        return system_error("cannot open the secret file '" + path + "'", errno);
    }
    if (auto checked = check_file(fd.get(), path); !checked) {
        return checked.error();
    }
    Secret secret(std::vector<std::uint8_t>(secret_max + line_end_max + 1));
    const auto size = read_up_to(fd.get(), secret.bytes_, path);
    if (!size) {
        return size.error();
    }
    secret.bytes_.resize(*size);
    drop_line_end(secret.bytes_);
    if (secret.bytes_.size() < secret_min || secret.bytes_.size() > secret_max) {
        return refuse(ErrorKind::bad_input, path,
                      "a secret has 16 to 4096 bytes; to make one: "
                      "head -c 32 /dev/urandom | base64 > FILE");
    }
    return secret;
}

}  // namespace shoal::integrity
