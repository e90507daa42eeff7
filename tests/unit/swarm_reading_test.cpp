// A download that somebody reads in order while it arrives.
#include "swarm_scene.hpp"

using namespace shoal;
using namespace shoal::swarm;

TEST_CASE("what a reader needs next is asked for first") {
    Scene scene(400, 4);
    scene.download.set_readers({{20}});
    scene.seed(1);
    scene.seed(2);
    scene.drain();
    for (const Ask& ask : scene.asks) {
        const std::uint32_t chunk = scene.shape.chunk_of(ask.run.first).value;
        CHECK(chunk >= 20);
        CHECK(chunk < 20 + scene.asks.size());
    }
}

TEST_CASE("a reader gets its chunks in order while it moves") {
    Scene scene(400, 4);
    scene.seed(1);
    scene.seed(2);
    std::uint32_t at = 30;
    std::uint32_t out_of_order = 0;
    scene.download.set_readers({{at}});
    for (scene.drain(); !scene.asks.empty(); scene.wait(std::chrono::milliseconds(5))) {
        scene.answer(scene.asks.front().source.value);
        while (at < 100 && scene.download.held().test(at)) {
            ++at;
        }
        scene.download.set_readers({{std::min(at, 99U)}});
        for (std::uint32_t chunk = at + 32; at < 100 && chunk < 100; ++chunk) {
            out_of_order += scene.download.held().test(chunk) ? 1 : 0;
        }
    }
    CHECK(at == 100);
    CHECK(out_of_order == 0);
    CHECK(scene.download.complete());
}

TEST_CASE("a reader's chunk that only one source holds is asked of that one") {
    Scene scene(16, 4);
    scene.download.set_readers({{2}});
    scene.partial(1, "1100");
    scene.partial(2, "1111");
    scene.drain();
    CHECK(scene.shape.chunk_of(scene.asked_of(2).at(0).run.first).value == 2);
    CHECK(scene.shape.chunk_of(scene.asked_of(1).at(0).run.first).value < 2);
}

TEST_CASE("several readers are served, wherever they are") {
    Scene scene(4000, 4);
    scene.download.set_readers({{900}, {100}, {100}});
    scene.seed(1);
    for (int turn = 0; turn < 20; ++turn) {
        scene.drain();
        scene.answer(1);
        scene.wait(std::chrono::milliseconds(5));
    }
    CHECK(scene.download.held().test(100));
    CHECK(scene.download.held().test(900));
    CHECK(scene.run_to_end() < 100'000);
    CHECK(scene.download.complete());
}
