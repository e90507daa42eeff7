// Login, arguments, settings, the order of replies: the session without a socket.
#include <catch2/catch.hpp>

#include "../support/played_ftp_host.hpp"

using namespace shoal;
using gateway::ftp::Rights;
using gateway::ftp::TransferEnd;
using test::PlayedFtpHost;

TEST_CASE("a session greets, and asks for a login first", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.session.greet();
    CHECK(ftp.said() == "220 Shoal FTP gateway ready.");
    for (const char* line : {"PWD", "CWD /", "LIST", "RETR x", "STOR x", "PASV", "TYPE I", "REIN",
                             "ABOR", "NETS", "STAT /", "SITE CHMOD 644 x", "OPTS MLST type;"}) {
        CHECK(ftp(line) == "530 Log in with USER and PASS first.");
    }
    for (const char* line : {"NOOP", "SYST", "STAT", "HELP", "FEAT", "SITE HELP", "OPTS UTF8 ON"}) {
        CHECK(ftp(line).starts_with("2"));
    }
    CHECK(ftp.questions.empty());
}

TEST_CASE("anonymous may read when it is allowed, in these letters only", "[ftp]") {
    PlayedFtpHost ftp;
    CHECK(ftp("USER anonymous") == "331 Username ok, send password.");
    CHECK(ftp("PASS me@here") == "230 Login successful.");
    CHECK(ftp("PASS again") == "503 User already authenticated.");
    CHECK(ftp("DELE x").starts_with("550 Permission denied"));
    CHECK(ftp("USER anonymous").starts_with("331"));  // logs out
    CHECK(ftp("PWD").starts_with("530"));
    CHECK(ftp("PASS").starts_with("230"));
    CHECK(ftp("USER Anonymous").starts_with("331"));
    CHECK(ftp("PASS x").starts_with("530"));
    ftp.rules.anonymous = false;
    CHECK(ftp("USER ftp").starts_with("331"));
    CHECK(ftp("PASS x").starts_with("530"));
    CHECK(ftp.checked == "ftp/x");
}

TEST_CASE("a wrong password and an unknown user sound alike; the third failure is the last",
          "[ftp]") {
    PlayedFtpHost ftp;
    CHECK(ftp("PASS early") == "503 Login with USER first.");
    for (int i = 0; i < 2; ++i) {
        CHECK(ftp("USER joe") == "331 Username ok, send password.");
        CHECK(ftp("PASS wrong") == "530 Authentication failed.");
        CHECK_FALSE(ftp.closed);
    }
    CHECK(ftp("PASS wrong") == "503 Login with USER first.");
    ftp("USER joe");
    CHECK(ftp("PASS wrong") == "530 Authentication failed.");
    CHECK(ftp.closed);
    CHECK(ftp("NOOP").empty());
}

TEST_CASE("too many logins at once end in 421", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.overloaded = true;
    ftp("USER joe");
    CHECK(ftp("PASS x").starts_with("421 "));
    CHECK(ftp.closed);
}

TEST_CASE("lines wait for the answer to the one before", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.answering = false;
    ftp.password_rights = Rights::write;
    for (const char* line : {"USER joe", "PASS secret", "PWD", "CWD /nowhere", "NOOP", "QUIT"}) {
        ftp.session.handle_line(line);
    }
    CHECK(ftp.said() == "331 Username ok, send password.");
    ftp.answering = true;
    ftp.answer_all();
    CHECK(ftp.said() ==
          "230 Login successful.|257 \"/\" is the current directory.|550 No host has 'nowhere'.|"
          "200 I successfully did nothing.|221 Goodbye.");
    CHECK(ftp.closed);
}

TEST_CASE("no more lines are wanted when many wait", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.log_in();
    ftp.answering = false;
    ftp.session.handle_line("SIZE x");
    for (std::size_t i = 0; i < gateway::ftp::Session::lines_max; ++i) {
        CHECK(ftp.session.wants_lines());
        ftp.session.handle_line("NOOP");
    }
    CHECK_FALSE(ftp.session.wants_lines());
    ftp.answering = true;
    ftp.answer_all();
    CHECK(ftp.session.wants_lines());
}

