// What gateways want done to shared/, on its way to main.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "shoal/peer/gateway_api.hpp"
#include "shoal/store/editor.hpp"

namespace shoal::peer {

struct BeginUpload {
    store::SafePath name;
    std::uint64_t keep{};
    Callback<UploadPtr> callback;
};
struct CommitUpload {
    store::Draft draft;
    store::SafePath name;
    std::optional<std::int64_t> mtime;
    bool must_not_exist{};
    Callback<Published> callback;
};
struct AbandonUpload {  // removing a large file takes a while
    store::Draft draft;
};
struct LookHere {
    store::SafePath name;
    Callback<TreeEntry> callback;
};
struct RemoveFile {
    store::SafePath name;
    Callback<void> callback;
};
struct MakeFolder {
    store::SafePath name;
    Callback<void> callback;
};
struct RemoveFolder {
    store::SafePath name;
    Callback<void> callback;
};
struct RenameFile {
    store::SafePath from;
    store::SafePath to;
    bool replace{};
    Callback<void> callback;
};
struct SetMtime {
    store::SafePath name;
    std::int64_t seconds{};
    Callback<void> callback;
};
struct HashPlain {
    std::shared_ptr<const store::HeldFile> file;
    std::uint64_t begin{};
    std::uint64_t end{};  // at most the size
    std::weak_ptr<void> ticket;
    Callback<std::string> callback;
};
struct ProveFile {  // answered by the stamp under which its content is still `file`'s; or `changed`
    std::shared_ptr<const store::HeldFile> file;
    Fd fd;
    std::weak_ptr<void> ticket;
    Callback<store::Stamp> callback;
};
using EditMail = std::variant<BeginUpload, CommitUpload, AbandonUpload, LookHere, RemoveFile,
                              MakeFolder, RemoveFolder, RenameFile, SetMtime, HashPlain, ProveFile>;

}  // namespace shoal::peer
