# The interface of commando's agents, written from its description: test/capnp holds our bindings against what the
# Cap'n Proto compiler makes of this.
@0xb0eb2ca2d3b76d2a;

interface Authenticator @0x9c4600d56c9bf55c {
  challenge @0 () -> (nonce :Data);
  authenticate @1 (hmac :Data) -> (agent :CommandAgent, agentVersion :Text);
}

interface CommandAgent @0xd32f497ccdb9e7da {
  exec @0 (request :ExecRequest) -> (result :ExecResult);
  ping @1 () -> (pong :PingResult);
  execStream @2 (request :ExecRequest, receiver :OutputReceiver) -> (result :ExecResult);
}

interface OutputReceiver @0xd2d4f732c61d76d4 {
  receive @0 (data :Data, stream :UInt8) -> ();
}

struct ExecRequest @0xbcf50d8787074846 {
  command @0 :Text;
  workDir @1 :Text;
  timeoutSecs @2 :UInt32;
  extraEnv @3 :List(EnvVar);
  requestId @4 :Text;
}

struct EnvVar @0xea36ab190dd369ec {
  key @0 :Text;
  value @1 :Text;
}

struct ExecResult @0xf0934884ed8cf176 {
  stdout @0 :Data;
  stderr @1 :Data;
  exitCode @2 :Int32;
  durationMs @3 :UInt64;
  timedOut @4 :Bool;
  truncated @5 :Bool;
  requestId @6 :Text;
  profilerJson @7 :Text;
}

struct PingResult @0xa7ddc22b76f7f914 {
  hostname @0 :Text;
  uptimeSecs @1 :UInt64;
  shell @2 :Text;
  version @3 :Text;
}