TEST_CASE("arguments are asked for and refused", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.log_in();
    for (const char* verb :
         {"ALLO", "APPE", "DELE", "EPRT", "HASH", "MDTM", "MFMT", "MKD",  "MODE",
          "OPTS", "PORT", "REST", "RETR", "RMD",  "RNFR", "RNTO", "SITE", "SITE CHMOD",
          "SIZE", "STOR", "STRU", "TYPE", "USER", "XMKD", "xrmd", "dele "}) {
        CHECK(ftp(verb) == "501 Syntax error: command needs an argument.");
    }
    for (const char* line : {"ABOR x", "CDUP x", "FEAT x", "NOOP x", "PASV x", "PWD x", "QUIT x",
                             "REIN x", "SYST x", "XCUP x", "XPWD x", "NETS x"}) {
        CHECK(ftp(line) == "501 Syntax error: command does not accept arguments.");
    }
    CHECK(ftp("") == "500 Command \"\" not understood.");
    CHECK(ftp("FROB x") == "500 Command \"FROB\" not understood.");
    CHECK(ftp("ev\x1bil\r") == "500 Command \"EV\\x1BIL\\x0D\" not understood.");
    CHECK(ftp("AUTH TLS") == "502 Command not implemented.");
}

TEST_CASE("TYPE, MODE and STRU", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.log_in();
    for (const char* line : {"TYPE A", "type a n", "TYPE I", "TYPE L 8", "type l8", "MODE S",
                             "STRU f", "ALLO 10", "ALLO 10 R 4"}) {
        CHECK(ftp(line).starts_with("20"));
    }
    for (const char* line :
         {"TYPE E", "TYPE A T", "TYPE X", "MODE B", "MODE C", "STRU R", "STRU P"}) {
        CHECK(ftp(line).starts_with("504 "));
    }
    CHECK(ftp("MODE ?").starts_with("501 "));
    CHECK(ftp("STRU ?").starts_with("501 "));
}

TEST_CASE("FEAT, OPTS and HELP", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.log_in();
    const std::string features = ftp("FEAT");
    CHECK(features.starts_with("211-Features supported:| EPRT| EPSV| "));
    CHECK(features.find("| MLST type*;perm*;size*;modify*;unique*;") != features.npos);
    CHECK(features.find("| REST STREAM| SIZE| TVFS| UTF8|211 End") != features.npos);
    CHECK(ftp("OPTS mlst TYPE;Size;fish;") == "200 MLST OPTS type;size;");
    CHECK(ftp("FEAT").find("| MLST type*;perm;size*;modify;") != features.npos);
    CHECK(ftp("OPTS MLST") == "200 MLST OPTS ");
    CHECK(ftp("OPTS MLST size").starts_with("501 "));
    CHECK(ftp("OPTS MLST type ;").starts_with("501 "));
    CHECK(ftp("OPTS FROB").starts_with("501 "));
    CHECK(ftp("OPTS UTF8 OFF").starts_with("504 "));
    CHECK(ftp("OPTS HASH") == "200 SHA-256");
    CHECK(ftp("OPTS HASH MD5").starts_with("501 "));
    CHECK(ftp("HELP").starts_with("214-The following"));
    CHECK(ftp("HELP retr") == "214 Syntax: RETR <path>");
    CHECK(ftp("HELP frob").starts_with("501 "));
    CHECK(ftp("SITE HELP").starts_with("214 "));
    CHECK(ftp("SITE HELP frob").starts_with("501 "));
    CHECK(ftp("SITE CHMOD 644 x").starts_with("502 "));
    CHECK(ftp("SITE FROB").starts_with("500 "));
    CHECK(ftp("NETS") == "201 Network size is 3.");
}

TEST_CASE("REIN forgets the login and the settings", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.log_in();
    ftp("EPSV ALL");
    ftp("OPTS MLST type;");
    CHECK(ftp("REIN") == "220 Ready for new user.");
    CHECK(ftp("PWD").starts_with("530"));
    ftp.log_in();
    CHECK(ftp("PASV").starts_with("227"));
    CHECK(ftp("MLST /").find("size=") != std::string::npos);
}

TEST_CASE("QUIT during a transfer is answered at once and done at its end", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.log_in();
    ftp.passive();
    CHECK(ftp("STOR new").starts_with("125 "));
    CHECK(ftp("QUIT") == "221 Goodbye.");
    CHECK_FALSE(ftp.closed);
    CHECK(ftp("NOOP").empty());
    CHECK(ftp.end() == "226 Transfer complete.");
    CHECK(ftp.closed);
}

