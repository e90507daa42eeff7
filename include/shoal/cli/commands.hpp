// Commands: what `shoal` can be asked to do, once its options are known.
#pragma once

#include <memory>
#include <string_view>

#include "shoal/cli/options.hpp"
#include "shoal/peer/front_end.hpp"

namespace shoal::cli {

// For the commands that run a peer: prompt, serve, get, list.
std::unique_ptr<peer::FrontEnd> make_front_end(const Options& options);

// Those that run none print and return the exit code.
int run_help(const Options& options);
int run_status(const Options& options);
int run_hash(const Options& options);

// One line from stdin, without its end: at most 1024 bytes. On a terminal it is asked for on
// stderr and typed unseen.
Result<std::string> read_password(std::string_view question);

// A closed stdin, stdout or stderr would become the first socket or file that is opened, and be
// written to. They are given descriptors that fail instead. Call before anything is opened.
void fill_standard_descriptors();

// Sets the log's level and file.
Status open_log(const Options& options);

// Writes `text` to stdout; the exit code tells whether it could be written.
int print(std::string_view text);
// Of an error that kept a peer or gateway from being asked.
int exit_code_of(ErrorKind kind);
// Writes "shoal: " and `message` to stderr and returns `exit_code`.
int complain(std::string_view message, int exit_code);

}  // namespace shoal::cli
