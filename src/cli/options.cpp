// The only file that knows Boost.Program_options: it splits and names the words, its exceptions
// end here. What the values mean is the table's matter.
#include "shoal/cli/options.hpp"

#include <boost/program_options.hpp>
#include <fstream>
#include <optional>

#include "nearest.hpp"
#include "option_table.hpp"
#include "search_words.hpp"
#include "shoal/base/text.hpp"

namespace shoal::cli {
namespace {

namespace po = boost::program_options;
using Words = std::vector<po::option>;

Error bad_usage(std::string message) { return {ErrorKind::bad_input, std::move(message)}; }

po::options_description describe(bool on_command_line) {
    po::options_description all;
    for (const OptionRow& row : option_table()) {
        if (row.argument != nullptr || !on_command_line) {
            all.add_options()(row.name, po::value<std::string>(), "");
        } else {
            all.add_options()(row.name, "");
        }
    }
    if (on_command_line) {
        all.add_options()("config", po::value<std::string>(), "");
        all.add_options()("help,h", "")("version,V", "");
        all.add_options()("word", po::value<std::vector<std::string>>(), "");
    }
    return all;
}

std::string dashed(const std::string& name) { return name.starts_with('-') ? name : "--" + name; }

Error unknown_option(const std::string& shown) {
    const std::size_t start = shown.find_first_not_of('-');
    const std::string name = start == std::string::npos ? shown : shown.substr(start);
    return bad_usage("unknown option '" + text::escape(shown) + "'" +
                     suggestion(name, option_names(), "--") +
                     " ('shoal --help' lists them; a name that starts with '-' goes behind '--')");
}

Error bad_syntax(const po::invalid_syntax& error) {
    const std::string option = "option '" + text::escape(dashed(error.get_option_name())) + "' ";
    switch (error.kind()) {
        case po::invalid_syntax::missing_parameter:
        case po::invalid_syntax::empty_adjacent_parameter:
            return bad_usage(option + "needs a value");
        case po::invalid_syntax::extra_parameter:
            return bad_usage(option + "takes no value");
        case po::invalid_syntax::unrecognized_line:
            return bad_usage("'" + text::escape(error.tokens()) +
                             "' is not of the form 'name = value'");
        default:
            return bad_usage(text::escape(error.what()));
    }
}

template <typename Parse>
Result<Words> guarded(Parse parse) {
    try {
        return parse();
    } catch (const po::unknown_option& error) {
        return unknown_option(dashed(error.get_option_name()));
    } catch (const po::invalid_syntax& error) {
        return bad_syntax(error);
    } catch (const po::error& error) {
        return bad_usage(text::escape(error.what()));
    }
}

Result<Words> split_command_line(const std::vector<std::string>& arguments) {
    return guarded([&] {
        const po::options_description known = describe(true);
        po::positional_options_description positional;
        positional.add("word", -1);
        const auto style =
            po::command_line_style::unix_style ^ po::command_line_style::allow_guessing;
        return po::command_line_parser(arguments)
            .options(known)
            .positional(positional)
            .style(style)
            .run()
            .options;
    });
}

Result<Words> split_config(std::istream& file) {
    return guarded([&] { return po::parse_config_file(file, describe(false)).options; });
}

// Switches read naturally in a file: "json = yes".
std::optional<std::string> switch_value(const std::string& word) {
    for (const char* yes : {"true", "yes", "on", "1"}) {
        if (word == yes) {
            return "true";
        }
    }
    for (const char* no : {"false", "no", "off", "0"}) {
        if (word == no) {
            return "false";
        }
    }
    return std::nullopt;
}

Status set_option(Options& options, const OptionRow& row, const std::string& value) {
    std::optional<std::string> word = value;
    if (row.argument == nullptr) {
        word = switch_value(value);
    }
    const Status set = word ? row.set(options, *word) : Status(bad_usage("give true or false"));
    if (!set) {
        return bad_usage(std::string("option '--") + row.name + "': '" + text::escape(value) +
                         "' is not allowed; " + set.error().message);
    }
    return {};
}

Status apply(Options& options, const Words& words) {
    for (const po::option& word : words) {
        const OptionRow* row = find_option(word.string_key);
        if (row == nullptr) {
            continue;  // the few that are no settings
        }
        const Status set =
            set_option(options, *row, word.value.empty() ? "true" : word.value.front());
        if (!set) {
            return set;
        }
    }
    return {};
}

// Settings for all commands may stand in one file, so a row of another command is no error here.
Status apply_config(Options& options, const std::string& path) {
    const std::string where = "config file '" + text::escape(path) + "'";
    std::ifstream file(path);
    if (!file) {
        return bad_usage("cannot read " + where + "; option '--config' takes a readable file");
    }
    const auto words = split_config(file);
    const Status applied = words ? apply(options, *words) : Status(words.error());
    if (!applied) {
        return bad_usage(where + ": " + applied.error().message);
    }
    return {};
}

// What the command line holds beside settings.
struct Outline {
    std::vector<std::string> words;
    std::vector<const OptionRow*> rows;
    std::optional<std::string> config;
    bool help{false};
    bool version{false};
};

Outline outline_of(const Words& words) {
    Outline outline;
    for (const po::option& word : words) {
        if (word.string_key == "word") {
            outline.words.insert(outline.words.end(), word.value.begin(), word.value.end());
        } else if (word.string_key == "config") {
            outline.config = word.value.front();
        } else if (const OptionRow* row = find_option(word.string_key)) {
            outline.rows.push_back(row);
        }
        outline.help = outline.help || word.string_key == "help";
        outline.version = outline.version || word.string_key == "version";
    }
    return outline;
}

Status choose_command(Options& options, const std::vector<std::string>& words) {
    if (words.empty()) {
        return {};
    }
    const CommandRow* row = find_command(words.front());
    if (row == nullptr) {
        const std::string word = text::escape(words.front());
        return bad_usage("unknown command '" + word + "'" +
                         suggestion(words.front(), command_names()) +
                         "; to fetch a file of that name: shoal get -- '" + word + "'");
    }
    options.command = row->command;
    options.arguments.assign(words.begin() + 1, words.end());
    return {};
}

Status check_arguments(const Options& options) {
    const CommandRow& row = row_of(options.command);
    const std::size_t count = options.arguments.size();
    const std::string usage = std::string("usage: shoal ") + row.name + " " + row.usage;
    if (count < row.arguments_min) {
        return bad_usage(std::string("'") + row.name + "' needs an argument; " + usage);
    }
    if (count > row.arguments_max) {
        return bad_usage(std::string("'") + row.name + "' does not take '" +
                         text::escape(options.arguments[row.arguments_max]) + "'; " + usage);
    }
    if (options.command == Command::help && count == 1 &&
        find_command(options.arguments.front()) == nullptr) {
        return bad_usage("unknown command '" + text::escape(options.arguments.front()) + "'" +
                         suggestion(options.arguments.front(), command_names()));
    }
    return {};
}

Status check_rows(const Options& options, const std::vector<const OptionRow*>& rows) {
    for (const OptionRow* row : rows) {
        if (!takes(*row, options.command)) {
            const std::string command = row_of(options.command).name;
            return bad_usage(std::string("option '--") + row->name + "' does not go with " +
                             (command.empty() ? "the prompt" : "'" + command + "'") +
                             "; 'shoal help" + (command.empty() ? "" : " " + command) +
                             "' lists those that do");
        }
    }
    return {};
}

}  // namespace

Result<Options> parse_options(const std::vector<std::string>& arguments) {
    const auto words = split_command_line(arguments);
    if (!words) {
        return words.error();
    }
    const Outline outline = outline_of(*words);
    Options options;
    options.help = outline.help;
    options.version = outline.version;
    Status status = choose_command(options, outline.words);
    if (!status || options.help || options.version) {
        return status ? Result<Options>(options) : status.error();
    }
    const bool one_shot = options.command == Command::get || options.command == Command::list ||
                          options.command == Command::search;
    options.peer.one_shot = one_shot;
    options.peer.port = one_shot ? 0 : options.peer.port;
    if (outline.config) {
        // The resident peer's port in a shared file is not meant for those that run beside it.
        const std::uint16_t port = options.peer.port;
        status = apply_config(options, *outline.config);
        options.peer.port = one_shot ? port : options.peer.port;
    }
    std::vector<std::string_view> given;
    for (const OptionRow* row : outline.rows) {
        given.emplace_back(row->name);
    }
    for (const auto& step :
         {check_rows(options, outline.rows), check_arguments(options), apply(options, *words)}) {
        status = status ? step : status;
    }
    options.peer.own_files = {options.log_file, options.ftp.users, outline.config.value_or("")};
    status = status ? check_pairs(options, given) : status;
    if (status && options.command == Command::search) {
        SearchRequest request = options.search;
        request.order.pattern = options.arguments.empty() ? "" : options.arguments.front();
        status = check_search(request);
    }
    return status ? Result<Options>(options) : status.error();
}

}  // namespace shoal::cli
