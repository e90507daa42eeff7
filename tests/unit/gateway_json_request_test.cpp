// Requests: decoding, what goes into them by `shoal call`, and the small facts they carry.
#include <catch2/catch.hpp>
#include <string>

#include "gateway/json/call_words.hpp"
#include "gateway/json/client.hpp"
#include "gateway/json/door_book.hpp"
#include "gateway/json/jobs.hpp"
#include "gateway/json/request.hpp"

using namespace shoal;
using namespace shoal::gateway::json;

namespace {

Decoded good(const std::string& line) {
    Decoded decoded = decode_request(line);
    INFO(line << ": " << decoded.why);
    REQUIRE(decoded.code == Code::ok);
    return decoded;
}

// The code, and whether the connection can go on.
std::pair<Code, bool> bad(const std::string& line) {
    const Decoded decoded = decode_request(line);
    INFO(line);
    CHECK_FALSE(decoded.why.empty());
    return {decoded.code, decoded.length_known};
}

constexpr std::pair goes_on{Code::bad_request, true};

}  // namespace

TEST_CASE("a request is decoded, whatever the order of its members", "[gateway][request]") {
    const auto get = good(
        R"({"body":{"range":[5,10],"rel_endpoint":"a/\u00e4.txt","inline":true},"id":7,"request_type":"GET"})");
    CHECK(get.request.type == "GET");
    CHECK(get.request.id == "7");
    CHECK(get.request.body.rel_endpoint == "a/ä.txt");
    CHECK(get.request.body.range == std::pair<std::uint64_t, std::uint64_t>(5, 10));
    CHECK(get.request.body.in_line == true);
    CHECK(get.request.fields ==
          (bit(Field::range) | bit(Field::rel_endpoint) | bit(Field::in_line)));

    const auto push = good(
        R"({"request_type":"PUSH","content_length":0,"body":{"rel_endpoint":"x","meta_data":["size=0","mtime=5"]}})");
    CHECK(push.request.has_content);
    CHECK(push.request.content_length == 0);
    CHECK(push.request.body.meta_data->size() == 2);

    CHECK(good(R"({"request_type":"PING"})").request.id.empty());
    CHECK(good(R"({"request_type":"PING","body":{}})").request.fields == 0);
    CHECK(good(R"({"id":"a\"b","request_type":"PING"})").request.id == R"("a\"b")");
}

TEST_CASE("a request that is JSON but wrong leaves the connection open", "[gateway][request]") {
    // The parser once looked for the double nearest to the long number, with undefined behaviour.
    for (const std::string line :
         {R"({})",
          R"({"request_type":""})",
          R"({"request_type":7})",
          R"({"request_type":18446744073709551615551615})",
          R"({"request_type":null})",
          R"({"request_type":"GET","body":[]})",
          R"({"request_type":"GET","body":[1]})",
          R"({"request_type":"GET","body":"x"})",
          R"({"request_type":"GET","body":null})",
          R"({"request_type":"GET","boddy":{}})",
          R"({"request_type":"GET","body":{"x":1}})",
          R"({"request_type":"GET","body":{"rel_endpoint":5}})",
          R"({"request_type":"GET","body":{"rel_endpoint":{"a":1}}})",
          R"({"request_type":"GET","body":{"range":5}})",
          R"({"request_type":"GET","body":{"range":[]}})",
          R"({"request_type":"GET","body":{"range":[1]}})",
          R"({"request_type":"GET","body":{"range":[1,2,3]}})",
          R"({"request_type":"GET","body":{"range":[1,-2]}})",
          R"({"request_type":"GET","body":{"range":[1,2.5]}})",
          R"({"request_type":"GET","body":{"range":{"a":1,"b":2}}})",
          R"({"request_type":"GET","body":{"range":["1","2"]}})",
          R"({"request_type":"GET","body":{"range":[1,18446744073709551616]}})",
          R"({"request_type":"GET","body":{"inline":1}})",
          R"({"request_type":"GET","body":{"limit":-1}})",
          R"({"request_type":"CMP","body":{"meta_data":"size=1"}})",
          R"({"request_type":"CMP","body":{"meta_data":[1]}})",
          R"({"request_type":"GET","id":[]})",
          R"({"request_type":"GET","id":-1})",
          R"({"request_type":"GET","id":1.5})"}) {
        CHECK(bad(line) == goes_on);
    }
    CHECK(bad(R"({"request_type":"GET","id":")" + std::string(129, 'x') + "\"}") == goes_on);
}

TEST_CASE("a wrong request is answered under its id", "[gateway][request]") {
    CHECK(decode_request(R"({"request_type":5,"id":9})").request.id == "9");
    CHECK(decode_request(R"({"body":{"x":1},"request_type":"GET","id":"k"})").request.id ==
          "\"k\"");
}

TEST_CASE("where nobody can tell what follows, the connection ends", "[gateway][request]") {
    for (const std::string line :
         {R"({"request_type":"PUSH","content_length":-1})",
          R"({"request_type":"PUSH","content_length":"5"})",
          R"({"request_type":"PUSH","content_length":1.5})",
          R"({"request_type":"PUSH","content_length":null})",
          R"({"request_type":"PUSH","content_length":[]})",
          R"({"request_type":"PUSH","content_length":18446744073709551615})",
          R"({"request_type":"PUSH","content\u005flength":"5"})"}) {
        CHECK(bad(line) == std::pair(Code::bad_request, false));
    }
    for (const std::string line : {"", "x", "[]", R"({"a":1,"a":2})", R"({"a":1e999})",
                                   R"({"id":0.0000000000e-2147483639})"}) {
        CHECK(bad(line) == std::pair(Code::bad_json, false));
    }
    // Whose it is.
    CHECK(decode_request(R"({"request_type":5,"id":"a"})").request.id == R"("a")");
    CHECK(decode_request(R"({"request_type":"SEARCH","x":1})").request.id.empty());
    // However wrong the rest is, content that is announced is known.
    const Decoded decoded = decode_request(R"({"request_type":5,"content\u005flength":77})");
    CHECK(decoded.code == Code::bad_request);
    CHECK(decoded.length_known);
    CHECK(decoded.request.content_length == 77);
}

