// Throws mutated inputs at the device server's own parsing: handshake, command line, token file, file names.
//
// Started as `fuzz_server SEED INPUTS FOLDER`; prints {"handshake": N, ...}, how many inputs each parser had, and
// exits with 1 at the first broken promise. Sanitizers and a hang's alarm end it by a signal. The sources under test
// are those of the phone's server, compiled for this machine.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "file_names.h"
#include "handshake.h"
#include "options.h"
#include "sha256.h"

namespace {

using Bytes = std::string;

constexpr char kToken[] = "0123456789abcdef0123456789abcdef";
constexpr int32_t kMagic = 0xff271;
constexpr size_t kLongestInput = 4096;
constexpr size_t kLongestFrame = 8 + 256;
constexpr unsigned kHang_s = 10;

[[noreturn]] void Broken(const std::string& promise, const Bytes& input) {
  std::fprintf(stderr, "broken: %s; input of %zu bytes:", promise.c_str(), input.size());
  for (unsigned char byte : input.substr(0, 300)) std::fprintf(stderr, " %02x", byte);
  std::fprintf(stderr, "\n");
  std::exit(EXIT_FAILURE);
}

class Source {
 public:
  explicit Source(uint64_t seed) : random_(seed) {}

  uint64_t Below(uint64_t limit) { return random_() % limit; }

  // A valid example changed in up to six places, or noise.
  Bytes Mutated(const std::vector<Bytes>& examples) {
    Bytes made = Below(16) == 0 ? Noise() : examples[Below(examples.size())];
    for (uint64_t changes = Below(7); changes > 0; --changes) Change(&made);
    if (made.size() > kLongestInput) made.resize(kLongestInput);
    return made;
  }

 private:
  Bytes Noise() {
    Bytes made(Below(300), '\0');
    for (char& byte : made) byte = static_cast<char>(random_());
    return made;
  }

  void Change(Bytes* bytes) {
    const size_t at = Below(bytes->size() + 1);
    static const int32_t kWords[] = {0, 1, -1, 255, 256, 257, kMagic, INT32_MAX, INT32_MIN, 39, 40, 38};
    static const char* const kPieces[] = {
        "/", "..", "../", "client:", kToken, "-", "--folder", "18446744073709551616", "4294967296"};
    switch (Below(7)) {
      case 0:
        if (at < bytes->size()) (*bytes)[at] ^= static_cast<char>(1 << Below(8));
        break;
      case 1:
        if (at < bytes->size()) (*bytes)[at] = static_cast<char>(random_());
        break;
      case 2:
        bytes->resize(at);
        break;
      case 3:
        bytes->erase(at, Below(9));
        break;
      case 4:
        bytes->insert(at, kPieces[Below(std::size(kPieces))]);
        break;
      case 5: {
        const int32_t word = kWords[Below(std::size(kWords))];
        const size_t place = Below(2) ? 4 : at;
        if (place + sizeof(word) <= bytes->size()) std::memcpy(bytes->data() + place, &word, sizeof(word));
        break;
      }
      default:
        bytes->insert(at, *bytes, 0, Below(600));
    }
  }

  std::mt19937_64 random_;
};

Bytes Frame(const Bytes& key) {
  const int32_t words[] = {kMagic, static_cast<int32_t>(key.size())};
  return Bytes(reinterpret_cast<const char*>(words), sizeof(words)) + key;
}

void TryHandshake(Source* source) {
  static const Bytes good = Frame(Bytes("client:") + kToken);
  static const std::vector<Bytes> examples = {good, good, Frame("client:"), Frame(Bytes(256, 'x')), Frame("")};
  const Bytes input = source->Mutated(examples);
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) throw std::runtime_error("socketpair");
  if (send(ends[1], input.data(), input.size(), 0) != static_cast<ssize_t>(input.size())) {
    throw std::runtime_error("send");
  }
  shutdown(ends[1], SHUT_WR);
  const groupnet::Handshake answer = groupnet::AnswerHandshake(ends[0], kToken);
  const bool is_good = input.compare(0, good.size(), good) == 0;
  if ((answer == groupnet::Handshake::kAccepted) != is_good) Broken("the token alone opens a session", input);
  char rest[kLongestInput + 1];
  const ssize_t unread = recv(ends[0], rest, sizeof(rest), 0);
  if (unread >= 0 && input.size() - static_cast<size_t>(unread) > kLongestFrame) {
    Broken("no more is read than a frame", input);
  }
  close(ends[0]);
  close(ends[1]);
}

