// Data connections and the replies around transfers: the session without a socket.
#include <catch2/catch.hpp>

#include "../support/played_ftp_host.hpp"

using namespace shoal;
using gateway::ftp::Rights;
using gateway::ftp::TransferEnd;
using test::PlayedFtpHost;

TEST_CASE("a transfer needs a data connection, each one its own", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.add_file("a", 5);
    ftp.log_in();
    CHECK(ftp("RETR a").starts_with("425 "));
    CHECK(ftp("STOR b").starts_with("425 "));
    CHECK(ftp("APPE b").starts_with("425 "));
    CHECK(ftp("EPSV") == "229 Entering extended passive mode (|||50001|).");
    CHECK(ftp("RETR a").starts_with("150 "));  // before the client has come
    CHECK(ftp.started);
    ftp.session.handle_data({});
    CHECK(ftp.end() == "226 Transfer complete.");
    CHECK(ftp("RETR a").starts_with("425 "));
}

TEST_CASE("how a transfer ended is told", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.add_file("a", 5);
    ftp.log_in();
    const auto retrieve = [&](TransferEnd::Kind kind, Error error = {}) {
        ftp.passive();
        REQUIRE(ftp("RETR a").starts_with("125 "));
        return ftp.end(kind, std::move(error));
    };
    using Kind = TransferEnd::Kind;
    CHECK(retrieve(Kind::no_connection).starts_with("425 "));
    CHECK(retrieve(Kind::broken).starts_with("426 "));
    CHECK(retrieve(Kind::failed, {ErrorKind::changed, "it was changed"}) == "451 it was changed");
    CHECK(retrieve(Kind::failed, {ErrorKind::closed, "the hosts are gone"}).starts_with("450 "));
    CHECK(retrieve(Kind::failed, {ErrorKind::no_space, "the disk is full"}).starts_with("452 "));
    CHECK(retrieve(Kind::failed, {ErrorKind::system, "two\r\nlines"}) == "451 two\\x0D\\x0Alines");
}

TEST_CASE("REST holds for the next transfer only, and not in ASCII", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.add_file("a", 5);
    ftp.log_in();
    for (const char* line : {"REST x", "REST -1", "REST 1.5", "REST 99999999999999999999"}) {
        CHECK(ftp(line).starts_with("501 "));
    }
    CHECK(ftp("REST 3") == "350 Restarting at position 3.");
    ftp.passive();
    CHECK(ftp("RETR a").find("(2 bytes)") != std::string::npos);
    CHECK(ftp.opened == "a@3");
    ftp.end();
    ftp.passive();
    ftp("RETR a");
    CHECK(ftp.opened == "a@0");
    ftp.end();
    ftp.passive();
    ftp("REST 5");
    CHECK(ftp("RETR a").starts_with("125 "));  // nothing is left to send
    ftp.end();
    ftp.passive();
    ftp("REST 6");
    CHECK(ftp("RETR a").starts_with("554 "));
    CHECK(ftp("RETR a").starts_with("125 "));  // the connection was not used
    ftp.end();
    ftp("REST 4");
    ftp.passive();
    ftp("LIST");
    ftp.end();
    ftp.passive();
    ftp("RETR a");
    CHECK(ftp.opened == "a@0");
    ftp.end();
    ftp("TYPE A");
    CHECK(ftp("REST 3") == "501 Restarting is not allowed in ASCII mode.");
    CHECK(ftp("REST 0").starts_with("350 "));
}

