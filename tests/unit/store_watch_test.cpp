// What is dropped into shared/: offered soon, never half-copied, gone when it is gone.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "../support/store_fixture.hpp"
#include "peer/offers.hpp"
#include "store/hasher.hpp"
#include "store/mount_table.hpp"

using namespace shoal;
using namespace shoal::store;
using shoal::test::safe;
using shoal::test::StoreFixture;
using State = Holding::State;

namespace {

namespace fs = std::filesystem;

// As on file systems without leases.
struct NoLeases {
    NoLeases() { use_leases(false); }
    ~NoLeases() { use_leases(true); }
};

// As on NFS, where nobody tells what others do.
struct MuteDisks {
    MuteDisks() { pretend_mute(true); }
    ~MuteDisks() { pretend_mute(false); }
};

// A program that writes slowly.
struct Writer {
    explicit Writer(const std::string& path)
        : fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) {}
    void write(std::string_view text) const {
        REQUIRE(::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }
    Fd fd;
};

std::string served(StoreFixture& store, std::string_view name) {
    const Holding held = store->catalog().find(name);
    if (held.state != State::complete) {
        return "";
    }
    const auto fd = store->catalog().open_for_serving(*held.file);
    REQUIRE(fd.ok());
    std::string text(held.file->stamp.size, '\0');
    REQUIRE(::pread(fd->get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    REQUIRE(held.file->id == hash_file(fd->get(), text.size())->id);
    return text;
}

}  // namespace

TEST_CASE("what lies in the folders at the start is offered", "[store][watch]") {
    StoreFixture store;
    store.dir.write("shared/a.txt", "aa");
    store.dir.write("shared/d/e/b.txt", "bb");
    store.dir.write("downloads/c.txt", "cc");
    store.dir.write("shared/empty", "");
    store.dir.write("shared/.hidden", "no");
    store.dir.write("shared/.git/config", "no");
    store.dir.write("shared/back\\slash", "no");
    store.dir.write("shared/not\xff utf8", "no");
    store.dir.write("downloads/x.part", "no");
    store.dir.write("downloads/x.part.journal", "no");
    store.dir.write("shared/foreign.part", "pp");
    fs::create_symlink("a.txt", store.dir / "shared/link");
    fs::create_directory_symlink("d", store.dir / "shared/dirlink");
    REQUIRE(::mkfifo((store.dir / "shared/fifo").c_str(), 0600) == 0);
    store.reopen();
    CHECK(store.state("a.txt") == State::pending);
    store.settle();
    CHECK(store.names() == std::vector<std::string>{"a.txt", "c.txt", "d/e/b.txt", "empty",
                                                    "foreign.part", "x.part", "x.part.journal"});
    CHECK(store->catalog().find("empty").file->id == integrity::FileId{});
    CHECK(served(store, "d/e/b.txt") == "bb");
}

TEST_CASE("a dropped file is offered", "[store][watch]") {
    StoreFixture store;
    store.dir.write("shared/a", "text");
    REQUIRE(store.take_events(1000));
    store.settle();
    CHECK(served(store, "a") == "text");
}

TEST_CASE("a file is not offered while somebody writes to it", "[store][watch]") {
    StoreFixture store;
    Writer writer(store.dir / "shared/slow");
    writer.write("first half, ");
    store.follow();
    CHECK(store.state("slow") == State::pending);
    store.now += 10s;  // nor when it takes a pause
    store.follow();
    CHECK(store.state("slow") == State::pending);
    CHECK(store.names() == std::vector<std::string>{"slow"});  // named, not offered
    CHECK(store->catalog().find("slow").pending.being_written);
    CHECK(store->catalog().find("slow").pending.size == 12);
    writer.write("second half");
    store.follow();
    CHECK(store.state("slow") == State::pending);
    writer.fd.reset();
    store.follow();
    CHECK(served(store, "slow") == "first half, second half");
}

TEST_CASE("a file with a writer at the start waits too", "[store][watch]") {
    StoreFixture store;
    store.watching = GENERATE(true, false);
    Writer writer(store.dir / "shared/slow");
    writer.write("half");
    store.reopen();
    store.settle();
    CHECK(store.state("slow") == State::pending);
    store->hash_first("slow");  // asking does not help
    store.settle();
    CHECK(store.state("slow") == State::pending);
    writer.write(" and half");
    writer.fd.reset();
    REQUIRE(store->next_timeout().has_value());
    store.now = *store->next_timeout();  // without any event
    store.settle();
    CHECK(served(store, "slow") == "half and half");
}

TEST_CASE("without leases a file must have been quiet for a second", "[store][watch]") {
    const NoLeases mode;
    StoreFixture store;
    store.dir.write("shared/young", "text");
    store.dir.write("shared/old", "text");
    const timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
    REQUIRE(::utimensat(AT_FDCWD, (store.dir / "shared/old").c_str(), times, 0) == 0);
    store.follow();
    CHECK(store.state("old") == State::complete);
    CHECK(store.state("young") == State::pending);
    REQUIRE(store->next_timeout().has_value());
    CHECK(*store->next_timeout() <= store.now + 1s);
}

TEST_CASE("a changed file is withdrawn at once and offered anew", "[store][watch]") {
    StoreFixture store;
    store.dir.write("shared/a", "one");
    store.follow();
    const Holding before = store->catalog().find("a");
    Writer writer(store.dir / "shared/a");
    writer.write("two");
    CHECK(store->catalog().open_for_serving(*before.file).error().kind == ErrorKind::changed);
    REQUIRE(store.take_events(1000));
    CHECK(store.state("a") == State::pending);
    CHECK(store->catalog().find(before.file->id).state == State::absent);
    writer.fd.reset();
    store.follow();
    CHECK(served(store, "a") == "two");
}

TEST_CASE("a deleted file is gone", "[store][watch]") {
    StoreFixture store;
    store.dir.write("shared/d/a", "text");
    store.dir.write("downloads/b", "text");
    store.follow();
    CHECK(store.names().size() == 2);
    const Holding held = store->catalog().find("d/a");
    fs::remove(store.dir / "shared/d/a");
    fs::remove(store.dir / "downloads/b");
    CHECK(store->catalog().open_for_serving(*held.file).error().kind == ErrorKind::changed);
    store.follow();
    CHECK(store.names().empty());
}

TEST_CASE("files renamed within, in and out", "[store][watch]") {
    StoreFixture store;
    store.dir.write("shared/a", "text");
    store.dir.write("outside/b", "other");
    store.follow();
    fs::rename(store.dir / "shared/a", store.dir / "shared/c");
    store.follow();
    CHECK(store.names() == std::vector<std::string>{"c"});
    fs::rename(store.dir / "outside/b", store.dir / "shared/b");
    store.follow();
    CHECK(served(store, "b") == "other");
    fs::rename(store.dir / "shared/c", store.dir / "outside/c");
    store.follow();
    CHECK(store.names() == std::vector<std::string>{"b"});
    fs::rename(store.dir / "outside/c", store.dir / "shared/b");  // over another
    store.follow();
    CHECK(served(store, "b") == "text");
}

TEST_CASE("folders moved in, about and out", "[store][watch]") {
    StoreFixture store;
    store.dir.write("outside/d/e/a", "text");
    store.dir.write("outside/d/b", "text");
    fs::rename(store.dir / "outside/d", store.dir / "shared/d");
    store.follow();
    CHECK(store.names() == std::vector<std::string>{"d/b", "d/e/a"});
    store.dir.write("shared/d/e/late", "text");  // it is watched, too
    store.follow();
    CHECK(store.state("d/e/late") == State::complete);

    fs::rename(store.dir / "shared/d", store.dir / "shared/moved");
    REQUIRE(store.take_events(1000));
    CHECK(store.names() ==
          std::vector<std::string>{"moved/b", "moved/e/a", "moved/e/late"});  // not hashed again
    store.dir.write("shared/moved/e/more", "text");
    store.follow();
    CHECK(store.state("moved/e/more") == State::complete);

    fs::rename(store.dir / "shared/moved", store.dir / "outside/moved");
    store.follow();
    CHECK(store.names().empty());
    store.dir.write("outside/moved/e/never", "text");
    CHECK_FALSE(store.take_events());  // its watches are gone
    CHECK(store.state("moved/e/never") == State::absent);
}

TEST_CASE("a folder deleted with all below", "[store][watch]") {
    StoreFixture store;
    store.dir.write("shared/d/e/f/a", "text");
    store.dir.write("shared/d2", "text");
    store.follow();
    fs::remove_all(store.dir / "shared/d");
    store.follow();
    CHECK(store.names() == std::vector<std::string>{"d2"});
    store.dir.write("shared/d/e/f/a", "again");
    store.follow();
    CHECK(served(store, "d/e/f/a") == "again");
}

TEST_CASE("a file replaced by a link or a folder is gone", "[store][watch]") {
    StoreFixture store;
    store.dir.write("secret", "secret");
    store.dir.write("shared/a", "text");
    store.dir.write("shared/b", "text");
    store.follow();
    fs::remove(store.dir / "shared/a");
    fs::create_symlink(store.dir / "secret", store.dir / "shared/a");
    fs::remove(store.dir / "shared/b");
    fs::create_directory(store.dir / "shared/b");
    store.follow();
    CHECK(store.names().empty());
}

TEST_CASE("names that only look alike are kept apart", "[store][watch]") {
    StoreFixture store;
    const std::vector<std::string> twins{"File", "e\u0301", "file", "\u00e9"};
    for (const std::string& name : twins) {
        store.dir.write("shared/" + name, name);
    }
    store.dir.write("shared/" + std::string(255, 'n'), "long");
    store.follow();
    for (const std::string& name : twins) {
        CHECK(served(store, name) == name);
    }
    CHECK(served(store, std::string(255, 'n')) == "long");
}

TEST_CASE("without watching, what is asked for is looked up", "[store][watch]") {
    StoreFixture store;
    store.watching = false;
    store.reopen();
    CHECK(store->watch_fd() == -1);
    store.dir.write("shared/a", "text");
    store.settle();
    CHECK(store.state("a") == State::absent);  // nobody has looked
    store->hash_first("a");
    store.settle();
    CHECK(served(store, "a") == "text");
    store->hash_first("none");
    store->hash_first("../etc/passwd");
    CHECK(store.state("none") == State::absent);
}

TEST_CASE("more events than the queue holds", "[store][watch]") {
    StoreFixture store;
    store.dir.write("shared/a", "text");
    store.dir.write("shared/gone", "text");
    store.follow();
    fs::create_directory(store.dir / "shared/new");
    for (int i = 0; i < 9000; ++i) {  // two events each, never the same twice in a row
        fs::rename(store.dir / "shared/a", store.dir / "shared/b");
        fs::rename(store.dir / "shared/b", store.dir / "shared/a");
    }
    fs::remove(store.dir / "shared/gone");
    store.dir.write("shared/new/c", "text");
    store.follow();
    CHECK(store.names() == std::vector<std::string>{"a", "new/c"});
}

TEST_CASE("with background hashing off only what is asked for is hashed", "[store][watch]") {
    StoreFixture store;
    store.background = false;
    store.dir.write("shared/a", "aa");
    store.dir.write("shared/b", "bb");
    store.reopen();
    store.settle();
    CHECK(store.state("a") == State::pending);
    store->hash_first("b");
    store.settle();
    CHECK(store.state("a") == State::pending);
    CHECK(served(store, "b") == "bb");
}

TEST_CASE("what is asked for overtakes a large file", "[store][watch]") {
    StoreFixture store;
    store.dir.write("shared/large", "");
    fs::resize_file(store.dir / "shared/large", 2'000'000'000);  // a hole
    StoreFixture::wait_for_tick();
    store.reopen();
    REQUIRE(store->work(store.now));  // under way, far from done
    CHECK(store.state("large") == State::pending);
    store.dir.write("shared/small", "text");
    StoreFixture::wait_for_tick();
    store->hash_first("small");
    store->work(store.now);
    CHECK(served(store, "small") == "text");
    CHECK(store.state("large") == State::pending);
}

TEST_CASE("small files go by a large one, asked for or not", "[store][watch]") {
    StoreFixture store;
    const bool asked = GENERATE(true, false);
    store.dir.write("shared/large", "");
    fs::resize_file(store.dir / "shared/large", 60'000'000'000);  // a hole
    for (int i = 0; i < 300; ++i) {
        store.dir.write("shared/n" + std::to_string(1000 + i), "text" + std::to_string(i));
    }
    StoreFixture::wait_for_tick();
    store.reopen();
    CHECK(store.names().size() == 301);  // before anything is hashed
    if (asked) {
        store->hash_first("large");
        for (int i = 0; i < 300; ++i) {
            store->hash_first("n" + std::to_string(1000 + i));
        }
    }
    for (int turns = 0; turns < 2000 && store->catalog().totals().pending > 1; ++turns) {
        REQUIRE(store->work(store.now));
    }
    CHECK(store->catalog().totals().pending == 1);
    const PendingFile large = store->catalog().find("large").pending;
    CHECK(large.size == 60'000'000'000);
    CHECK(large.hashed > 0);
    CHECK(large.hashed < large.size / 2);
}

TEST_CASE("a file that is asked for overtakes large ones that were asked for before",
          "[store][watch]") {
    StoreFixture store;
    for (int i = 0; i < 12; ++i) {  // more than are read in turns
        const std::string name = "shared/large" + std::to_string(i);
        store.dir.write(name, "");
        fs::resize_file(store.dir / name, 20'000'000'000);
    }
    store.dir.write("shared/small", "text");
    StoreFixture::wait_for_tick();
    store.reopen();
    for (int i = 0; i < 12; ++i) {
        store->hash_first("large" + std::to_string(i));
    }
    for (int turns = 0; turns < 20; ++turns) {
        REQUIRE(store->work(store.now));
    }
    store->hash_first("small");
    for (int turns = 0; turns < 20 && store.state("small") == State::pending; ++turns) {
        REQUIRE(store->work(store.now));
    }
    CHECK(served(store, "small") == "text");
}

TEST_CASE("a folder that cannot be read is not an empty one", "[store][watch]") {
    StoreFixture store;
    store.dir.write("shared/d/a", "text");
    store.reopen();
    store.settle();
    CHECK(store->catalog().knows_all(""));
    fs::create_directory_symlink("d", store.dir / "shared/link");  // not followed, nothing in it
    store.follow();
    CHECK(store->catalog().knows_all(""));
    if (::geteuid() == 0) {
        return;  // root reads everything
    }
    fs::permissions(store.dir / "shared/d", fs::perms::none);
    store.reopen();
    CHECK_FALSE(store->catalog().knows_all(""));
    fs::permissions(store.dir / "shared/d", fs::perms::owner_all);
    store.now += 3s;
    store.settle();
    CHECK(store->catalog().knows_all(""));
    CHECK(store.names() == std::vector<std::string>{"d/a"});
}

TEST_CASE("a file that changes while it is hashed is not offered as it was", "[store][watch]") {
    StoreFixture store;
    store.dir.write("shared/large", "");
    fs::resize_file(store.dir / "shared/large", 500'000'000);
    store.reopen();
    StoreFixture::wait_for_tick();
    REQUIRE(store->work(store.now));
    fs::resize_file(store.dir / "shared/large", 400'000);
    store.settle();
    CHECK(store.state("large") == State::pending);
    store.now += 1s;
    store.settle();
    CHECK(store->catalog().find("large").file->id.size == 400'000);
}

TEST_CASE("downloads below shared are offered once", "[store][watch]") {
    test::TempDir dir;
    const bool same = GENERATE(true, false);
    const std::string downloads = dir / (same ? "shared" : "shared/downloads");
    auto store = Store::open({dir / "shared", downloads, dir / ".shoal", true, true}).value();
    dir.write("shared/a", "text");
    dir.write(same ? "shared/b" : "shared/downloads/b", "text");
    dir.write(same ? "shared/c.part" : "shared/downloads/c.part", "half");
    const TimePoint now{1h};
    StoreFixture::wait_for_tick();
    store->handle_watch(now);
    while (store->work(now)) {
    }
    std::vector<std::string> names;
    for (const auto& record : store->catalog().page("", "", 10)) {
        names.push_back(record.name);
    }
    CHECK(names == std::vector<std::string>{"a", "b", "c.part"});
    CHECK(store->catalog().totals().files == 3);
}

namespace {

// As long as one lives, permissions bind this thread although it is root's.
class NoOverride {
  public:
    NoOverride() {
        ::syscall(SYS_capget, &head_, was_);
        __user_cap_data_struct without[2] = {was_[0], was_[1]};
        without[0].effective &= ~(1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH);
        ::syscall(SYS_capset, &head_, without);
    }
    ~NoOverride() { ::syscall(SYS_capset, &head_, was_); }
    NoOverride(const NoOverride&) = delete;
    NoOverride& operator=(const NoOverride&) = delete;

  private:
    __user_cap_header_struct head_{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct was_[2]{};
};

}  // namespace

TEST_CASE("a file that may not be read is said to be there", "[store][watch]") {
    StoreFixture store;
    store.dir.write("shared/a", "text");
    fs::permissions(store.dir / "shared/a", fs::perms::none);
    const NoOverride as_other_users;
    REQUIRE_FALSE(Fd(::open((store.dir / "shared/a").c_str(), O_RDONLY | O_CLOEXEC)));
    store.follow();
    CHECK(store.state("a") == State::unreadable);
    CHECK(store.names() == std::vector<std::string>{"a"});  // named, not offered
    fs::permissions(store.dir / "shared/a", fs::perms::owner_read);
    store.follow();
    CHECK(served(store, "a") == "text");
    fs::permissions(store.dir / "shared/a", fs::perms::none);
    store.follow();
    CHECK(store.state("a") == State::unreadable);
}

// Stamps that are as young as a change ---------------------------------------------------------

TEST_CASE("a stamp is believed when the clock has moved on since", "[store][watch]") {
    constexpr std::int64_t second = 1'000'000'000;
    Stamp stamp{};
    stamp.ctime_ns = 1000 * second + 5;
    CHECK_FALSE(is_ripe(stamp, stamp.ctime_ns - 1));
    CHECK_FALSE(is_ripe(stamp, stamp.ctime_ns));
    CHECK(is_ripe(stamp, stamp.ctime_ns + 1));
    stamp.mtime_ns = 2000 * second;  // anybody can set that one
    CHECK(is_ripe(stamp, stamp.ctime_ns + 1));
    stamp.ctime_ns = 1000 * second;  // whole seconds: perhaps in steps of two
    CHECK_FALSE(is_ripe(stamp, 1002 * second - 1));
    CHECK(is_ripe(stamp, 1002 * second));
}

TEST_CASE("files rewritten within one tick of the clock have the right roots", "[store][watch]") {
    constexpr int count = 400;
    StoreFixture store;
    // ramfs has no finer times than the clock's ticks, as others had before Linux 6.13.
    const std::string shared = store.dir / "shared";
    const bool mounted = ::mount("none", shared.c_str(), "ramfs", 0, nullptr) == 0;
    store.reopen();
    const auto name = [](int i) { return "f" + std::to_string(i); };
    for (int i = 0; i < count; ++i) {
        store.dir.write("shared/" + name(i), "first " + std::to_string(1000 + i));
        store.take_events();
        store->hash_first(name(i));
        (void)store->work(store.now);
        store.dir.write("shared/" + name(i), "later " + std::to_string(1000 + i));
    }
    store.follow();
    for (const bool restarted : {false, true}) {
        CAPTURE(restarted);
        if (restarted) {
            store.reopen();
            store.settle();
        }
        int right = 0;
        for (int i = 0; i < count; ++i) {
            right += served(store, name(i)) == "later " + std::to_string(1000 + i) ? 1 : 0;
        }
        CHECK(right == count);
    }
    if (mounted) {
        CHECK(::umount2(shared.c_str(), MNT_DETACH) == 0);
    }
}

TEST_CASE("what is written to in the tick in which it was finished is hashed again",
          "[store][watch]") {
    StoreFixture store;
    const std::vector<std::uint8_t> bytes{'o', 'n', 'e'};
    const SmallFile file{safe("f"), test::tree_of(bytes).id, bytes};
    REQUIRE(store->save_small(std::span(&file, 1)).front().ok());
    const Stamp before = store->catalog().find("f").file->stamp;
    const int fd = ::open((store.dir / "downloads/f").c_str(), O_WRONLY | O_CLOEXEC);
    REQUIRE(::pwrite(fd, "two", 3, 0) == 3);
    REQUIRE(::close(fd) == 0);
    struct stat status {};
    REQUIRE(::stat((store.dir / "downloads/f").c_str(), &status) == 0);
    CAPTURE(Stamp::of(status) == before);  // on a file system with coarse times
    store.follow();
    CHECK(served(store, "f") == "two");
    store.reopen();
    store.settle();
    CHECK(served(store, "f") == "two");
}

TEST_CASE("what was finished here is not hashed again after a restart", "[store][watch]") {
    StoreFixture store;
    const std::vector<std::uint8_t> bytes{'o', 'n', 'e'};
    const SmallFile file{safe("f"), test::tree_of(bytes).id, bytes};
    REQUIRE(store->save_small(std::span(&file, 1)).front().ok());
    store.reopen();
    CHECK(store.state("f") == State::complete);  // before any work
}

TEST_CASE("where nobody tells of changes they are looked for", "[store][watch]") {
    const MuteDisks mute;
    StoreFixture store;
    store.watching = false;
    store.dir.write("shared/nas/a", "aa");
    store.reopen();
    store.settle();
    CHECK(served(store, "nas/a") == "aa");
    const auto notes = store->take_notes();
    REQUIRE(notes);
    CHECK(notes->at(1).first == "polled");
    CHECK(notes->at(1).second.starts_with("2: "));
    CHECK_FALSE(store->take_notes());  // nothing new

    const auto some_time_later = [&] {
        REQUIRE(store->next_timeout());
        CHECK(*store->next_timeout() <= store.now + 30s);
        store.now += 30s;
        store.settle();
    };
    store.dir.write("shared/nas/deep/b", "bb");
    store.settle();
    CHECK(store.state("nas/deep/b") == State::absent);  // no time has passed
    some_time_later();
    CHECK(served(store, "nas/deep/b") == "bb");
    store.dir.write("shared/nas/a", "changed");
    some_time_later();
    CHECK(served(store, "nas/a") == "changed");
    fs::remove_all(store.dir / "shared/nas");
    some_time_later();
    CHECK(store.names().empty());
    CHECK_FALSE(peer::Offers(store->catalog()).has_folder("nas"));
    CHECK(store->catalog().totals().pending == 0);
}

TEST_CASE("a file that is not what was hashed when it is to be served is hashed again",
          "[store][watch]") {
    StoreFixture store;
    store.watching = false;
    store.dir.write("shared/f", "one");
    store.reopen();
    store.settle();
    const Holding before = store->catalog().find("f");
    REQUIRE(before.file);
    std::vector<std::string> told;
    store->catalog().on_changed([&](const HeldFile& file) { told.push_back(file.name.text()); });
    CHECK(store->catalog().open_for_serving(*before.file).ok());
    CHECK(told.empty());
    store.dir.write("shared/f", "another");
    CHECK(store->catalog().open_for_serving(*before.file).error().kind == ErrorKind::changed);
    REQUIRE(told == std::vector<std::string>{"f"});
    store->look_again(Where::shared, before.file->name);
    CHECK(store.state("f") == State::pending);
    store.settle();
    CHECK(served(store, "f") == "another");
}

TEST_CASE("what is left out is told as a note", "[store][watch]") {
    StoreFixture store;
    fs::create_symlink("nothing", store.dir / "shared/link");
    store.reopen();
    auto notes = store->take_notes();
    REQUIRE(notes);
    CHECK(notes->at(0) ==
          std::pair<std::string, std::string>{"left-out", "1: 1 symbolic link ('link')"});
    fs::remove(store.dir / "shared/link");
    store.dir.write("shared/a\\b", "");
    store.follow();
    notes = store->take_notes();
    REQUIRE(notes);
    CHECK(notes->at(0).second == "1: 1 name with a backslash ('a\\b')");
}
