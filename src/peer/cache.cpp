#include "peer/cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "shoal/base/log.hpp"

namespace shoal::peer {

namespace {

constexpr Duration save_every = 5s;
constexpr off_t book_size_max = 64 * 1024 * 1024;

Status write_file(const std::string& path, const std::string& text) {
    const std::string temp = path + ".new";
    const auto failed = [&] { return system_error("cannot write '" + path + "'", errno); };
    ::unlink(temp.c_str());
    Fd fd(::open(temp.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) {
        return failed();
    }
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t wrote = ::write(fd.get(), text.data() + done, text.size() - done);
        if (wrote < 0 && errno != EINTR) {
            return failed();
        }
        done += wrote > 0 ? static_cast<std::size_t>(wrote) : 0;
    }
    if (::fdatasync(fd.get()) != 0 || ::rename(temp.c_str(), path.c_str()) != 0) {
        return failed();
    }
    return {};
}

// Without waiting, whatever stands there. Empty when nothing does.
Result<std::string> read_file(const std::string& path) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!fd && errno == ENOENT) {
        return std::string{};
    }
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
        return system_error("cannot read '" + path + "'", errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return Error{ErrorKind::bad_input, "'" + path + "' is not a regular file"};
    }
    std::string text(static_cast<std::size_t>(std::min<off_t>(status.st_size, book_size_max)),
                     '\0');
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t got = ::read(fd.get(), text.data() + done, text.size() - done);
        if (got < 0 && errno != EINTR) {
            return system_error("cannot read '" + path + "'", errno);
        }
        if (got == 0) {
            text.resize(done);
        }
        done += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    return text;
}

}  // namespace

Cache::Cache(Wiring& wiring, store::Store& store)
    : wiring_(wiring),
      store_(store),
      path_(wiring.options.state + "/gateway-cache"),
      claims_(wiring.options.state) {
    load();
    if (wiring_.cache.with([](const CacheBook& book) { return book.bytes() > 0; })) {
        (void)claims_.prepare();  // else nobody else is told that there is a cache
    }
}

void Cache::load() {
    const Result<std::string> text = read_file(path_);
    if (!text) {
        log::warning(text.error().message + "; what it tells of is the user's from now on");
    }
    wiring_.cache.with([&](CacheBook& book) {
        book = CacheBook();
        book.load(text ? *text : std::string());
    });
}

// Under its lock: what users have asked for since is theirs. Without it nothing may be removed.
std::optional<CacheClaims::Lock> Cache::take_claims() {
    Result<CacheClaims::Lock> lock = claims_.lock();
    const auto names = lock ? lock->claimed() : Result<std::vector<std::string>>(lock.error());
    if (!names) {
        log::warning(names.error().message + "; the cache keeps what it has");
        return std::nullopt;
    }
    if (!owner_) {  // what the gateway's process has written down since is what counts
        load();
    }
    wiring_.cache.with([&](CacheBook& book) {
        for (const std::string& name : *names) {
            book.remove(name);
        }
    });
    return std::move(*lock);
}

bool Cache::expect(const store::SafePath& name, const integrity::FileId& id) {
    if (const Status prepared = claims_.prepare(); !prepared) {
        log::warning(prepared.error().message + "; what comes through gateways stays for good");
        return false;
    }
    owner_ = true;
    const auto claims = take_claims();
    if (!claims) {
        return false;
    }
    const store::Holding there = wiring_.catalog->find_in(store::Where::downloads, name.text());
    if (there.file) {
        const bool cached = wiring_.cache.with(
            [&](const CacheBook& book) { return book.holds(name.text(), there.file->id); });
        if (!cached) {
            return false;
        }
        if (there.file->id != id) {
            remove_file(name, there.file->id);
        }
    }
    wiring_.cache.with([&](CacheBook& book) { book.add(name.text(), id); });
    return true;
}

void Cache::settle(const store::SafePath& name, const integrity::FileId& id, bool saved) {
    if (saved) {
        wiring_.cache.with([&](CacheBook& book) { book.add(name.text(), id); });
        make_room();
    } else {
        wiring_.cache.with([&](CacheBook& book) { book.remove(name.text()); });
    }
}

// Parts have names that no finished file of downloads/ has.
void Cache::keep(const KeepPartial& order) {
    const store::PartialFile& partial = *order.partial;
    const std::uint64_t bytes = std::min(
        std::uint64_t{partial.held_count()} * partial.geometry().chunk_size(), partial.id().size);
    if (bytes > 0 && claims_.prepare()) {
        owner_ = true;
        wiring_.cache.with([&](CacheBook& book) {
            book.add(partial.part_path(), {bytes, partial.id().root});
        });
        make_room();
    }
}

void Cache::make_room() { (void)keep_at_most(wiring_.options.cache_size); }

bool Cache::give_way(std::uint64_t bytes) {
    if (!take_claims()) {
        return false;
    }
    const std::uint64_t all =
        wiring_.cache.with([](const CacheBook& book) { return book.bytes(); });
    return all > 0 && keep_at_most(all - std::min(all, std::max<std::uint64_t>(bytes, 1)));
}

bool Cache::keep_at_most(std::uint64_t bytes) {
    const auto claims = take_claims();
    if (!claims) {
        return false;
    }
    const auto gone = wiring_.cache.with([&](CacheBook& book) { return book.evict(bytes); });
    for (const CacheBook::Entry& entry : gone) {
        if (!store_.remove_part(entry.name)) {
            remove_file(*store::SafePath::parse(entry.name), entry.id);
        }
    }
    if (!owner_ && !gone.empty()) {  // else they would be read from there again
        const std::string rest = wiring_.cache.with([](CacheBook& book) { return book.save(); });
        if (const Status saved = write_file(path_, rest); !saved) {
            log::warning(saved.error().message);
            return false;
        }
    }
    return !gone.empty();
}

// Only what it was when it came: somebody may have put another file there.
void Cache::remove_file(const store::SafePath& name, const integrity::FileId& id) {
    const store::Holding held = wiring_.catalog->find_in(store::Where::downloads, name.text());
    if (!held.file || held.file->id != id || !wiring_.catalog->open_for_serving(*held.file)) {
        return;
    }
    if (const Status removed = store_.editor(store::Where::downloads).remove(name); !removed) {
        log::warning(removed.error().message);
    }
}

std::optional<TimePoint> Cache::next_timeout() const {
    const bool due =
        owner_ && wiring_.cache.with([](const CacheBook& book) { return book.changed(); });
    return due ? std::optional(saved_at_ + save_every) : std::nullopt;
}

void Cache::save(TimePoint now, bool at_last) {
    if (!owner_ || (!at_last && now - saved_at_ < save_every)) {
        return;
    }
    if (!wiring_.cache.with([](CacheBook& book) { return book.take_changed(); })) {
        return;
    }
    saved_at_ = now;
    auto claims = take_claims();
    const std::string text = wiring_.cache.with([](CacheBook& book) {
        book.take_changed();
        return book.save();
    });
    if (const Status saved = write_file(path_, text); !saved) {
        log::warning(saved.error().message);
    } else if (claims) {
        claims->forget();
    }
}

}  // namespace shoal::peer
