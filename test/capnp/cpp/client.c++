// A gateway made of libcapnp, which shares nothing with ours: talks to the agent at 127.0.0.1:PORT with the key KEY, and says what it got, a line each.
#include "commando.capnp.h"
#include "hmac.h"
#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <cstdio>
#include <string>

struct Taken {
  uint64_t bytes[2] = {0, 0};
  uint64_t calls = 0;
  std::string text;
};

class Receiver final : public OutputReceiver::Server {
 public:
  explicit Receiver(Taken& taken) : taken(taken) {}
  kj::Promise<void> receive(ReceiveContext context) override {
    auto params = context.getParams();
    auto data = params.getData();
    taken.bytes[params.getStream() & 1] += data.size();
    taken.calls++;
    if (taken.text.size() < 1000) taken.text.append(reinterpret_cast<const char*>(data.begin()), data.size());
    return kj::READY_NOW;
  }

 private:
  Taken& taken;
};

static std::string str(capnp::Text::Reader text) { return std::string(text.cStr(), text.size()); }

static std::string oneLine(std::string text) {
  for (auto& c : text)
    if (c == '\n') c = '|';
  return text;
}

int main(int, char** argv) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::string key = argv[2];
  auto io = kj::setupAsyncIo();
  auto& wait = io.waitScope;
  auto stream = io.provider->getNetwork().parseAddress("127.0.0.1", atoi(argv[1])).wait(wait)->connect().wait(wait);
  capnp::TwoPartyVatNetwork network(*stream, capnp::rpc::twoparty::Side::CLIENT);
  auto rpc = capnp::makeRpcClient(network);
  capnp::MallocMessageBuilder builder;
  auto vat = builder.initRoot<capnp::rpc::twoparty::VatId>();
  vat.setSide(capnp::rpc::twoparty::Side::SERVER);
  auto authenticator = rpc.bootstrap(vat).castAs<Authenticator>();

  auto proof = [&](const std::string& with) {
    auto challenge = authenticator.challengeRequest().send().wait(wait);
    auto nonce = challenge.getNonce();
    return hmac::of(with, std::string(reinterpret_cast<const char*>(nonce.begin()), nonce.size()));
  };
  auto authenticate = [&](const std::string& mac) {
    auto request = authenticator.authenticateRequest();
    request.setHmac(kj::arrayPtr(reinterpret_cast<const kj::byte*>(mac.data()), mac.size()));
    return request.send();
  };

  try {
    authenticate(proof("wrong")).wait(wait);
    printf("wrong key: let in\n");
  } catch (kj::Exception& e) {
    printf("wrong key: %s\n", e.getDescription().cStr());
  }
  try {
    authenticate("x").wait(wait);
    printf("no challenge: let in\n");
  } catch (kj::Exception& e) {
    printf("no challenge: %s\n", e.getDescription().cStr());
  }

  auto admitted = authenticate(proof(key));
  {
    // To what authenticate has not returned yet.
    auto ping = admitted.getAgent().pingRequest().send().wait(wait);
    printf("pipelined ping: %s %s\n", ping.getPong().getShell().cStr(), ping.getPong().getVersion().cStr());
  }
  auto response = admitted.wait(wait);
  printf("version: %s\n", response.getAgentVersion().cStr());
  auto agent = response.getAgent();

  auto stream_ = [&](const std::string& command, Taken& taken) {
    auto request = agent.execStreamRequest();
    auto exec = request.initRequest();
    exec.setCommand(command);
    exec.setTimeoutSecs(60);
    exec.setRequestId("id-1");
    request.setReceiver(kj::heap<Receiver>(taken));
    return request.send();
  };

  {
    auto request = agent.execRequest();
    auto exec = request.initRequest();
    exec.setCommand("echo ${#LONG} $K499; head -c 120000 /dev/zero; head -c 100000 /dev/zero >&2; exit 3");
    auto env = exec.initExtraEnv(501);
    env[0].setKey("LONG");
    env[0].setValue(std::string(110000, 'x'));
    for (unsigned i = 1; i <= 500; i++) {
      env[i].setKey("K" + std::to_string(i - 1));
      env[i].setValue("v" + std::to_string(i - 1));
    }
    auto result = request.send().wait(wait);
    auto out = result.getResult().getStdout();
    std::string text(reinterpret_cast<const char*>(out.begin()), out.size());
    printf("exec: %d, %zu and %zu bytes, %s\n", result.getResult().getExitCode(), text.size(),
           result.getResult().getStderr().size(), text.substr(0, text.find('\n')).c_str());
  }
  {
    Taken taken;
    auto result = stream_("echo one; sleep 0.1; echo two >&2; exit 4", taken).wait(wait);
    printf("stream: %d %s %s\n", result.getResult().getExitCode(), str(result.getResult().getRequestId()).c_str(),
           oneLine(taken.text).c_str());
  }
  {
    Taken taken;
    stream_("head -c 20000000 /dev/zero; head -c 1000 /dev/zero >&2", taken).wait(wait);
    printf("much: %llu and %llu bytes\n", (unsigned long long)taken.bytes[0], (unsigned long long)taken.bytes[1]);
  }
  {
    Taken taken;
    const int times = atoi(argv[3]);
    for (int i = 0; i < times; i++) stream_("@echo hi", taken).wait(wait);
    printf("again and again: %llu bytes\n", (unsigned long long)taken.bytes[0]);
  }
  {
    Taken taken;
    auto running = stream_("echo started; sleep 600", taken);
    while (taken.calls == 0) io.provider->getTimer().afterDelay(5 * kj::MILLISECONDS).wait(wait);
    // Dropping what was promised cancels the call.
    { auto dropped = kj::mv(running); }
    auto ping = agent.pingRequest().send().wait(wait);
    printf("after a cancelled command: %s\n", ping.getPong().getShell().cStr());
  }
  printf("done\n");
  // Until the test has looked at what the agent holds.
  getchar();
}
