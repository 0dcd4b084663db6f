// The handshake that opens a TVM RPC connection, with its key used as a secret.
#include "handshake.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace groupnet {
namespace {

constexpr int32_t kMagic = 0xff271;
constexpr int32_t kMismatch = kMagic + 2;  // TVM's code for "no server matches that key"
constexpr int32_t kMaxKeyBytes = 256;
constexpr char kServerKey[] = "server:groupnet";

bool ReadAll(int connection, void* data, size_t size) {
  auto* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = recv(connection, at, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;  // closed, or the time limit set on the socket
    at += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

bool WriteAll(int connection, const std::string& data) {
  size_t sent = 0;
  while (sent < data.size()) {
    const ssize_t put = send(connection, data.data() + sent, data.size() - sent, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    sent += static_cast<size_t>(put);
  }
  return true;
}

std::string Word(int32_t value) { return std::string(reinterpret_cast<const char*>(&value), sizeof(value)); }

bool EqualInConstantTime(const std::string& got, const std::string& expected) {
  // The length is no secret; every byte is looked at, so the time says nothing about where they differ.
  unsigned difference = got.size() == expected.size() ? 0 : 1;
  for (size_t i = 0; i < expected.size(); ++i) {
    const char byte = i < got.size() ? got[i] : '\0';
    difference |= static_cast<unsigned char>(byte) ^ static_cast<unsigned char>(expected[i]);
  }
  return difference == 0;
}

}  // namespace

Handshake AnswerHandshake(int connection, const std::string& token) {
  int32_t magic = 0;
  int32_t size = 0;
  if (!ReadAll(connection, &magic, sizeof(magic)) || magic != kMagic) return Handshake::kMalformed;
  if (!ReadAll(connection, &size, sizeof(size)) || size < 0 || size > kMaxKeyBytes) {
    return Handshake::kMalformed;
  }
  std::string key(static_cast<size_t>(size), '\0');
  if (!ReadAll(connection, key.data(), key.size())) return Handshake::kMalformed;
  if (!EqualInConstantTime(key, "client:" + token)) {
    WriteAll(connection, Word(kMismatch));
    return Handshake::kWrongToken;
  }
  const std::string server_key = kServerKey;
  const std::string answer = Word(kMagic) + Word(static_cast<int32_t>(server_key.size())) + server_key;
  return WriteAll(connection, answer) ? Handshake::kAccepted : Handshake::kMalformed;
}

}  // namespace groupnet
