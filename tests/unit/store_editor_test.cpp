#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "../support/store_fixture.hpp"
#include "peer/offers.hpp"

namespace shoal::store {
namespace {

using test::safe;
using test::StoreFixture;
namespace fs = std::filesystem;

struct Edited : StoreFixture {
    Edited() : editor(&(**this).editor(Where::shared)) {}

    Status publish(std::string_view name, const std::vector<std::uint8_t>& content,
                   bool must_be_new = false) {
        Result<Draft> draft = editor->draft(safe(name));
        if (!draft) {
            return draft.error();
        }
        REQUIRE(::write(draft->fd(), content.data(), content.size()) ==
                static_cast<ssize_t>(content.size()));
        return editor->publish(std::move(*draft), safe(name), test::tree_of(content), {},
                               must_be_new);
    }
    // Everything on the disk, hidden files too.
    [[nodiscard]] std::vector<std::string> files() const {
        std::vector<std::string> found;
        for (const auto& entry : fs::recursive_directory_iterator(dir / "shared")) {
            found.push_back(entry.path().lexically_relative(dir / "shared"));
        }
        std::sort(found.begin(), found.end());
        return found;
    }
    // It needs no hashing, neither now nor when inotify speaks.
    void check_complete(std::string_view name) {
        CHECK(state(name) == Holding::State::complete);
        while (take_events()) {
        }
        CHECK(state(name) == Holding::State::complete);
    }

