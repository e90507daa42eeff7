// Paths, changes and listings: the session without a socket.
#include <catch2/catch.hpp>

#include "../support/played_ftp_host.hpp"

using namespace shoal;
using gateway::ftp::Change;
using gateway::ftp::Rights;
using test::PlayedFtpHost;

namespace {

void add_tree(PlayedFtpHost& ftp) {
    ftp.add_folder("dir");
    ftp.add_folder("dir/sub");
    ftp.add_folder("empty");
    ftp.add_file("a.txt", 1234);
    ftp.add_file("dir/b.txt", 5);
    ftp.add_file("far.bin", 99, false);
}

}  // namespace

TEST_CASE("CWD, CDUP and PWD move within the tree and never above it", "[ftp]") {
    PlayedFtpHost ftp;
    add_tree(ftp);
    ftp.add_folder("with \"quotes\" and space");
    ftp.log_in();
    CHECK(ftp("PWD") == "257 \"/\" is the current directory.");
    CHECK(ftp("CDUP") == "250 \"/\" is the current directory.");
    CHECK(ftp("CWD dir") == "250 \"/dir\" is the current directory.");
    CHECK(ftp("CWD sub/../sub") == "250 \"/dir/sub\" is the current directory.");
    CHECK(ftp("CWD ../../../../..") == "250 \"/\" is the current directory.");
    CHECK(ftp("XCWD /dir/sub/") == "250 \"/dir/sub\" is the current directory.");
    CHECK(ftp("XCUP") == "250 \"/dir\" is the current directory.");
    CHECK(ftp("CWD nowhere").starts_with("550 "));
    CHECK(ftp("CWD b.txt") == "550 /dir/b.txt is not a directory.");
    CHECK(ftp("XPWD") == "257 \"/dir\" is the current directory.");
    CHECK(ftp("CWD") == "250 \"/\" is the current directory.");
    CHECK(ftp("CWD with \"quotes\" and space") ==
          "250 \"/with \"\"quotes\"\" and space\" is the current directory.");
}

TEST_CASE("SIZE, MDTM and MLST tell of one name", "[ftp]") {
    PlayedFtpHost ftp;
    add_tree(ftp);
    ftp.log_in();
    CHECK(ftp("SIZE a.txt") == "213 1234");
    CHECK(ftp("SIZE dir") == "550 /dir is not retrievable.");
    CHECK(ftp("SIZE nowhere").starts_with("550 "));
    CHECK(ftp("MDTM a.txt") == "213 20200913122640");
    CHECK(ftp("MDTM dir") == "550 /dir is not retrievable.");
    CHECK(ftp("HASH a.txt") == "213 SHA-256 0-1234 beef a.txt");
    CHECK(ftp("OPTS HASH bep52") == "200 BEP52");
    CHECK(ftp("HASH a.txt") == "213 BEP52 0-1234 " + std::string(64, 'a') + " a.txt");
    ftp("OPTS MLST type;perm;size;modify;");
    CHECK(ftp("MLST a.txt") ==
          "250-Listing /a.txt| type=file;perm=radfw;size=1234;modify=20200913122640; /a.txt|250 "
          "End.");
    CHECK(ftp("MLST far.bin").find("perm=r;") != std::string::npos);
    ftp("OPTS MLST type;");
    CHECK(ftp("MLST") == "250-Listing /| type=dir; /|250 End.");
    ftp("OPTS MLST");
    CHECK(ftp("MLST /") == "250-Listing /|  /|250 End.");
    ftp("TYPE A");
    CHECK(ftp("SIZE a.txt").starts_with("550 "));
}