TEST_CASE("base64 is strict and goes both ways", "[gateway][request]") {
    std::string bytes;
    for (int i = 0; i < 300; ++i) {
        CHECK(decode_base64(encode_base64(bytes)) == bytes);
        bytes += static_cast<char>(i * 7);
    }
    CHECK(encode_base64("light w") == "bGlnaHQgdw==");
    CHECK(decode_base64("") == "");
    for (const char* text : {"a", "ab", "abc", "a===", "ab=c", "ab==cd==", "ab c", "abc\n",
                             "YR==", "YWI=YWI=", "_-_-", "===="}) {
        CHECK_FALSE(decode_base64(text));
    }
}

TEST_CASE("hashes and meta data as clients write them", "[gateway][request]") {
    const std::string digits(64, 'A');
    CHECK(parse_hash(digits)->digits == std::string(64, 'a'));
    CHECK(parse_hash("root:" + digits)->maybe_sha256 == false);
    CHECK(parse_hash("sha256:" + digits)->maybe_root == false);
    for (const std::string& text :
         {std::string(), digits + "0", "md5:" + digits, std::string(64, 'g')}) {
        CHECK_FALSE(parse_hash(text).ok());
    }
    const auto data = parse_meta_data({"size=5", "mtime=-3", "mode=0644"});
    REQUIRE(data.ok());
    CHECK(data->size == 5);
    CHECK(data->mtime == -3);
    CHECK(parse_meta_data({"mtime=1700000000.75"})->mtime == 1700000000);
    for (const char* entry : {"size", "size=", "size=-1", "size=1e3", "mtime=x", "mtime=1.x",
                              "mtime=99999999999999999999"}) {
        INFO(entry);
        CHECK_FALSE(parse_meta_data({entry}).ok());
    }
}

TEST_CASE("endings decide what is let through", "[gateway][request]") {
    const Rights text{{".txt", ".MD"}, false};
    CHECK(text.allows("a/b.txt"));
    CHECK(text.allows("A.TXT"));
    CHECK(text.allows("x.md"));
    CHECK_FALSE(text.allows("a.exe"));
    CHECK_FALSE(text.allows("a.txt.exe"));
    CHECK_FALSE(text.allows("txt"));
    CHECK(Rights{{"*"}, false}.allows("a.exe"));
}

TEST_CASE("the words behind `shoal call` become a request", "[gateway][call]") {
    const auto line = [](const std::vector<std::string>& words,
                         std::optional<std::uint64_t> length = std::nullopt) {
        const auto lines = requests_of(words, length);
        return lines ? lines->front() : "error: " + lines.error().message;
    };
    CHECK(line({"PING"}) == R"({"request_type":"PING","body":{}})");
    CHECK(line({"GET", "a b.txt", "range=1,2"}) ==
          R"({"request_type":"GET","body":{"rel_endpoint":"a b.txt","range":[1,2]}})");
    CHECK(line({"SEARCH", "x", "limit=5"}) ==
          R"({"request_type":"SEARCH","body":{"name":"x","limit":5}})");
    CHECK(
        line({"PUSH", "rel_endpoint=a=b.txt", "meta_data=mtime=5", "meta_data=size=1"}, 1) ==
        R"({"request_type":"PUSH","body":{"rel_endpoint":"a=b.txt","meta_data":["mtime=5","size=1"]},"content_length":1})");
    CHECK(line({"{\"request_type\":\n\"PING\"}"}) == R"({"request_type": "PING"})");
    CHECK(requests_of({"{}", "{\"a\":1}"}, std::nullopt)->size() == 2);
    for (const std::vector<std::string>& words : {std::vector<std::string>{"GET", "a", "b"},
                                                  {"GET", "range=1"},
                                                  {"GET", "range=1,x"},
                                                  {"GET", "inline=yes"},
                                                  {"LIST", "limit=-1"},
                                                  {"{}", "x"},
                                                  {"{\"a\":1e999}"}}) {
        CHECK(line(words).starts_with("error: "));
    }
    CHECK(line({"{}"}, 5).starts_with("error: "));
}

TEST_CASE("what a client must know of a reply", "[gateway][call]") {
    const auto reply = parse_reply(R"({"id":1,"status":12,"message":"x","content_length":5})");
    REQUIRE(reply);
    CHECK(reply->status == 12);
    CHECK(reply->has_content);
    CHECK(reply->content_length == 5);
    CHECK(parse_reply(R"({"event":"progress"})")->event);
    CHECK_FALSE(parse_reply("nonsense"));
}

TEST_CASE("the door: who guesses waits", "[gateway][door]") {
    DoorBook book;
    const TimePoint now{};
    Duration last{0};
    for (int i = 0; i < 6; ++i) {
        const Duration delay = book.failed("a", now);
        CHECK(delay > last);
        last = delay;
    }
    CHECK(book.failed("a", now) == last);
    CHECK(last <= 10s);
    CHECK(book.failed("b", now) < last);
    CHECK(book.failed("a", now + std::chrono::minutes(2)) < last);
}