    Editor* editor;
};

const std::vector<std::uint8_t> content = test::random_content(100'000, 1);
const std::vector<std::uint8_t> other = test::random_content(5'000, 2);

}  // namespace

TEST_CASE("a draft is hidden, private, and gone without a trace unless it is published") {
    Edited store;
    {
        const Result<Draft> draft = store.editor->draft(safe("a/b"));
        REQUIRE(draft.ok());
        struct stat status {};
        REQUIRE(::fstat(draft->fd(), &status) == 0);
        CHECK((status.st_mode & 0777U) == 0600);
        REQUIRE(store.files().size() == 1);
        CHECK(store.files()[0].starts_with(".shoal-draft-"));
        CHECK(store.files()[0].size() > 40);
        store.follow();
        CHECK(store.names().empty());
    }
    CHECK(store.files().empty());
}

TEST_CASE("a published draft is offered at once, in the place of what was there") {
    Edited store;
    REQUIRE(store.publish("a/b/f", content).ok());
    store.check_complete("a/b/f");
    CHECK(store->catalog().find("a/b/f").file->id == test::tree_of(content).id);
    CHECK(store->catalog().is_subfolder("a/b"));
    REQUIRE(store.publish("a/b/f", other).ok());
    store.check_complete("a/b/f");
    CHECK(store.dir.read("shared/a/b/f") == other);
    CHECK(store.publish("a/b/f", content, true).error().kind == ErrorKind::exists);
    CHECK(store.dir.read("shared/a/b/f") == other);
    CHECK(store.files() == std::vector<std::string>{"a", "a/b", "a/b/f"});
    store.reopen();
    CHECK(store.state("a/b/f") == Holding::State::complete);
}

TEST_CASE("nothing is put in the place of a folder, a link or a pipe") {
    Edited store;
    fs::create_directories(store.dir / "shared/folder");
    fs::create_symlink("/etc", store.dir / "shared/link");
    REQUIRE(::mkfifo((store.dir / "shared/pipe").c_str(), 0600) == 0);
    for (const char* name : {"folder", "link", "pipe"}) {
        CHECK_FALSE(store.publish(name, content).ok());
        CHECK_FALSE(store.editor->remove(safe(name)).ok());
        CHECK_FALSE(store.editor->set_mtime(safe(name), 5).ok());
    }
    CHECK_FALSE(store.publish("link/passwd", content).ok());
    CHECK_FALSE(store.editor->make_folder(safe("link/x")).ok());
    CHECK_FALSE(store.editor->rename(safe("link"), safe("other"), true).ok());
    CHECK_FALSE(store.editor->remove(safe("link/passwd")).ok());
    CHECK(store.files() == std::vector<std::string>{"folder", "link", "pipe"});
}

TEST_CASE("a draft that a crash left behind is removed, one in use is not") {
    Edited store;
    const Result<Draft> draft = store.editor->draft(safe("f"));
    REQUIRE(draft.ok());
    store.dir.write("shared/.shoal-draft-0123456789abcdef0123456789abcdef", "left");
    store.dir.write("shared/sub/.shoal-draft-0123456789abcdef0123456789abcdef", "left");
    store.dir.write("shared/.hidden", "the user's");
    auto second = Store::open(store.options());  // a start beside this one
    REQUIRE(second.ok());
    CHECK(store.files().size() == 3);
    CHECK(store.dir.has("shared/.hidden"));
}

TEST_CASE("what is renamed, moved or given another time need not be hashed again") {
    Edited store;
    REQUIRE(store.publish("a/f", content).ok());
    REQUIRE(store.editor->rename(safe("a/f"), safe("g"), false).ok());
    store.check_complete("g");
    CHECK(store.state("a/f") == Holding::State::absent);
    REQUIRE(store.editor->rename(safe("g"), safe("a/f"), false).ok());
    REQUIRE(store.editor->rename(safe("a"), safe("b"), false).ok());
    store.check_complete("b/f");
    CHECK(store.state("a/f") == Holding::State::absent);
    CHECK_FALSE(peer::Offers(store->catalog()).has_folder("a"));
    REQUIRE(store.editor->set_mtime(safe("b/f"), 77).ok());
    store.check_complete("b/f");
    CHECK(store->catalog().find("b/f").file->stamp.mtime_ns == 77'000'000'000);
    CHECK_FALSE(store.editor->set_mtime(safe("b/f"), INT64_MAX).ok());
    CHECK_FALSE(store.editor->set_mtime(safe("b/f"), -1).ok());
}

TEST_CASE("a rename takes no name from another but a file's, when asked to") {
    Edited store;
    REQUIRE(store.publish("f", content).ok());
    REQUIRE(store.publish("g", other).ok());
    REQUIRE(store.editor->make_folder(safe("d/e")).ok());
    CHECK(store.editor->rename(safe("f"), safe("g"), false).error().kind == ErrorKind::exists);
    CHECK(store.editor->rename(safe("f"), safe("d"), true).error().kind == ErrorKind::exists);
    CHECK(store.editor->rename(safe("d"), safe("f"), true).error().kind == ErrorKind::exists);
    CHECK(store.editor->rename(safe("d"), safe("d/e/x"), true).error().kind ==
          ErrorKind::bad_input);
    CHECK(store.editor->rename(safe("none"), safe("x"), true).error().kind == ErrorKind::not_found);
    REQUIRE(store.editor->rename(safe("f"), safe("g"), true).ok());
    CHECK(store.dir.read("shared/g") == content);
    store.check_complete("g");
}

TEST_CASE("folders are made, seen empty, and removed when they are") {
    Edited store;
    REQUIRE(store.editor->make_folder(safe("a/b")).ok());
    CHECK(store->catalog().is_subfolder("a/b"));
    CHECK(peer::Offers(store->catalog()).has_folder("a"));
    CHECK(store.editor->make_folder(safe("a/b")).error().kind == ErrorKind::exists);
    CHECK(store.editor->remove_folder(safe("a")).error().kind == ErrorKind::exists);
    REQUIRE(store.editor->remove_folder(safe("a/b")).ok());
    REQUIRE(store.editor->remove_folder(safe("a")).ok());
    CHECK_FALSE(peer::Offers(store->catalog()).has_folder("a"));
    store.follow();
    CHECK_FALSE(peer::Offers(store->catalog()).has_folder("a"));
    CHECK(store.editor->remove_folder(safe("a")).error().kind == ErrorKind::not_found);
}

TEST_CASE("the catalog tells what stands directly in a folder, page by page") {
    Edited store;
    for (const char* name : {"a/1", "a/b/2", "a/b/c/3", "a/b-x", "a/b0", "a/z/4", "b"}) {
        REQUIRE(store.publish(name, other).ok());
    }
    REQUIRE(store.editor->make_folder(safe("a/empty")).ok());
    const Catalog& catalog = store->catalog();
    for (const std::size_t rows : {1UL, 2UL, 100UL}) {
        std::string files;
        std::string from;
        do {
            const ChildPage page = catalog.children(Where::shared, "a/", from, rows);
            for (const CatalogChild& row : page.rows) {
                files += row.name + (row.file ? " " : "/ ");
            }
            from = page.next;
        } while (!from.empty());
        CHECK(files == "1 b-x b/ b0 z/ ");
        std::string folders;
        do {
            const ChildPage page = catalog.subfolders("a/", from, rows);
            for (const CatalogChild& row : page.rows) {
                folders += row.name + " ";
            }
            from = page.next;
        } while (!from.empty());
        CHECK(folders == "b empty z ");
    }
    CHECK(catalog.children(Where::shared, "", "", 100).rows.size() == 2);
    CHECK(catalog.subfolders("", "", 100).rows.size() == 1);
}

namespace {
void set_time(const fs::path& path, std::int64_t seconds) {
    const timespec times[2]{{seconds, 0}, {seconds, 0}};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
}
}  // namespace

TEST_CASE("a folder's time is what the disk shows, and follows it") {
    Edited store;
    const fs::path folder = store.dir / "shared/x";
    const auto known = [&] {
        store.follow();
        return store->catalog().folder_mtime("x");
    };
    fs::create_directories(folder / "y");
    set_time(folder, 1'500'000'000);
    CHECK(known() == 1'500'000'000);
    const std::uint64_t generation = store->catalog().tree_generation();
    CHECK(known() == 1'500'000'000);
    CHECK(store->catalog().tree_generation() == generation);  // views of it stay good
    set_time(folder, 1'400'000'000);
    CHECK(known() == 1'400'000'000);
    CHECK(store->catalog().tree_generation() > generation);
    const auto changed = [&] {
        const std::int64_t now = *known();
        set_time(folder, 1'500'000'000);
        CHECK(known() == 1'500'000'000);
        return now > 1'500'000'000;
    };
    store.dir.write("shared/x/a", "a");
    CHECK(changed());
    fs::remove(folder / "a");
    CHECK(changed());
    fs::create_directory(folder / "z");
    CHECK(changed());
    fs::remove(folder / "z");
    CHECK(changed());
    CHECK(store->catalog().subfolders("", "", 9).rows.at(0).mtime_s == 1'500'000'000);
    CHECK_FALSE(store->catalog().folder_mtime("x/z"));
    fs::rename(folder, store.dir / "shared/w");
    CHECK_FALSE(known());
    CHECK(store->catalog().folder_mtime("w") == 1'500'000'000);
    store.reopen();
    CHECK(store->catalog().folder_mtime("w") == 1'500'000'000);
}

TEST_CASE("folders that others make and remove are followed") {
    Edited store;
    fs::create_directories(store.dir / "shared/x/y");
    store.follow();
    CHECK(store->catalog().is_subfolder("x/y"));
    fs::remove_all(store.dir / "shared/x");
    store.follow();
    CHECK_FALSE(peer::Offers(store->catalog()).has_folder("x"));
}

}  // namespace shoal::store
