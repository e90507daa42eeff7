// What a text must be before a JSON library may see it.
#include <catch2/catch.hpp>
#include <string>

#include "gateway/json/json_check.hpp"

using namespace shoal::gateway::json;

namespace {

std::string why(const std::string& text) {
    const auto status = check_json(text);
    return status ? "" : status.error().message;
}

std::string nested(std::size_t levels, const std::string& open, const std::string& close) {
    std::string text = R"({"a":)";
    for (std::size_t i = 1; i < levels; ++i) {
        text += open;
    }
    text += "1";
    for (std::size_t i = 1; i < levels; ++i) {
        text += close;
    }
    return text + "}";
}

}  // namespace

TEST_CASE("JSON that is one object passes", "[gateway][json]") {
    for (const std::string text :
         {R"({})", R"( { "a" : [ 1 , -2.5e-3 , true , false , null , "x" ] } )", "\t{}\r\n",
          R"({"a":{"a":{"a":1}},"b":[[],{},[{}]]})",
          R"({"é":"\u00e9\ud83d\ude00\\\/\"\b\f\n\r\t"})",
          R"({"n":[0,-0,10,0.0,1e5,1E+5,123456789012345678901234567890]})", R"({"":""})",
          R"({"a":1,"A":2})"}) {
        INFO(text);
        CHECK(why(text).empty());
    }
}

TEST_CASE("what RFC 8259 does not allow is refused", "[gateway][json]") {
    for (const std::string text : {"",
                                   " ",
                                   "[]",
                                   "1",
                                   "null",
                                   "\"a\"",
                                   "{",
                                   "}",
                                   "{}{}",
                                   "{} x",
                                   "{,}",
                                   R"({"a"})",
                                   R"({"a":})",
                                   R"({"a":1,})",
                                   R"({"a":1 "b":2})",
                                   R"({a:1})",
                                   R"({'a':1})",
                                   R"({"a":[1,]})",
                                   R"({"a":[1 2]})",
                                   R"({"a":[})",
                                   R"({"a":01})",
                                   R"({"a":+1})",
                                   R"({"a":.5})",
                                   R"({"a":1.})",
                                   R"({"a":1e})",
                                   R"({"a":-})",
                                   R"({"a":0x10})",
                                   R"({"a":NaN})",
                                   R"({"a":Infinity})",
                                   R"({"a":-Infinity})",
                                   R"({"a":nul})",
                                   R"({"a":True})",
                                   R"({"a":"b)",
                                   R"({"a":"\x"})",
                                   R"({"a":"\u12"})",
                                   R"({"a":"\u12g4"})",
                                   R"({"a":1}//)",
                                   R"({"a":/**/1})",
                                   "{\"a\":\"\n\"}",
                                   "{\"a\":\"\t\"}",
                                   "\xef\xbb\xbf{}"}) {
        INFO(text);
        CHECK_FALSE(why(text).empty());
    }
    CHECK_FALSE(why(std::string("{}\0", 3)).empty());
    CHECK_FALSE(why(std::string("{\"a\":\"\0\"}", 9)).empty());
}

TEST_CASE("a key may stand once in an object, however it is written", "[gateway][json]") {
    CHECK_FALSE(why(R"({"a":1,"a":2})").empty());
    CHECK_FALSE(why(R"({"a":1,"b":2,"\u0061":3})").empty());
    CHECK_FALSE(why(R"({"x":{"ab":1,"a\u0062":2}})").empty());
    CHECK_FALSE(why(R"({"\ud83d\ude00":1,"😀":2})").empty());
    CHECK(why(R"({"a":{"a":1},"b":{"a":2}})").empty());
}

TEST_CASE("strings without one clear meaning are refused", "[gateway][json]") {
    CHECK(why(R"({"a":"\ud83d"})").find("surrogate") != std::string::npos);
    CHECK(why(R"({"a":"\ude00"})").find("surrogate") != std::string::npos);
    CHECK(why(R"({"a":"\ude00\ud83d"})").find("surrogate") != std::string::npos);
    CHECK(why(R"({"a":"\ud83dx"})").find("surrogate") != std::string::npos);
    CHECK(why(R"({"a":"\ud83d\u0041"})").find("surrogate") != std::string::npos);
    CHECK(why(R"({"a.txt\u0000.exe":1})").find("NUL") != std::string::npos);
    CHECK(why("{\"a\":\"\xff\"}").find("UTF-8") != std::string::npos);
    CHECK(why("{\"a\":\"\xc0\xaf\"}").find("UTF-8") != std::string::npos);
    CHECK(why("{\"a\":\"\xed\xa0\x80\"}").find("UTF-8") != std::string::npos);
}

TEST_CASE("numbers that no double holds are refused", "[gateway][json]") {
    CHECK_FALSE(why(R"({"a":1e999})").empty());
    CHECK_FALSE(why(R"({"a":-1e999})").empty());
    CHECK_FALSE(why(R"({"a":0e999})").empty());
    CHECK_FALSE(why(R"({"a":0e-999})").empty());
    CHECK_FALSE(why(R"({"a":0.0000000000e-2147483639})").empty());
    CHECK_FALSE(why(R"({"a":1)" + std::string(310, '0') + "e-200}").empty());
    CHECK(why(R"({"a":1e-30,"b":0e308,"c":1.5e300})").empty());
    CHECK_FALSE(why(R"({"a":1)" + std::string(400, '0') + "}").empty());
    CHECK(why(R"({"a":1e308})").empty());
    CHECK(why(R"({"a":18446744073709551615})").empty());
}

TEST_CASE("depth and size are bounded", "[gateway][json]") {
    CHECK(why(nested(json_depth_max, "[", "]")).empty());
    CHECK_FALSE(why(nested(json_depth_max + 1, "[", "]")).empty());
    CHECK(why(nested(json_depth_max, R"({"a":)", "}")).empty());
    CHECK_FALSE(why(nested(json_depth_max + 1, R"({"a":)", "}")).empty());
    CHECK_FALSE(why(std::string(json_bytes_max, '[')).empty());
    const std::string frame = R"({"a":""})";
    const std::string largest(json_bytes_max - frame.size(), 'x');
    CHECK(why(R"({"a":")" + largest + R"("})").empty());
    CHECK_FALSE(why(R"({"a":")" + largest + R"(x"})").empty());
}
