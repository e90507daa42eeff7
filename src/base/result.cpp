#include "shoal/base/result.hpp"

#include <cerrno>
#include <system_error>

namespace shoal {
namespace {

ErrorKind kind_of(int error_number) {
    switch (error_number) {
        case ENOENT:
        case ENOTDIR:
            return ErrorKind::not_found;
        case EACCES:
        case EPERM:
        case EROFS:
        case ELOOP:  // O_NOFOLLOW met a symbolic link
        case EXDEV:  // RESOLVE_BENEATH met a way out
            return ErrorKind::forbidden;
        case EEXIST:
        case ENOTEMPTY:
            return ErrorKind::exists;
        case ENOSPC:
        case EDQUOT:
            return ErrorKind::no_space;
        case EAGAIN:
        case EBUSY:
        case ETXTBSY:
        case EMFILE:
        case ENFILE:
        case EADDRINUSE:
            return ErrorKind::busy;
        case EPIPE:
        case ECONNRESET:
        case ECONNABORTED:
        case ECONNREFUSED:
        case ENOTCONN:
        case ETIMEDOUT:
        case EHOSTUNREACH:
        case ENETUNREACH:
            return ErrorKind::closed;
        default:
            return ErrorKind::system;
    }
}

}  // namespace

Error system_error(std::string_view what_failed, int error_number) {
    return {kind_of(error_number),
            std::string(what_failed) + ": " + std::generic_category().message(error_number)};
}

}  // namespace shoal
