// What gateways ask of the door: names are checked here, what is known at once is answered at
// once, the rest goes to the requester (the swarm) or to the keeper (shared/).
#include <algorithm>

#include "peer/door.hpp"
#include "peer/reading.hpp"

namespace shoal::peer {

namespace {

std::string lower_case(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](char letter) {
        return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    });
    return text;
}

// Nullopt: the callback was told why not.
template <typename T>
std::optional<store::SafePath> checked(const std::string& name, const Callback<T>& callback) {
    Result<store::SafePath> path = store::SafePath::parse(name);
    if (!path) {
        callback(path.error());
        return std::nullopt;
    }
    return std::move(*path);
}

}  // namespace

void Door::browse(std::string folder, Callback<FolderViewPtr> callback) {
    Result<std::string> prefix = store::parse_prefix(folder.empty() ? folder : folder + '/');
    if (!prefix) {
        return callback(prefix.error());
    }
    wiring_.requester.post(GatewayMail(BrowseFolder{std::move(*prefix), std::move(callback)}));
}

void Door::lookup(std::string name, Callback<TreeEntry> callback) {
    look_up(std::move(name), false, std::move(callback));
}

void Door::lookup_hashed(std::string name, Callback<TreeEntry> callback) {
    look_up(std::move(name), true, std::move(callback));
}

// What stands in shared/ needs nobody's word.
void Door::look_up(std::string name, bool hashed, Callback<TreeEntry> callback) {
    auto path = checked(name, callback);
    if (!path) {
        return;
    }
    const store::Holding here = wiring_.catalog->find_in(store::Where::shared, name);
    if (here.file) {
        return callback(entry_of(*here.file, name));
    }
    if (here.state == store::Holding::State::pending && !hashed) {
        TreeEntry entry;
        entry.name = last_part(name);
        entry.size = here.pending.size;
        entry.mtime = here.pending.mtime_s;
        entry.here = entry.shared = true;
        return callback(entry);
    }
    const std::optional<std::int64_t> folder_mtime = wiring_.catalog->folder_mtime(name);
    if (here.state == store::Holding::State::absent && folder_mtime) {
        TreeEntry entry;
        entry.name = last_part(name);
        entry.folder = entry.here = entry.shared = true;
        entry.mtime = folder_mtime;
        return callback(entry);
    }
    wiring_.requester.post(GatewayMail(LookUp{std::move(*path), hashed, std::move(callback)}));
}

void Door::lookup_here(std::string name, Callback<TreeEntry> callback) {
    if (auto path = checked(name, callback)) {
        wiring_.keeper.post(EditMail(LookHere{std::move(*path), std::move(callback)}));
    }
}

// As lookup().
void Door::open(OpenOrder order, std::function<void()> news, Callback<ReadStreamPtr> callback) {
    auto path = checked(order.name, callback);
    if (!path) {
        return;
    }
    std::string root_prefix = lower_case(std::move(order.root_prefix));
    const store::Holding here = wiring_.catalog->find_in(store::Where::shared, order.name);
    if (here.file && here.file->id.root.hex().starts_with(root_prefix) &&
        order.offset <= here.file->id.size) {
        if (Result<ReadStreamPtr> stream = open_local(wiring_, here.file, order.name, news)) {
            return callback(std::move(stream));
        }
    }
    wiring_.requester.post(
        GatewayMail(OpenStream{std::move(*path), std::move(root_prefix), order.offset,
                               std::move(news), std::move(callback)}));
}

void Door::upload(UploadOrder order, Callback<UploadPtr> callback) {
    if (auto path = checked(order.name, callback)) {
        wiring_.keeper.post(
            EditMail(BeginUpload{std::move(*path), order.keep, std::move(callback)}));
    }
}

