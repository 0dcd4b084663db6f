// The handshake that opens a TVM RPC connection, with its key used as a secret.
#pragma once

#include <string>

namespace groupnet {

enum class Handshake { kAccepted, kWrongToken, kMalformed };

// Reads the client's frame (int32 magic 0xff271, int32 length, key) from a fresh connection and answers it.
// The key must be "client:" and the token, compared in constant time; no more than that many bytes are read.
Handshake AnswerHandshake(int connection, const std::string& token);

}  // namespace groupnet
