#include "sync_folders.hpp"

#include <unistd.h>

#include <cerrno>

#include "shoal/base/text.hpp"

namespace shoal::store {
namespace {

// From so many on, one syncfs() costs less than an fsync() each.
constexpr std::size_t fsync_folders_max = 8;

std::set<std::string_view> with_ancestors(const std::set<std::string_view>& folders) {
    std::set<std::string_view> all{""};
    for (std::string_view folder : folders) {
        while (!folder.empty() && all.insert(folder).second) {
            const std::size_t slash = folder.rfind('/');
            folder = slash == folder.npos ? std::string_view{} : folder.substr(0, slash);
        }
    }
    return all;
}

}  // namespace

Status sync_folders(const Root& root, const std::set<std::string_view>& folders) {
    const auto all = with_ancestors(folders);
    const auto failed = [&](int why) {
        return system_error("cannot sync the folder '" + text::escape(root.path()) + "'", why);
    };
    if (all.size() > fsync_folders_max) {
        return ::syncfs(root.fd()) == 0 ? Status{} : failed(errno);
    }
    for (const std::string_view folder : all) {
        const Result<Fd> fd = root.open_folder(folder);
        if (!fd) {
            return fd.error();
        }
        if (::fsync(fd->get()) != 0) {
            return failed(errno);
        }
    }
    return {};
}

}  // namespace shoal::store
