// GatewayApi: the door as gateways see it: the swarm as one tree of files, read while they
// arrive, and this host's shared folder, written.
//
// Threads. Every call may be made from any thread, returns at once and never waits for the
// network or for main. What comes of it is handed to the `Callback`, exactly once, on a thread of
// the peer, or on the caller's own before the call returns, when it is known at once. A callback
// must neither block nor throw: post it to a mailbox of your own (net::Mailbox), whose
// descriptor wakes your epoll or select. Answers may come until run_peer() returns, also after
// Service::join(); who they are for may be gone by then, but not the mailbox.
//
// Handles (ReadStream, Upload, Ticket) belong to whoever got them and may be dropped at any
// time, also after the peer: that ends what they stand for. Their descriptors lie above select()'s
// range.
//
// Names are paths like "a/b.txt", as in hosts' listings: relative, UTF-8, not escaped, no part
// empty or beginning with a dot; "" is the root of the tree, where folders are meant. Names
// that break this are ErrorKind::bad_input.
//
// Errors are sentences for people; the kinds mean:
//   bad_input  not a name, a folder where a file is meant or the other way round
//   not_found  nobody has it: all connected hosts and this one have said so
//   unknown    it cannot be told yet whether somebody has it, or its content is not hashed yet;
//              said after limits of waiting, and the text says who was waited for
//   forbidden  it is not this host's to change, or may not be read
//   exists     something stands there; a folder is not empty
//   changed    the file was changed while it was read
//   no_space   the disk is full
//   busy       a limit of this host is reached
//   closed     the hosts that have it are gone for now, or do not answer, or this peer is ending
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shoal/base/fd.hpp"
#include "shoal/base/result.hpp"
#include "shoal/peer/peer_api.hpp"

namespace shoal::peer {

template <typename T>
using Callback = std::function<void(Result<T>)>;

// The tree --------------------------------------------------------------------------------------

// A file or folder of the tree. What stands under a name: a file of this host's shared folder;
// else the content that most hosts hold complete, of equals the newest, then the lowest root.
struct TreeEntry {
    std::string name;  // the last part of its path
    bool folder{false};
    std::uint64_t size{};               // bytes; 0 for folders
    std::optional<std::int64_t> mtime;  // seconds since 1970 UTC, where somebody knows it
    std::string root;         // hex, 64 digits; empty for folders, and while nobody has hashed it
    std::uint32_t holders{};  // hosts that hold all of it, this one included; 0: they are away
    bool here{false};         // this host holds all of it; folders: has files below it
    bool shared{false};       // it stands in this host's shared folder: may be changed
    // Not empty: it is known from what hosts told that cannot be asked now, and this says who. It
    // can be had if it is `here`.
    std::string away{};
};

struct FolderView {                  // immutable
    std::string folder;              // "" or "a/b"
    std::vector<TreeEntry> entries;  // by name, bytewise
    bool truncated{false};           // there are more than limits::browse_rows_max
    std::uint32_t hosts{};           // that told what they have, just now
    // Nobody has anything else there, as far as they could be asked. Else `doubts` says who may:
    // then a name that is missing here means nothing.
    bool complete{true};
    std::string doubts;
};
using FolderViewPtr = std::shared_ptr<const FolderView>;

// Reading ---------------------------------------------------------------------------------------

struct OpenOrder {
    std::string name;
    std::string root_prefix;  // hex digits of NAME@ROOT: that content only; else empty
    std::uint64_t offset{0};  // where reading begins: its chunks are fetched first
};

// A file that is read in order while it arrives, verified. Belongs to one reader, whose calls
// come from one thread at a time. Readers of the same content share one fetch, which ends when
// the last of them goes; what is here then is kept for the next.
class ReadStream {
  public:
    virtual ~ReadStream() = default;

