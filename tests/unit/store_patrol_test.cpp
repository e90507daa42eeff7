#include <sys/stat.h>
#include <catch2/catch.hpp>

#include "store/left_out.hpp"
#include "store/mount_table.hpp"
#include "store/patrol.hpp"

namespace shoal::store {
namespace {

const Place shared_root{Where::shared, ""};
Place place(const char* prefix) { return {Where::shared, prefix}; }

// Patrol ---------------------------------------------------------------------------------------

TEST_CASE("patrol: a cheap folder is walked as often as it may, a dear one twice a minute") {
    Patrol patrol;
    TimePoint now{1h};
    CHECK_FALSE(patrol.next_timeout());
    patrol.add(place("nas/"), 5s, now);
    CHECK_FALSE(patrol.due(now));
    CHECK(patrol.next_timeout() == now + 5s);
    now += 5s;
    CHECK(patrol.due(now) == place("nas/"));
    CHECK_FALSE(patrol.due(now + 1h));  // it is under way
    CHECK_FALSE(patrol.next_timeout());
    patrol.handle_walked(place("nas/"), 10ms, now);
    CHECK(patrol.next_timeout() == now + 5s);
    patrol.handle_walked(place("nas/"), 1s, now);
    CHECK(patrol.next_timeout() == now + 20s);
    patrol.handle_walked(place("nas/"), 10s, now);
    CHECK(patrol.next_timeout() == now + Patrol::every_max);
    patrol.handle_walked(place("nas/"), 100s, now);
    CHECK(patrol.next_timeout() == now + 100s);
}

TEST_CASE("patrol: what lies below a known folder is walked with it") {
    Patrol patrol;
    const TimePoint now{1h};
    patrol.add(place("a/b/"), 5s, now);
    patrol.add(place("a/b/c/"), 5s, now);
    CHECK(patrol.summary("shared", "downloads") == "1: 'a/b/'");
    CHECK(patrol.covers(Where::shared, "a/b/c/file"));
    CHECK_FALSE(patrol.covers(Where::shared, "a/file"));
    CHECK_FALSE(patrol.covers(Where::downloads, "a/b/c/file"));
    patrol.add(shared_root, 2s, now);
    CHECK(patrol.summary("shared", "downloads") == "1: 'shared'");
    patrol.remove_below(shared_root);
    CHECK(patrol.empty());
    CHECK(patrol.summary("shared", "downloads").empty());
    patrol.handle_walked(shared_root, 1s, now);  // it went meanwhile
    CHECK(patrol.empty());
}

TEST_CASE("patrol: the one that waits longest comes first") {
    Patrol patrol;
    TimePoint now{1h};
    patrol.add(place("a/"), 5s, now);
    patrol.add(place("b/"), 2s, now);
    now += 1min;
    CHECK(patrol.due(now) == place("b/"));
    CHECK(patrol.due(now) == place("a/"));
    CHECK_FALSE(patrol.due(now));
}

// Mounts ---------------------------------------------------------------------------------------

TEST_CASE("mounts: those below a tree, by their places") {
    const std::string table =
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "90 22 0:40 / /srv/shared/nas rw,relatime shared:3 - nfs4 host:/x rw\n"
        "91 22 0:41 / /srv/shared/my\\040disk/deep rw - vfat /dev/sdb1 rw\n"
        "92 22 0:42 / /srv/shared2/other rw - tmpfs none rw\n"
        "93 22 0:43 / /srv/shared rw - tmpfs none rw\n"
        "94 22 0:44 / /srv/shared/.hidden rw - tmpfs none rw\n"
        "garbage\n"
        "95 22\n";
    const auto mounts = mounts_below(table, "/srv/shared", Where::shared);
    REQUIRE(mounts.size() == 2);
    CHECK(mounts[0] == Mount{place("my disk/deep/"), 91});
    CHECK(mounts[1] == Mount{place("nas/"), 90});
    CHECK(mounts_below(table, "/", Where::shared).size() == 4);
    CHECK(mounts_below("", "/srv", Where::shared).empty());
}

TEST_CASE("mounts: without a table nothing comes or goes") {
    MountTable off(false);
    CHECK(off.fd() == -1);
    CHECK(off.take(-1, -1).came.empty());
    MountTable missing(true, "/nowhere/mountinfo");
    CHECK(missing.fd() == -1);
}

// What is left out -----------------------------------------------------------------------------

TEST_CASE("left out: which names, and why") {
    using Reason = LeftOut::Reason;
    CHECK_FALSE(LeftOut::reason_of(shared_root, "good name"));
    CHECK_FALSE(LeftOut::reason_of(shared_root, ".hidden"));
    CHECK(LeftOut::reason_of(shared_root, "a\\b") == Reason::backslash);
    CHECK(LeftOut::reason_of(shared_root, "caf\xE9") == Reason::not_utf8);
    const std::string deep = std::string(200, 'd') + "/";
    CHECK(LeftOut::reason_of(place(deep.c_str()), std::string(200, 'f')) == Reason::too_long);
    CHECK_FALSE(LeftOut::reason_of(mode_t{S_IFREG | 0644}));
    CHECK_FALSE(LeftOut::reason_of(mode_t{S_IFDIR | 0755}));
    CHECK(LeftOut::reason_of(mode_t{S_IFLNK | 0777}) == Reason::link);
    CHECK(LeftOut::reason_of(mode_t{S_IFIFO | 0644}) == Reason::special);
}

TEST_CASE("left out: said once, with the count and the first names") {
    using Reason = LeftOut::Reason;
    LeftOut left_out;
    TimePoint now{1h};
    CHECK_FALSE(left_out.news(now));
    CHECK(left_out.summary().empty());
    const auto scan = [&] {
        left_out.begin_folder(shared_root);
        for (const char* name : {"l1", "l2", "l3", "l4"}) {
            left_out.add(shared_root, name, Reason::link);
        }
        left_out.add(shared_root, "x\\y", Reason::backslash);
        left_out.end_folder(shared_root);
    };
    scan();
    const std::string all =
        "5: 4 symbolic links ('l1', 'l2', 'l3', ...), 1 name with a backslash ('x\\y')";
    CHECK(left_out.summary() == all);
    CHECK(left_out.news(now) == all);
    scan();
    CHECK_FALSE(left_out.news(now + 1h));  // nothing that was not said
    CHECK(left_out.count() == 5);

    // A new one is said, but not with each of many.
    left_out.add(place("d/"), "pipe", Reason::special);
    CHECK_FALSE(left_out.news(now + 59s));
    CHECK(left_out.news(now + 60s) == "1: 1 special file ('d/pipe')");

    // What goes is forgotten: by name, by a scan that does not meet it, by folder.
    left_out.remove(shared_root, "l1");
    CHECK(left_out.count() == 5);
    left_out.begin_folder(shared_root);
    left_out.add(shared_root, "l2", Reason::link);
    left_out.end_folder(shared_root);
    CHECK(left_out.summary() == "2: 1 symbolic link ('l2'), 1 special file ('d/pipe')");
    left_out.remove_below(place("d/"));
    CHECK(left_out.summary() == "1: 1 symbolic link ('l2')");
}

TEST_CASE("left out: names with line ends and escapes forge nothing") {
    LeftOut left_out;
    left_out.add(shared_root, "a\nb\x1B[2J\xE9", LeftOut::Reason::not_utf8);
    const std::string text = left_out.summary();
    CHECK(std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < '\x7F'; }));
}

}  // namespace
}  // namespace shoal::store