TEST_CASE("STOR, APPE and restarted STOR", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.add_file("a", 5);
    ftp.add_file("far", 5, false);
    ftp.add_folder("dir");
    ftp.log_in();
    ftp.passive();
    CHECK(ftp("STOR new") == "125 Ok to send data for /new.");
    CHECK(ftp.stored.name == "new");
    CHECK(ftp.stored.keep == 0);
    CHECK(ftp.end() == "226 Transfer complete.");
    ftp.passive();
    CHECK(ftp("STOR dir").starts_with("550 "));
    CHECK(ftp("STOR nowhere/x").starts_with("550 "));
    CHECK(ftp("STOR a/x").starts_with("550 "));
    CHECK(ftp("STOR ev\x07il").starts_with("553 Names with control characters"));
    CHECK(ftp("STOR caf\xe9") == "553 Names are UTF-8 here, and 'caf\\xE9' is not.");
    CHECK(ftp("STOR far").starts_with("125 "));  // this host's version is another
    ftp.end();
    ftp.passive();
    CHECK(ftp("APPE far").starts_with("550 "));
    CHECK(ftp("APPE a").starts_with("125 "));
    CHECK(ftp.stored.keep == UINT64_MAX);
    ftp.end();
    ftp.passive();
    CHECK(ftp("APPE fresh").starts_with("125 "));
    ftp.end();
    ftp("REST 3");
    CHECK(ftp("APPE a") == "450 Can't APPE while REST request is pending.");
    ftp.passive();
    ftp("REST 3");
    CHECK(ftp("STOR a").starts_with("125 "));
    CHECK(ftp.stored.keep == 3);
    ftp.end();
    ftp.passive();
    ftp("REST 6");
    CHECK(ftp("STOR a").starts_with("554 "));
    ftp("REST 1");
    CHECK(ftp("STOR fresh").starts_with("554 "));
    CHECK(ftp("STOR fresh").starts_with("125 "));
    ftp.end();
    ftp.passive();
    ftp.store_result = Error{ErrorKind::bad_input, "not a name"};
    CHECK(ftp("STOR .x") == "553 not a name");
}

TEST_CASE("STOU tells its name first and takes a data connection then", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.add_folder("dir");
    ftp.log_in();
    CHECK(ftp("STOU") == "150 FILE: upload.0a1b");
    CHECK(ftp.stored.unique);
    CHECK(ftp("PORT 192,0,2,7,200,10").starts_with("200 "));
    CHECK(ftp.end() == "226 Transfer complete.");
    ftp("CWD dir");
    ftp.passive();
    CHECK(ftp("STOU log.txt") == "125 FILE: log.txt.0a1b");
    CHECK(ftp.stored.name == "dir/log.txt.0a1b");
    ftp.end();
    ftp("REST 3");
    CHECK(ftp("STOU") == "450 Can't STOU while REST request is pending.");
}

TEST_CASE("ABOR ends what is under way", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.add_file("a", 5);
    ftp.log_in();
    CHECK(ftp("ABOR") == "225 No transfer to abort.");
    ftp.passive();
    CHECK(ftp("ABOR").starts_with("225 "));
    CHECK(ftp("RETR a").starts_with("425 "));
    ftp.passive();
    ftp("RETR a");
    CHECK(ftp("abor") == "426 Transfer aborted via ABOR.|226 ABOR command successful.");
    ftp.passive();
    ftp.answering = false;
    ftp.session.handle_line("RETR a");  // being opened
    CHECK(ftp("ABOR") == "426 Aborted via ABOR.|226 ABOR command successful.");
    CHECK(ftp.questions.empty());
    ftp.answering = true;
    ftp.passive();
    ftp("STOR b");
    ftp.abortable = false;  // all is here, it is being put in place
    CHECK(ftp("ABOR").empty());
    CHECK(ftp.end() == "226 Transfer complete.|225 No transfer to abort.");
}

TEST_CASE("ABOR is understood behind a Telnet Synch, and before lines that wait", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.add_file("a", 5);
    ftp.log_in();
    ftp.passive();
    ftp("RETR a");
    CHECK(ftp("SIZE a").empty());
    CHECK(ftp("\xf4\xf2"
              "ABOR") == "426 Transfer aborted via ABOR.|226 ABOR command successful.|213 5");
}