void TryOptions(Source* source) {
  static const std::vector<Bytes> examples = {
      "--folder /data/x --idle-s 900 --session-limit-s 14400 --memory-limit-bytes 4294967296",
      "--folder /x --idle-s 1 --session-limit-s 1 --memory-limit-bytes 1"};
  const Bytes input = source->Mutated(examples);
  std::vector<Bytes> words = {"server"};
  for (size_t at = 0; at <= input.size();) {
    size_t end = input.find(' ', at);
    if (end == Bytes::npos) end = input.size();
    words.push_back(input.substr(at, end - at));
    at = end + 1;
  }
  std::vector<char*> arguments;
  for (Bytes& word : words) arguments.push_back(word.data());
  try {
    const groupnet::Options options =
        groupnet::ParseOptions(static_cast<int>(arguments.size()), arguments.data());
    if (options.folder.empty() || options.folder[0] != '/' || options.idle_s == 0 ||
        options.session_limit_s == 0 || options.memory_limit_bytes == 0) {
      Broken("options are complete and positive", input);
    }
  } catch (const std::runtime_error&) {
    // Refused.
  }
}

void TryToken(Source* source, const std::string& folder) {
  static const std::vector<Bytes> examples = {kToken, kToken, Bytes(kToken) + "\n", Bytes(32, 'g')};
  const Bytes input = source->Mutated(examples);
  const std::string path = folder + "/token";
  const mode_t mode = source->Below(4) == 0 ? static_cast<mode_t>(source->Below(0777)) | 0400 : 0600;
  {
    std::ofstream file(path, std::ios::binary);
    file.write(input.data(), static_cast<std::streamsize>(input.size()));
  }
  if (chmod(path.c_str(), mode) != 0) throw std::runtime_error("chmod");
  try {
    const Bytes token = groupnet::TakeToken(folder);
    if (token != input || token.size() != 32 || (mode & 077) != 0) Broken("the token is the file's", input);
  } catch (const std::runtime_error&) {
    // Refused.
  }
  if (access(path.c_str(), F_OK) == 0) Broken("the token's file is gone", input);
}

void TryFileName(Source* source) {
  static const std::vector<Bytes> examples = {"module-0.so", "a", Bytes(128, 'x'), "../escaped", "a/b", ".hidden"};
  const Bytes input = source->Mutated(examples);
  if (!groupnet::IsPlainFileName(input)) return;
  const std::filesystem::path joined = std::filesystem::path("/folder") / input;
  if (joined.lexically_normal().parent_path() != "/folder" || input.find('\0') != Bytes::npos) {
    Broken("a plain name stays in its folder", input);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "expected SEED INPUTS FOLDER\n");
    return EXIT_FAILURE;
  }
  Source source(std::strtoull(argv[1], nullptr, 10));
  const uint64_t inputs = std::strtoull(argv[2], nullptr, 10);
  const std::string folder = argv[3];
  uint64_t counts[4] = {};
  for (uint64_t i = 0; i < inputs; ++i) {
    if (i % 64 == 0) alarm(kHang_s);
    const uint64_t which = source.Below(64);
    // Files are slow: a token file is tried more seldom than the rest.
    const int kind = which == 0 ? 2 : static_cast<int>(which % 3 == 2 ? 3 : which % 3);
    ++counts[kind];
    if (kind == 0) TryHandshake(&source);
    if (kind == 1) TryOptions(&source);
    if (kind == 2) TryToken(&source, folder);
    if (kind == 3) TryFileName(&source);
  }
  std::printf("{\"handshake\": %llu, \"options\": %llu, \"token file\": %llu, \"file name\": %llu}\n",
              static_cast<unsigned long long>(counts[0]), static_cast<unsigned long long>(counts[1]),
              static_cast<unsigned long long>(counts[2]), static_cast<unsigned long long>(counts[3]));
  return EXIT_SUCCESS;
}