TEST_CASE("what has no time is told without one, and of folders what is known", "[ftp]") {
    PlayedFtpHost ftp;
    add_tree(ftp);
    ftp.tree["dir"].mtime = 1'500'000'000;
    ftp.tree["a.txt"].mtime.reset();
    ftp.log_in();
    ftp("OPTS MLST type;modify;");
    CHECK(ftp("MLST dir") == "250-Listing /dir| type=dir;modify=20170714024000; /dir|250 End.");
    CHECK(ftp("MLST empty") == "250-Listing /empty| type=dir; /empty|250 End.");
    CHECK(ftp("MLST a.txt") == "250-Listing /a.txt| type=file; /a.txt|250 End.");
    CHECK(ftp("MDTM a.txt") == "550 No host knows the time of /a.txt.");
    ftp.passive();
    ftp("LIST");
    ftp.end();
    for (const char* line :
         {"0 Jul 14  2017 dir\r\n", "0 Jan  1  1970 empty\r\n", "1234 Jan  1  1970 a.txt\r\n"}) {
        CHECK(ftp.listing.find(line) != std::string::npos);
    }
    ftp.passive();
    ftp("MLSD");
    ftp.end();
    CHECK(
        ftp.listing.starts_with("type=file; a.txt\r\ntype=dir;modify=20170714024000; dir\r\n"
                                "type=dir; empty\r\n"));
}

TEST_CASE("folders and files are made and removed by those who may", "[ftp]") {
    PlayedFtpHost ftp;
    add_tree(ftp);
    ftp.log_in();
    CHECK(ftp("MKD dir/new\"one") == "257 \"/dir/new\"\"one\" directory created.");
    REQUIRE(ftp.changes.size() == 1);
    CHECK(ftp.changes[0].kind == Change::Kind::make_folder);
    CHECK(ftp.changes[0].name == "dir/new\"one");
    CHECK(ftp("MKD dir") == "550 /dir exists.");
    CHECK(ftp("MKD a.txt") == "550 /a.txt exists.");
    CHECK(ftp("MKD /") == "550 / exists.");
    CHECK(ftp("MKD nowhere/new").starts_with("550 "));
    CHECK(ftp("MKD a.txt/new").starts_with("550 "));
    CHECK(ftp("MKD ev\x1bil").starts_with("553 "));
    CHECK(ftp("RMD /") == "550 Can't remove root directory.");
    CHECK(ftp("RMD dir") == "250 Directory removed.");
    CHECK(ftp("DELE ../a.txt") == "250 File removed.");
    CHECK(ftp.changes.back().name == "a.txt");
    ftp.change_result = Error{ErrorKind::exists, "'dir' is not empty"};
    CHECK(ftp("RMD dir") == "550 'dir' is not empty");
    ftp.change_result = Error{ErrorKind::no_space, "the disk is full"};
    CHECK(ftp("MKD other") == "452 the disk is full");
    const std::size_t before = ftp.changes.size();
    ftp("REIN");
    ftp.log_in(Rights::read);
    for (const char* line : {"MKD x", "RMD dir", "DELE a.txt", "RNFR a.txt", "RNTO x", "STOR x",
                             "APPE a.txt", "STOU", "MFMT 20200101000000 a.txt"}) {
        const std::string said = ftp(line);
        CHECK((said.starts_with("550 Permission") || said.starts_with("503")));
    }
    CHECK(ftp.changes.size() == before);
}

TEST_CASE("RNTO follows its RNFR at once", "[ftp]") {
    PlayedFtpHost ftp;
    add_tree(ftp);
    ftp.log_in();
    CHECK(ftp("RNTO x").starts_with("503 "));
    CHECK(ftp("RNFR nowhere").starts_with("550 "));
    CHECK(ftp("RNTO x").starts_with("503 "));
    CHECK(ftp("RNFR /") == "550 Can't rename home directory.");
    CHECK(ftp("RNFR a.txt").starts_with("350 "));
    CHECK(ftp("NOOP").starts_with("200"));
    CHECK(ftp("RNTO x").starts_with("503 "));
    CHECK(ftp.changes.empty());
    CHECK(ftp("RNFR a.txt").starts_with("350 "));
    CHECK(ftp("RNTO dir/c.txt") == "250 Renamed.");
    REQUIRE(ftp.changes.size() == 1);
    CHECK(ftp.changes[0].name == "a.txt");
    CHECK(ftp.changes[0].to == "dir/c.txt");
    CHECK(ftp("RNTO x").starts_with("503 "));
    ftp("RNFR a.txt");
    CHECK(ftp("RNTO dir").starts_with("550 "));  // a folder is not replaced
    ftp("RNFR a.txt");
    CHECK(ftp("RNTO nowhere/x").starts_with("550 "));
    ftp("RNFR a.txt");
    CHECK(ftp("RNTO dir/b.txt") == "250 Renamed.");  // a file is
}

