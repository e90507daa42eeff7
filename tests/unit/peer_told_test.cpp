// What hosts told, and who may still have something.
#include <catch2/catch.hpp>

#include "peer/doubts.hpp"
#include "peer/told.hpp"

namespace shoal::peer {
namespace {

ToldRow file(const std::string& name, std::uint64_t size = 5) {
    integrity::FileId id{size, {}};
    id.root.bytes[0] = 1;
    return {name, false, true, id, 100};
}
ToldRow folder(const std::string& name) { return {name, true, false, {}, 0}; }

using Extent = Told::Extent;

struct Scene {
    Told told{100'000};
    TimePoint now{1h};

    Scene() { told.handle_up("b"); }
    void lose(bool listed = true, bool ended = false) { told.handle_lost("b", listed, ended, now); }
    // "known: names", "unknown: names"; nothing when nobody is known.
    [[nodiscard]] std::string look(const std::string& prefix) const {
        std::string said;
        for (const Told::Folder& one : told.folder(prefix, now)) {
            said += one.known ? "known:" : "unknown:";
            for (const ToldRow& row : one.rows != nullptr ? *one.rows : ToldRows()) {
                said += " " + row.name + (row.folder ? "/" : "");
            }
        }
        return said;
    }
    [[nodiscard]] std::string find(const std::string& path) const {
        const auto words = told.name(path, now);
        return words.empty()             ? "nobody"
               : words[0].row != nullptr ? "has"
               : words[0].known          ? "has not"
                                         : "unknown";
    }
};

TEST_CASE("a host that is silent or lost stands by what it told") {
    Scene scene;
    CHECK(scene.look("") == "unknown:");
    CHECK(scene.find("a") == "unknown");
    scene.told.put("b", "", {file("a"), folder("d")}, Extent::whole);
    for (const bool lost : {false, true}) {
        if (lost) {
            scene.lose();
            scene.now += 24h;
        }
        CHECK(scene.look("") == "known: a d/");
        CHECK(scene.find("a") == "has");
        CHECK(scene.find("x") == "has not");
        CHECK(scene.look("x/") == "known:");    // there is no such folder
        CHECK(scene.look("a/") == "known:");    // that is a file
        CHECK(scene.look("d/") == "unknown:");  // there is, and what is in it was not told
        CHECK(scene.look("d/e/") == "unknown:");
        CHECK(scene.find("d/f") == "unknown");
    }
    scene.told.handle_up("b");
    scene.told.put("b", "", {file("c")}, Extent::whole);
    CHECK(scene.look("") == "known: c");
}

TEST_CASE("what a lost host never told is doubted for a minute") {
    Scene scene;
    scene.lose();
    CHECK(scene.look("d/") == "unknown:");
    scene.now += 59s;
    CHECK(scene.look("d/") == "unknown:");
    scene.now += 1s;
    CHECK(scene.look("d/") == "known:");
    CHECK(scene.find("a") == "has not");
}

TEST_CASE("who told of a folder is known to have those above, and they are doubted for good") {
    Scene scene;
    scene.told.put("b", "a/far/", {file("x")}, Extent::whole);
    scene.told.put("b", "none/here/", {}, Extent::whole);
    for (int hours = 0; hours < 3; ++hours) {
        CHECK(scene.look("") == "unknown: a/");
        CHECK(scene.look("a/") == "unknown: far/");
        CHECK(scene.look("a/far/") == "known: x");
        CHECK(scene.look("a/other/") == "unknown:");
        CHECK(scene.find("a") == "has");
        CHECK(scene.find("y") == "unknown");
        scene.lose();
        scene.now += 1h;
    }
    scene.told.handle_up("b");
    scene.told.put("b", "", {folder("c")}, Extent::whole);
    CHECK(scene.look("") == "known: c/");
    scene.told.handle_lost("b", true, false, scene.now);
    scene.told.handle_hosts({});
    CHECK(scene.told.bytes() == 0);
}

TEST_CASE("a host that sees only a part of its folders takes nothing back") {
    Scene scene;
    scene.told.put("b", "", {file("a"), file("c")}, Extent::whole);
    scene.told.put("b", "", {file("b"), file("c", 7)}, Extent::partly);
    CHECK(scene.look("") == "unknown: a b c");
    CHECK(scene.told.name("c", scene.now)[0].row->id.size == 7);
    CHECK(scene.find("d") == "unknown");
    scene.told.put("b", "", {file("b")}, Extent::whole);
    CHECK(scene.look("") == "known: b");
}

TEST_CASE("a listing that was cut says nothing of what it does not show") {
    Scene scene;
    scene.told.put("b", "", {file("a")}, Extent::cut);
    CHECK(scene.look("") == "known: a");
    CHECK(scene.told.folder("", scene.now)[0].cut);
    CHECK(scene.find("z") == "unknown");
    CHECK(scene.look("z/") == "unknown:");
}

TEST_CASE("who is forgotten, and when") {
    struct Case {
        bool listed;
        bool ended;
        bool kept;
        bool kept_long;
    };
    for (const Case& one : {Case{true, false, true, true}, Case{true, true, true, true},
                            Case{false, false, true, false}, Case{false, true, false, false}}) {
        CAPTURE(one.listed, one.ended);
        Scene scene;
        scene.told.put("b", "", {file("a")}, Extent::whole);
        scene.lose(one.listed, one.ended);
        scene.told.forget_old(scene.now);
        CHECK((scene.find("a") == "has") == one.kept);
        scene.now += 1h;
        scene.told.forget_old(scene.now);
        CHECK((scene.find("a") == "has") == one.kept_long);
        scene.told.handle_hosts({"b"});
        CHECK((scene.find("a") == "has") == one.kept_long);
        scene.told.handle_hosts({});
        CHECK(scene.find("a") == "nobody");
        CHECK(scene.told.bytes() == 0);
    }
    Scene scene;
    scene.told.handle_hosts({});  // it is connected, wherever it is from
    CHECK(scene.told.hosts() == 1);
}

TEST_CASE("memory is bounded, and who tells without end takes nobody else's room") {
    Scene scene;
    scene.told.put("b", "", {folder("d")}, Extent::whole);
    scene.told.handle_up("liar");
    for (int i = 0; i < 1000; ++i) {
        ToldRows rows;
        for (int j = 0; j < 10; ++j) {
            rows.push_back(file(std::string(200, static_cast<char>('a' + j))));
        }
        scene.told.put("liar", std::to_string(i) + "/", std::move(rows), Extent::whole);
        REQUIRE(scene.told.bytes() <= 100'000);
    }
    CHECK(scene.told.folder("", scene.now)[0].rows != nullptr);
    // What was dropped is not known, however long the host is away.
    scene.told.handle_lost("liar", true, false, scene.now);
    scene.now += 24h;
    CHECK(!scene.told.folder("0/", scene.now)[1].known);
    CHECK(scene.told.folder("999/", scene.now)[1].known);
}

TEST_CASE("doubts name who is waited for") {
    Doubts doubts;
    CHECK_FALSE(doubts.any());
    doubts.silent = {"b"};
    CHECK(doubts.any());
    CHECK(doubts.text() == "b does not answer");
    doubts.silent = {"b", "c", "d", "e", "f"};
    doubts.looking = true;
    doubts.unheard = {"g"};
    doubts.away = {"h", "i"};
    CHECK(doubts.text() ==
          "this host does not see all of its own folders yet; b, c, d and 2 more do not answer; "
          "g was not heard of yet; h, i were lost, and may be back in a moment");
}

}  // namespace
}  // namespace shoal::peer