// What shared/ does not have may be elsewhere in the tree: that is another refusal.
Callback<void> Door::explained(std::string name, Callback<void> callback) {
    return [this, name = std::move(name),
            callback = std::move(callback)](const Result<void>& done) {
        if (done || done.error().kind != ErrorKind::not_found) {
            return callback(done);
        }
        lookup(name, [name, callback, done](const Result<TreeEntry>& found) {
            if (!found) {
                return callback(done);
            }
            callback(Error{
                ErrorKind::forbidden,
                "'" + name + "' is not in this host's shared folder: " +
                    (found->here ? "it was fetched from the swarm" : "only other hosts have it")});
        });
    };
}

// It is true that a name is gone when the whole tree has it no more, not this host alone.
Callback<void> Door::gone(std::string name, std::string done, Callback<void> callback) {
    return [this, name = std::move(name), done = std::move(done),
            callback = std::move(callback)](const Result<void>& result) {
        if (!result) {
            return callback(result);
        }
        lookup(name, [name, done, callback](const Result<TreeEntry>& found) {
            if (!found && found.error().kind == ErrorKind::not_found) {
                return callback({});
            }
            if (!found) {
                return callback(Error{found.error().kind, "it was " + done +
                                                              " on this host; what others have: " +
                                                              found.error().message});
            }
            const std::string others = found->here ? "it was fetched from the swarm as well"
                                       : found->away.empty() ? "other hosts have it, too"
                                                             : found->away;
            callback(Error{
                found->away.empty() ? ErrorKind::forbidden : ErrorKind::closed,
                "'" + name + "' was " + done + " on this host, but the name stays: " + others});
        });
    };
}

void Door::remove(std::string name, Callback<void> callback) {
    if (auto path = checked(name, callback)) {
        wiring_.keeper.post(EditMail(RemoveFile{
            std::move(*path), explained(name, gone(name, "deleted", std::move(callback)))}));
    }
}

void Door::make_folder(std::string name, Callback<void> callback) {
    if (auto path = checked(name, callback)) {
        wiring_.keeper.post(EditMail(MakeFolder{std::move(*path), std::move(callback)}));
    }
}

void Door::remove_folder(std::string name, Callback<void> callback) {
    if (auto path = checked(name, callback)) {
        wiring_.keeper.post(EditMail(RemoveFolder{
            std::move(*path), explained(name, gone(name, "removed", std::move(callback)))}));
    }
}

void Door::rename(std::string from, std::string to, bool replace, Callback<void> callback) {
    auto path = checked(from, callback);
    if (!path) {
        return;
    }
    if (auto target = checked(to, callback)) {
        if (from != to) {
            callback = gone(from, "renamed", std::move(callback));
        }
        wiring_.keeper.post(EditMail(RenameFile{std::move(*path), std::move(*target), replace,
                                                explained(from, std::move(callback))}));
    }
}

void Door::set_mtime(std::string name, std::int64_t seconds, Callback<void> callback) {
    if (auto path = checked(name, callback)) {
        wiring_.keeper.post(
            EditMail(SetMtime{std::move(*path), seconds, explained(name, std::move(callback))}));
    }
}

Ticket Door::sha256(std::string name, std::uint64_t begin, std::uint64_t end,
                    Callback<std::string> callback) {
    if (!checked(name, callback)) {
        return nullptr;
    }
    const store::Holding here = wiring_.catalog->find(name);
    if (!here.file) {
        callback(Error{ErrorKind::not_found, "not all of '" + name + "' is here"});
        return nullptr;
    }
    end = std::min(end, here.file->id.size);
    if (begin > end) {
        callback(Error{ErrorKind::bad_input,
                       "'" + name + "' has only " + std::to_string(here.file->id.size) + " bytes"});
        return nullptr;
    }
    auto ticket = std::make_shared<int>();
    wiring_.keeper.post(EditMail(HashPlain{here.file, begin, end, ticket, std::move(callback)}));
    return ticket;
}

std::uint32_t Door::hosts_connected() const {
    return static_cast<std::uint32_t>(wiring_.figures.servers.load());
}

}  // namespace shoal::peer