TEST_CASE("data goes to the client's own address and unprivileged ports only", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.log_in();
    CHECK(ftp("PORT 192,0,2,7,200,10") == "200 Active data connection established.");
    CHECK(ftp.dialled == std::vector<std::string>{"192.0.2.7:51210"});
    for (const char* line :
         {"PORT 192,0,2,8,200,10", "PORT 127,0,0,1,200,10", "PORT 192,0,2,7,0,21",
          "PORT 192,0,2,7,3,255", "EPRT |1|192.0.2.8|51210|", "EPRT |1|192.0.2.7|1023|",
          "PORT 0,0,0,0,200,10"}) {
        CHECK(ftp(line).starts_with("504 "));
    }
    for (const char* line : {"PORT 1,2,3,4,5", "PORT 1,2,3,4,5,6,7", "PORT 1,2,3,4,5,256",
                             "PORT 1,2,3,4,5.6", "PORT a,2,3,4,5,6", "PORT 1,2,3,4,-1,6",
                             "PORT ,,,,,", "PORT 192,0,2,7,200,10,", "PORT 192,0,2,7, 200,10"}) {
        CHECK(ftp(line) == "501 Invalid PORT format.");
    }
    for (const char* line :
         {"EPRT ||||", "EPRT ||", "EPRT |1|192.0.2.7|65536|", "EPRT x", "EPRT |1|192.0.2.7|-1|",
          "EPRT |1|1.2.3.4.5|2048|", "EPRT |1|1.2.3.256|2048|", "EPRT |1|::1|2048|", "EPRT  "}) {
        CHECK(ftp(line).starts_with("501 "));
    }
    CHECK(ftp("EPRT |2|::1|2048|") == "522 Network protocol not supported, use (1).");
    CHECK(ftp("EPRT |3|x|2048|").starts_with("522 "));
    CHECK(ftp.dialled.size() == 1);
    CHECK(ftp("EPRT !1!192.0.2.7!2048!").starts_with("200 "));
    ftp.connect_result = Error{ErrorKind::system, "Can't connect: Connection refused"};
    CHECK(ftp("PORT 192,0,2,7,200,10").starts_with("425 "));
    CHECK(ftp("LIST").starts_with("425 "));
}

TEST_CASE("PASV and EPSV say where, EPSV ALL says only EPSV", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.log_in();
    CHECK(ftp("PASV") == "227 Entering passive mode (192,0,2,1,195,81).");
    ftp.rules.advertise = net::Address::parse_numeric("203.0.113.5", 0);
    CHECK(ftp("PASV") == "227 Entering passive mode (203,0,113,5,195,81).");
    CHECK(ftp("EPSV 1").starts_with("229 "));
    CHECK(ftp("EPSV 2") == "522 Network protocol not supported, use (1).");
    CHECK(ftp("EPSV 3").starts_with("522 "));
    CHECK(ftp("EPSV x").starts_with("501 "));
    CHECK(ftp("EPSV all").starts_with("200 "));
    for (const char* line : {"PASV", "PORT 192,0,2,7,200,10", "EPRT |1|192.0.2.7|51210|"}) {
        CHECK(ftp(line).starts_with("503 "));
    }
    CHECK(ftp.dialled.empty());
    CHECK(ftp("EPSV").starts_with("229 "));
}

TEST_CASE("over IPv6 there is EPSV and EPRT, and no PASV and PORT", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.peer_address = *net::Address::parse_numeric("2001:db8::7", 40000);
    ftp.local_address = *net::Address::parse_numeric("2001:db8::1", 2121);
    ftp.log_in();
    ftp.rules.advertise = net::Address::parse_numeric("203.0.113.5", 0);
    CHECK(ftp("PASV").starts_with("425 "));
    CHECK(ftp("PORT 192,0,2,7,200,10").starts_with("522 "));
    CHECK(ftp("EPRT |1|192.0.2.7|2048|") == "522 Network protocol not supported, use (2).");
    CHECK(ftp("EPRT |2|2001:db8::8|2048|").starts_with("504 "));
    CHECK(ftp("EPRT |2|2001:0db8:0::7|2048|").starts_with("200 "));
    CHECK(ftp("EPSV 1").starts_with("522 "));
    CHECK(ftp("EPSV 2").starts_with("229 "));
}