    [[nodiscard]] virtual const TreeEntry& entry() const = 0;
    // For pread() and sendfile() of what readable_to() has told, until its next call (ask for it
    // anew then) or the end of the stream. -1 before the first call, and for an empty file.
    [[nodiscard]] virtual int fd() const = 0;
    // The bytes from `from` (at most the size) up to the returned offset are here, verified, and
    // may be read now; `from` itself when none are. Then `news` (see open()) comes once, as soon
    // as that changes. Call it before each block, with the offset of that block: the fetch goes
    // where the reader is. Call it once more with the size when all is sent: only when that gives
    // the size is it sure that what was sent is the file (less: `news` will come, call it again);
    // an error (changed, closed, no_space, system) means that the reader must be told of a failure,
    // and ends the stream for good.
    [[nodiscard]] virtual Result<std::uint64_t> readable_to(std::uint64_t from) = 0;
};
using ReadStreamPtr = std::unique_ptr<ReadStream>;

// Writing ---------------------------------------------------------------------------------------

struct UploadOrder {
    std::string name;  // what it shall be called; a commit may say otherwise
    // How much of the present content of `name` the new one begins with: 0: nothing (STOR),
    // UINT64_MAX: all (APPE, also where there is none). More than there is: bad_input.
    std::uint64_t keep{0};
};

struct CommitOrder {
    std::string name;                   // empty: as in the UploadOrder; else in the same folder
    std::optional<std::int64_t> mtime;  // seconds since 1970; else now
    bool must_not_exist{false};         // ErrorKind::exists rather than replace (STOU)
};

struct Published {
    std::string name;
    std::uint64_t size{};
    std::string root;  // hex
};

// A new content for a file of this host's shared folder. Until commit() it is a hidden file
// that nobody is offered; dropped without commit(), or by a crash, it leaves no trace.
// Belongs to one writer, whose calls come from one thread at a time.
class Upload {
  public:
    virtual ~Upload() = default;

    [[nodiscard]] virtual int fd() const = 0;  // for pwrite(), at `kept()` and beyond
    [[nodiscard]] virtual std::uint64_t kept() const = 0;
    // Syncs what was written, puts it in the place of whatever was called so, makes folders that
    // are missing, hashes and offers it; answers when all of that is done. Once; fd() is -1 then.
    // On an error everything is as before.
    virtual void commit(CommitOrder order, Callback<Published> answer) = 0;
};
using UploadPtr = std::unique_ptr<Upload>;

// As long as it lives, the work goes on; dropped, the answer does not come any more (it may be
// on its way already).
using Ticket = std::shared_ptr<void>;

// The door --------------------------------------------------------------------------------------

class GatewayApi : public PeerApi {
  public:
    // What stands directly in a folder: files and folders of all connected hosts and of this
    // one, and what hosts told that are silent or away for now. Told from memory when asked again
    // within moments. Who may have more is waited for, for some seconds.
    virtual void browse(std::string folder, Callback<FolderViewPtr> answer) = 0;
    // One file or folder. A file that nobody has hashed yet is told without its root.
    virtual void lookup(std::string name, Callback<TreeEntry> answer) = 0;
    // As lookup(); of a file that is not hashed yet it waits for the root, for some seconds.
    virtual void lookup_hashed(std::string name, Callback<TreeEntry> answer) = 0;
    // What stands in this host's shared folder, on the disk: asks nobody else, and waits for none.
    virtual void lookup_here(std::string name, Callback<TreeEntry> answer) = 0;

    // `news` is called as often as ReadStream::readable_to() promised it, from any thread, until
    // the stream is dropped, and perhaps once more just then.
    virtual void open(OpenOrder order, std::function<void()> news,
                      Callback<ReadStreamPtr> answer) = 0;

    virtual void upload(UploadOrder order, Callback<UploadPtr> answer) = 0;
    // All of these change this host's shared folder only: what only other hosts, or only
    // downloads/, have is ErrorKind::forbidden. Answered when it is on the disk.
    virtual void remove(std::string name, Callback<void> answer) = 0;         // a file
    virtual void make_folder(std::string name, Callback<void> answer) = 0;    // and those above it
    virtual void remove_folder(std::string name, Callback<void> answer) = 0;  // an empty one
    // A file or a folder with all below. `replace`: a file may take the place of a file.
    virtual void rename(std::string from, std::string to, bool replace, Callback<void> answer) = 0;
    virtual void set_mtime(std::string name, std::int64_t seconds, Callback<void> answer) = 0;

    // SHA-256 (hex) of the bytes [begin, end) of a file that is wholly here, `end` beyond its
    // size meaning the size; others are not_found: open() and read them first. For the root ask
    // lookup(), which costs nothing.
    virtual Ticket sha256(std::string name, std::uint64_t begin, std::uint64_t end,
                          Callback<std::string> answer) = 0;

    // Hosts connected now, each counted once, this one not. Known at once.
    [[nodiscard]] virtual std::uint32_t hosts_connected() const = 0;
};

}  // namespace shoal::peer
