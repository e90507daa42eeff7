// Edits: what gateways want done to shared/, done on main. What takes long (copying, hashing)
// goes in slices, in turns.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "peer/mail.hpp"

namespace shoal::peer {

class Edits {
  public:
    Edits(Wiring& wiring, store::Store& store) : wiring_(wiring), store_(store) {}

    void take(EditMail mail);
    // One slice, about 10 ms. True: call again at once.
    bool work();

    // A piece of work that takes long.
    class Job {
      public:
        virtual ~Job() = default;
        // Goes on a little; true when it is over and has answered.
        virtual bool step(std::vector<std::uint8_t>& buffer) = 0;
    };

  private:
    void look(const LookHere& order);
    void begin(BeginUpload order);
    void commit(CommitUpload order);
    void hash(HashPlain order);
    void prove(ProveFile order);

    Wiring& wiring_;
    store::Store& store_;
    std::deque<std::unique_ptr<Job>> jobs_;
    std::vector<std::uint8_t> buffer_;
};

}  // namespace shoal::peer