TEST_CASE("MFMT takes a time and a path", "[ftp]") {
    PlayedFtpHost ftp;
    add_tree(ftp);
    ftp.log_in();
    CHECK(ftp("MFMT 20200913122640 a.txt") == "213 Modify=20200913122640; /a.txt");
    REQUIRE(ftp.changes.size() == 1);
    CHECK(ftp.changes[0].mtime == 1'600'000'000);
    CHECK(ftp("MFMT 20200229000000.123 a.txt").starts_with("213 "));
    for (const char* line :
         {"MFMT 2020091312264 a.txt", "MFMT 20201313000000 a.txt", "MFMT 20210229000000 a.txt",
          "MFMT 20200101240000 a.txt", "MFMT B0200913122640 a.txt", "MFMT 20200913122640. a.txt"}) {
        CHECK(ftp(line).starts_with("501 Invalid time format"));
    }
    CHECK(ftp("MFMT a.txt").starts_with("501 Syntax error"));
    CHECK(ftp("MFMT 20200913122640").starts_with("501 "));
    CHECK(ftp("MFMT 20200913122640 ").starts_with("501 "));
}

TEST_CASE("LIST, NLST and MLSD", "[ftp]") {
    PlayedFtpHost ftp;
    add_tree(ftp);
    ftp.log_in();
    const auto list = [&](const std::string& line) {
        ftp.passive();
        const std::string said = ftp(line);
        if (said.starts_with("125 ")) {
            CHECK(ftp.end() == "226 Transfer complete.");
            return ftp.listing;
        }
        ftp("ABOR");
        return said;
    };
    CHECK(list("NLST") == "a.txt\r\ndir\r\nempty\r\nfar.bin\r\n");
    CHECK(list("NLST /") == list("NLST"));
    CHECK(list("NLST -a") == list("NLST"));
    CHECK(list("NLST dir") == "dir/b.txt\r\ndir/sub\r\n");
    CHECK(list("NLST dir/") == "dir/b.txt\r\ndir/sub\r\n");
    CHECK(list("NLST dir/b.txt") == "dir/b.txt\r\n");
    CHECK(list("NLST *.txt") == "a.txt\r\n");
    CHECK(list("NLST dir/*b*") == "dir/b.txt\r\ndir/sub\r\n");
    CHECK(list("NLST empty").empty());
    CHECK(list("LIST empty").empty());
    CHECK(list("MLSD empty").empty());
    CHECK(list("LIST a.txt") ==
          "-rw-r--r--   1 shoal    shoal            1234 Sep 13 12:26 a.txt\r\n");
    CHECK(list("LIST -la dir/b.txt") ==
          "-rw-r--r--   1 shoal    shoal               5 Sep 13 12:26 b.txt\r\n");
    CHECK(list("LIST").find("-r--r--r--   1 shoal    shoal              99 Sep 13 12:26 far.bin") !=
          std::string::npos);
    ftp("OPTS MLST type;size;");
    CHECK(list("MLSD dir") == "type=file;size=5; b.txt\r\ntype=dir;size=0; sub\r\n");
    for (const char* verb : {"LIST", "NLST", "MLSD", "LIST -l"}) {
        CHECK(list(verb + std::string(" nowhere")).starts_with("550 "));
        CHECK(list(verb + std::string(" z*")).starts_with("550 "));
    }
    CHECK(list("MLSD a.txt").starts_with("501 "));
}

TEST_CASE("listings need a data connection; STAT does not", "[ftp]") {
    PlayedFtpHost ftp;
    add_tree(ftp);
    ftp.log_in();
    for (const char* verb : {"LIST", "NLST", "MLSD"}) {
        CHECK(ftp(verb).starts_with("425 "));
    }
    ftp.session.handle_line("STAT dir");
    ftp.answer_all();
    CHECK(ftp.said() ==
          "213-Status of \"/dir\":|"
          "-rw-r--r--   1 shoal    shoal               5 Sep 13 12:26 b.txt|"
          "drwxr-xr-x   2 shoal    shoal               0 Jan  1  1970 sub|213 End of status.");
    CHECK(ftp("STAT nowhere").starts_with("550 "));
    CHECK(ftp("STAT *") == "550 Globbing not supported.");
}

TEST_CASE("a long STAT goes out as the client takes it", "[ftp]") {
    PlayedFtpHost ftp;
    for (int i = 0; i < 2000; ++i) {
        ftp.add_file("file" + std::to_string(i), 1);
    }
    ftp.log_in();
    CHECK_FALSE(ftp("STAT /").ends_with("213 End of status."));
    CHECK(ftp("NOOP").empty());
    std::string rest;
    for (int i = 0; i < 100 && ftp.session.busy(); ++i) {
        ftp.session.handle_sent();
        CHECK(ftp.output.size() < 20'000);
        rest = ftp.said();
    }
    CHECK(rest.ends_with("213 End of status.|200 I successfully did nothing."));
}

TEST_CASE("names that would upset a listing are shown escaped, and can be typed so", "[ftp]") {
    PlayedFtpHost ftp;
    const std::string name = "two\r\n226 lines\x1b[2J\xe2\x80\xae";
    ftp.add_file(name, 7);
    ftp.log_in();
    ftp.passive();
    ftp("NLST");
    ftp.end();
    const std::string shown = ftp.listing.substr(0, ftp.listing.size() - 2);
    CHECK(shown.find_first_of("\r\n\x1b") == std::string::npos);
    CHECK(ftp("SIZE " + shown) == "213 7");
    CHECK(ftp("SIZE a\\x2f..\\x2fb").starts_with("550 "));
    CHECK(ftp("MLST " + shown).find("\x1b") == std::string::npos);
}

TEST_CASE("what is not known yet is neither listed as whole nor said to be missing", "[ftp]") {
    PlayedFtpHost ftp;
    add_tree(ftp);
    ftp.log_in();
    ftp.doubts = "127.0.0.3:8080 does not answer";
    for (const char* list : {"LIST", "NLST", "MLSD", "NLST dir", "LIST b*", "STAT dir"}) {
        CAPTURE(list);
        ftp.passive();
        const std::string said = ftp(list);
        CHECK(said.starts_with("450 "));
        CHECK(said.find("127.0.0.3:8080 does not answer") != std::string::npos);
        CHECK_FALSE(ftp.started);
    }
    for (const char* ask : {"SIZE x", "MDTM x", "MLST x", "CWD x", "HASH x", "RNFR x"}) {
        CAPTURE(ask);
        CHECK(ftp(ask).starts_with("450 "));
    }
    CHECK(ftp("SIZE a.txt") == "213 1234");
    ftp.doubts.clear();
    ftp.truncated = true;
    ftp.passive();
    CHECK(ftp("NLST").starts_with("451 "));
}

TEST_CASE("what is new in the shared folder is looked for on the disk alone", "[ftp]") {
    using Where = PlayedFtpHost::Where;
    for (const char* command :
         {"STOR new", "MKD new", "STOR dir/new", "MKD dir/new", "STOR a.txt", "STOU new"}) {
        CAPTURE(command);
        PlayedFtpHost ftp;
        add_tree(ftp);
        ftp.log_in();
        ftp.doubts = "127.0.0.3:8080 does not answer";
        ftp.passive();
        const std::string said = ftp(command);
        CHECK((said.starts_with("125 ") || said.starts_with("257 ")));
        for (const auto& [name, where] : ftp.looked_up) {
            CHECK(where == Where::here);
        }
    }
    PlayedFtpHost ftp;
    add_tree(ftp);
    ftp.log_in();
    ftp.passive();
    // Nobody can go on with a content that is not known.
    ftp.doubts = "127.0.0.3:8080 does not answer";
    CHECK(ftp("APPE new").starts_with("450 "));
    // A folder that only others may have.
    CHECK(ftp("STOR theirs/new").starts_with("450 "));
    ftp.doubts.clear();
    CHECK(ftp("STOR theirs/new").starts_with("550 "));
}
