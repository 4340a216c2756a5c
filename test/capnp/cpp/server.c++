// An agent made of libcapnp, which shares nothing with ours: listens at a free port of 127.0.0.1, which it says, for gateways that have the key KEY.
// It runs nothing; its commands are below.
#include "commando.capnp.h"
#include "hmac.h"
#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <cstdio>
#include <string>

static std::string key;

static kj::ArrayPtr<const kj::byte> bytes(const std::string& text) {
  return kj::arrayPtr(reinterpret_cast<const kj::byte*>(text.data()), text.size());
}

/** Says when the call that owns it is dropped before it was told that all is well. */
struct Dropped {
  ~Dropped() { printf("cancelled\n"); }
};

class Agent final : public CommandAgent::Server {
  kj::Promise<void> ping(PingContext context) override {
    auto pong = context.getResults().initPong();
    pong.setHostname("c++");
    pong.setUptimeSecs(7);
    pong.setShell("none");
    pong.setVersion("0.5.13");
    return kj::READY_NOW;
  }

  // OUT ERR: so many bytes; the exit code is the number of variables, and the duration the length of their values.
  kj::Promise<void> exec(ExecContext context) override {
    auto request = context.getParams().getRequest();
    const std::string command = request.getCommand().cStr();
    unsigned out = 0, err = 0;
    KJ_REQUIRE(sscanf(command.c_str(), "%u %u", &out, &err) == 2, "too many concurrent exec requests");
    auto result = context.getResults().initResult();
    uint64_t length = 0;
    for (auto variable : request.getExtraEnv()) length += variable.getValue().size();
    result.setStdout(bytes(std::string(out, 'o')));
    result.setStderr(bytes(std::string(err, 'e')));
    result.setExitCode(request.getExtraEnv().size());
    result.setDurationMs(length);
    result.setTruncated(true);
    result.setRequestId(request.getRequestId());
    return kj::READY_NOW;
  }

  // TOTAL SIZE: so many bytes in pieces of that size, all at once, as commando's agents do it. "sleep": never ends.
  kj::Promise<void> execStream(ExecStreamContext context) override {
    auto params = context.getParams();
    const std::string command = params.getRequest().getCommand().cStr();
    if (command == "sleep") {
      printf("sleeping\n");
      context.allowCancellation();
      return kj::Promise<void>(kj::NEVER_DONE).attach(kj::heap<Dropped>());
    }
    unsigned long long left = 0, size = 0;
    KJ_REQUIRE(sscanf(command.c_str(), "%llu %llu", &left, &size) == 2, "what is that command?");
    auto receiver = params.getReceiver();
    kj::Vector<kj::Promise<void>> calls;
    for (unsigned i = 0; left > 0; i++) {
      const std::string piece(kj::min(left, size), i % 2 == 0 ? 'o' : 'e');
      left -= piece.size();
      auto call = receiver.receiveRequest();
      call.setData(bytes(piece));
      call.setStream(i % 2);
      calls.add(call.send().ignoreResult());
    }
    return kj::joinPromises(calls.releaseAsArray()).then([context]() mutable {
      auto result = context.getResults().initResult();
      result.setExitCode(-1);
      result.setTimedOut(true);
      result.setRequestId(context.getParams().getRequest().getRequestId());
      result.setProfilerJson("{}");
    });
  }
};

class Door final : public Authenticator::Server {
  std::string nonce;

  kj::Promise<void> challenge(ChallengeContext context) override {
    for (int i = 0; i < 32; i++) nonce.push_back(char(i * 7));
    context.getResults().setNonce(bytes(nonce));
    return kj::READY_NOW;
  }

  kj::Promise<void> authenticate(AuthenticateContext context) override {
    const std::string expected = hmac::of(key, nonce);
    const bool isAsked = !nonce.empty();
    nonce.clear();
    KJ_REQUIRE(isAsked && context.getParams().getHmac() == bytes(expected), "authentication failed: invalid HMAC");
    context.getResults().setAgent(kj::heap<Agent>());
    context.getResults().setAgentVersion("0.5.13");
    return kj::READY_NOW;
  }
};

struct Connection {
  kj::Own<kj::AsyncIoStream> stream;
  capnp::TwoPartyVatNetwork network;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc;

  explicit Connection(kj::Own<kj::AsyncIoStream> accepted)
      : stream(kj::mv(accepted)),
        network(*stream, capnp::rpc::twoparty::Side::SERVER),
        rpc(capnp::makeRpcServer(network, kj::heap<Door>())) {}
  ~Connection() { printf("closed\n"); }
};

struct Quiet final : public kj::TaskSet::ErrorHandler {
  void taskFailed(kj::Exception&& exception) override { printf("failed: %s\n", exception.getDescription().cStr()); }
};

int main(int, char** argv) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  key = argv[1];
  auto io = kj::setupAsyncIo();
  auto listener = io.provider->getNetwork().parseAddress("127.0.0.1", 0).wait(io.waitScope)->listen();
  printf("%u\n", listener->getPort());
  Quiet quiet;
  kj::TaskSet tasks(quiet);
  for (;;) {
    auto connection = kj::heap<Connection>(listener->accept().wait(io.waitScope));
    auto over = connection->network.onDisconnect();
    tasks.add(over.attach(kj::mv(connection)));
  }
}