TEST_CASE("during a transfer some commands wait and others do not", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.add_file("a", 5);
    ftp.log_in();
    ftp.passive();
    CHECK(ftp("RETR a") == "125 Opening BINARY mode data connection for /a (5 bytes).");
    CHECK(ftp("NOOP").starts_with("200"));
    CHECK(ftp("STAT").starts_with("211-"));
    CHECK(ftp("SIZE a").empty());
    CHECK(ftp("NOOP").empty());  // behind one that waits
    CHECK(ftp.end() == "226 Transfer complete.|213 5|200 I successfully did nothing.");
}

TEST_CASE("USER and REIN leave the transfer alone, and what needs a login fails at once", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.add_file("a", 5);
    ftp.log_in();
    ftp.passive();
    ftp("RETR a");
    CHECK(ftp("REIN").starts_with("220"));
    CHECK(ftp("SIZE a").starts_with("530"));
    CHECK(ftp("TYPE A").starts_with("530"));
    CHECK(ftp.end() == "226 Transfer complete.");
    CHECK(ftp("PWD").starts_with("530"));
}

TEST_CASE("a stranger's lines wait in a short queue", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.answering = false;
    ftp("USER joe");
    ftp.session.handle_line("PASS x");
    for (std::size_t i = 0; i < gateway::ftp::Session::stranger_lines_max; ++i) {
        CHECK(ftp.session.wants_lines());
        ftp.session.handle_line("NOOP");
    }
    CHECK_FALSE(ftp.session.wants_lines());
}

TEST_CASE("a stranger whose lines are no commands is hung up on", "[ftp]") {
    PlayedFtpHost ftp;
    for (unsigned i = 1; i < gateway::ftp::Session::stranger_misses_max; ++i) {
        CHECK(ftp("") == "500 Command \"\" not understood.");
    }
    CHECK(ftp("").ends_with("|421 That is no FTP."));
    CHECK(ftp.closed);
    CHECK(ftp("NOOP").empty());
}

TEST_CASE("nothing inside a request of another protocol is obeyed", "[ftp]") {
    for (const char* head :
         {"POST / HTTP/1.1", "GET /", "HEAD / HTTP/1.0", "put /x HTTP/1.1", "OPTIONS *",
          "DELETE /x", "CONNECT a:1 HTTP/1.1", "TRACE /", "PATCH /", "PROPFIND / HTTP/1.1",
          "PRI * HTTP/2.0", "RTSP / RTSP/1.0", "ICAP x ICAP/1.0", "SUBMIT sip:x SIP/2.0"}) {
        for (const bool logged_in : {false, true}) {
            PlayedFtpHost ftp;
            if (logged_in) {
                ftp.log_in();
            }
            CHECK(ftp(head) == "421 This is FTP, and that is not.");
            CHECK(ftp.closed);
            CHECK(ftp("USER anonymous").empty());
            CHECK(ftp("DELE a.txt").empty());
            CHECK(ftp.changes.empty());
        }
    }
}

TEST_CASE("who begins with what is no command of FTP is hung up on", "[ftp]") {
    for (const char* head : {"Host: x", "REGISTER sip:x", "A", "\x16\x03\x01", "{\"a\":1}"}) {
        PlayedFtpHost ftp;
        CHECK(ftp(head) == "421 This is FTP, and that is not.");
        CHECK(ftp.closed);
        PlayedFtpHost known;
        known("NOOP");
        CHECK(known(head).substr(0, 3) == "500");
        CHECK_FALSE(known.closed);
    }
    PlayedFtpHost ftp;
    ftp.session.handle_line_too_long();  // the path of a request, say
    CHECK(ftp.closed);
    PlayedFtpHost unknown;
    CHECK(unknown("CSID Name=x").substr(0, 3) == "500");
    CHECK_FALSE(unknown.closed);
}

TEST_CASE("blanks around an argument count in names and passwords only", "[ftp]") {
    PlayedFtpHost ftp;
    ftp.log_in();
    ftp.add_file("a ", 5);
    for (const char* line : {"TYPE I ", "TYPE  A", "TYPE L 8  ", "MODE S ", "STRU F ", "REST 0 ",
                             "OPTS UTF8 ON ", "EPSV  ", "PWD  ", "NOOP  ", "ALLO 10 ", "FEAT \t"}) {
        CHECK(ftp(line).substr(0, 1).find_first_of("23") == 0);
    }
    ftp("TYPE I");
    CHECK(ftp("SIZE a ") == "213 5");
    CHECK(ftp("SIZE a").starts_with("550 "));
    CHECK(ftp("ABOR ").starts_with("225 "));
    ftp("USER joe ");
    ftp("PASS pass word ");
    CHECK(ftp.checked == "joe/pass word ");
}
