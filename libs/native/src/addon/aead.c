/* AEAD over batches of packets, by the OpenSSL that Node itself carries. Key contexts are made once; a packet costs an IV. */
#include "addon.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KEYS 65536

struct key {
  EVP_CIPHER_CTX *seal, *open;
  uint8_t iv[IV_LENGTH];
};

struct aead {
  enum kind kind;
  struct key *keys;
  size_t count;
};

static void drop_key(struct key *key) {
  EVP_CIPHER_CTX_free(key->seal);
  EVP_CIPHER_CTX_free(key->open);
  OPENSSL_cleanse(key, sizeof *key);
}

static void free_aead(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  struct aead *aead = data;
  for (size_t i = 0; i < aead->count; i++) drop_key(&aead->keys[i]);
  free(aead->keys);
  free(aead);
}

static napi_value aead_create(napi_env env, napi_callback_info info) {
  (void)info;
  struct aead *aead = calloc(1, sizeof *aead);
  napi_value result;
  if (aead == NULL) return throw_errno(env, ENOMEM, "no memory for keys");
  aead->kind = KIND_AEAD;
  napi_create_external(env, aead, free_aead, NULL, &result);
  return result;
}

static const EVP_CIPHER *cipher_of(const char *suite, size_t *key_length) {
  *key_length = strcmp(suite, "aes-128-gcm") == 0 ? 16 : 32;
  if (strcmp(suite, "aes-128-gcm") == 0) return EVP_aes_128_gcm();
  if (strcmp(suite, "aes-256-gcm") == 0) return EVP_aes_256_gcm();
  if (strcmp(suite, "chacha20-poly1305") == 0) return EVP_chacha20_poly1305();
  return NULL;
}

/* A free slot, or the count of slots grown by one. -1: there are too many. */
static int64_t find_slot(struct aead *aead) {
  for (size_t i = 0; i < aead->count; i++)
    if (aead->keys[i].seal == NULL) return (int64_t)i;
  if (aead->count == MAX_KEYS) return -1;
  struct key *keys = realloc(aead->keys, (aead->count + 1) * sizeof *keys);
  if (keys == NULL) return -1;
  aead->keys = keys;
  memset(&keys[aead->count], 0, sizeof *keys);
  return (int64_t)aead->count++;
}

static napi_value add_key(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  struct aead *aead;
  char suite[32];
  struct bytes key, iv;
  if (!read_arguments(env, info, 4, arguments)) return NULL;
  if (!read_external(env, arguments[0], KIND_AEAD, "aead", (void **)&aead)) return NULL;
  if (!read_string(env, arguments[1], "suite", suite, sizeof suite)) return NULL;
  if (!read_bytes(env, arguments[2], "key", &key) || !read_bytes(env, arguments[3], "iv", &iv)) return NULL;
  size_t key_length;
  const EVP_CIPHER *cipher = cipher_of(suite, &key_length);
  if (cipher == NULL) return throw_range(env, "suite %s is none of aes-128-gcm, aes-256-gcm, chacha20-poly1305", suite);
  if (key.length != key_length) return throw_range(env, "key of %s has to be %zu bytes, not %zu", suite, key_length, key.length);
  if (iv.length != IV_LENGTH) return throw_range(env, "iv has to be 12 bytes, not %zu", iv.length);
  int64_t slot = find_slot(aead);
  if (slot < 0) return throw_range(env, "there are %d keys already: remove one first", MAX_KEYS);
  struct key *entry = &aead->keys[slot];
  entry->seal = EVP_CIPHER_CTX_new();
  entry->open = EVP_CIPHER_CTX_new();
  if (entry->seal == NULL || entry->open == NULL ||
      EVP_EncryptInit_ex(entry->seal, cipher, NULL, key.data, NULL) != 1 ||
      EVP_DecryptInit_ex(entry->open, cipher, NULL, key.data, NULL) != 1) {
    drop_key(entry);
    return throw_range(env, "this OpenSSL does not offer %s", suite);
  }
  memcpy(entry->iv, iv.data, IV_LENGTH);
  return number_value(env, (double)slot);
}

static napi_value remove_key(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  struct aead *aead;
  int64_t id;
  if (!read_arguments(env, info, 2, arguments)) return NULL;
  if (!read_external(env, arguments[0], KIND_AEAD, "aead", (void **)&aead)) return NULL;
  if (!read_integer(env, arguments[1], "id", 0, (int64_t)aead->count - 1, &id)) return NULL;
  drop_key(&aead->keys[id]);
  return NULL;
}

static struct key *find_key(struct aead *aead, int32_t id) {
  if (id < 0 || (size_t)id >= aead->count || aead->keys[id].seal == NULL) return NULL;
  return &aead->keys[id];
}

/* RFC 8446 section 5.3. */
static void make_nonce(const struct key *key, uint32_t low, uint32_t high, uint8_t nonce[IV_LENGTH]) {
  memcpy(nonce, key->iv, IV_LENGTH);
  for (int i = 0; i < 4; i++) {
    nonce[4 + i] ^= (uint8_t)(high >> (24 - 8 * i));
    nonce[8 + i] ^= (uint8_t)(low >> (24 - 8 * i));
  }
}

bool sealed_length(napi_env env, struct bytes memory, const int32_t *record, size_t *out) {
  int64_t header = record[SEND_HEADER_LENGTH], prefix = record[SEND_PREFIX_LENGTH];
  int64_t piece1 = record[SEND_PIECE1_LENGTH], piece2 = record[SEND_PIECE2_LENGTH];
  if (header < 0 || prefix < 0) {
    throw_range(env, "descriptors: a negative length");
    return false;
  }
  if (!in_range(env, "descriptors: header and prefix", record[SEND_OFFSET], header + prefix, memory.length)) return false;
  if (!in_range(env, "descriptors: piece 1", record[SEND_PIECE1_OFFSET], piece1, memory.length)) return false;
  if (!in_range(env, "descriptors: piece 2", record[SEND_PIECE2_OFFSET], piece2, memory.length)) return false;
  *out = (size_t)(header + prefix + piece1 + piece2) + (record[SEND_KEY] == -1 ? 0 : TAG_LENGTH);
  return true;
}

static uint8_t *append(uint8_t *out, const uint8_t *from, int32_t length) {
  /* An empty array may have no address; memory that is sealed from and into may overlap. */
  if (length > 0) memmove(out, from, (size_t)length);
  return out + length;
}

static uint8_t *encrypt(EVP_CIPHER_CTX *context, uint8_t *out, const uint8_t *from, int32_t length) {
  int written = 0;
  if (length > 0) EVP_EncryptUpdate(context, out, &written, from, length);
  return out + written;
}

int64_t seal_record(napi_env env, struct aead *aead, struct bytes memory, const int32_t *record, uint8_t *out, size_t capacity) {
  size_t total;
  if (!sealed_length(env, memory, record, &total)) return -1;
  if (total > capacity) {
    throw_range(env, "a packet of %zu bytes is longer than a datagram can be", total);
    return -1;
  }
  const uint8_t *header = memory.data + record[SEND_OFFSET];
  const uint8_t *prefix = header + record[SEND_HEADER_LENGTH];
  const uint8_t *piece1 = memory.data + record[SEND_PIECE1_OFFSET];
  const uint8_t *piece2 = memory.data + record[SEND_PIECE2_OFFSET];
  uint8_t *at = append(out, header, record[SEND_HEADER_LENGTH]);
  if (record[SEND_KEY] == -1) {
    at = append(at, prefix, record[SEND_PREFIX_LENGTH]);
    at = append(at, piece1, record[SEND_PIECE1_LENGTH]);
    append(at, piece2, record[SEND_PIECE2_LENGTH]);
    return (int64_t)total;
  }
  struct key *key = find_key(aead, record[SEND_KEY]);
  if (key == NULL) {
    throw_range(env, "descriptors: there is no key %d", record[SEND_KEY]);
    return -1;
  }
  uint8_t nonce[IV_LENGTH];
  int written;
  make_nonce(key, (uint32_t)record[SEND_NUMBER_LOW], (uint32_t)record[SEND_NUMBER_HIGH], nonce);
  EVP_EncryptInit_ex(key->seal, NULL, NULL, NULL, nonce);
  EVP_EncryptUpdate(key->seal, NULL, &written, header, record[SEND_HEADER_LENGTH]);
  at = encrypt(key->seal, at, prefix, record[SEND_PREFIX_LENGTH]);
  at = encrypt(key->seal, at, piece1, record[SEND_PIECE1_LENGTH]);
  at = encrypt(key->seal, at, piece2, record[SEND_PIECE2_LENGTH]);
  EVP_EncryptFinal_ex(key->seal, at, &written);
  EVP_CIPHER_CTX_ctrl(key->seal, EVP_CTRL_AEAD_GET_TAG, TAG_LENGTH, at);
  return (int64_t)total;
}

/* Plaintext length, or -1. */
static int32_t open_record(struct aead *aead, struct bytes memory, const int32_t *record) {
  struct key *key = find_key(aead, record[RECEIVE_KEY]);
  int32_t header = record[RECEIVE_HEADER_LENGTH];
  if (key == NULL || header < 0 || header > record[RECEIVE_LENGTH] - TAG_LENGTH) return -1;
  int32_t body = record[RECEIVE_LENGTH] - header - TAG_LENGTH;
  uint8_t *start = memory.data + record[RECEIVE_OFFSET];
  uint8_t *text = start + header;
  uint8_t nonce[IV_LENGTH];
  int written;
  make_nonce(key, (uint32_t)record[RECEIVE_NUMBER_LOW], (uint32_t)record[RECEIVE_NUMBER_HIGH], nonce);
  EVP_DecryptInit_ex(key->open, NULL, NULL, NULL, nonce);
  EVP_CIPHER_CTX_ctrl(key->open, EVP_CTRL_AEAD_SET_TAG, TAG_LENGTH, text + body);
  EVP_DecryptUpdate(key->open, NULL, &written, start, header);
  if (body > 0 && EVP_DecryptUpdate(key->open, text, &written, text, body) != 1) return -1;
  return EVP_DecryptFinal_ex(key->open, text + body, &written) == 1 ? body : -1;
}

static bool read_batch(napi_env env, napi_value *arguments, int64_t stride, struct aead **aead, struct bytes *memory,
                       struct ints *descriptors, int64_t *count) {
  return read_external(env, arguments[0], KIND_AEAD, "aead", (void **)aead) && read_bytes(env, arguments[1], "memory", memory) &&
         read_ints(env, arguments[2], "descriptors", descriptors) &&
         read_integer(env, arguments[3], "count", 0, (int64_t)descriptors->length / stride, count);
}

static napi_value open_batch(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  struct aead *aead;
  struct bytes memory;
  struct ints descriptors;
  int64_t count;
  if (!read_arguments(env, info, 4, arguments)) return NULL;
  if (!read_batch(env, arguments, RECEIVE_STRIDE, &aead, &memory, &descriptors, &count)) return NULL;
  for (int64_t i = 0; i < count; i++) {
    int32_t *record = descriptors.data + i * RECEIVE_STRIDE;
    if (record[RECEIVE_KEY] == -1) {
      record[RECEIVE_RESULT] = -1;
      continue;
    }
    if (!in_range(env, "descriptors: a datagram", record[RECEIVE_OFFSET], record[RECEIVE_LENGTH], memory.length)) return NULL;
    record[RECEIVE_RESULT] = open_record(aead, memory, record);
  }
  return NULL;
}

static napi_value seal_into(napi_env env, napi_callback_info info) {
  napi_value arguments[6];
  struct aead *aead;
  struct bytes memory, out;
  struct ints descriptors, lengths;
  int64_t count;
  if (!read_arguments(env, info, 6, arguments)) return NULL;
  if (!read_batch(env, arguments, SEND_STRIDE, &aead, &memory, &descriptors, &count)) return NULL;
  if (!read_bytes(env, arguments[4], "out", &out) || !read_ints(env, arguments[5], "outLengths", &lengths)) return NULL;
  if ((int64_t)lengths.length < count) return throw_range(env, "outLengths has room for %zu of %lld", lengths.length, (long long)count);
  size_t used = 0;
  for (int64_t i = 0; i < count; i++) {
    /* A copy: `out` may lie over the descriptors, and what was checked must not change. */
    int32_t record[SEND_STRIDE];
    memcpy(record, descriptors.data + i * SEND_STRIDE, sizeof record);
    int64_t length = seal_record(env, aead, memory, record, out.data + used, out.length - used);
    if (length < 0) return NULL;
    lengths.data[i] = (int32_t)length;
    used += (size_t)length;
  }
  return number_value(env, (double)used);
}

void register_aead(napi_env env, napi_value exports) {
  export_function(env, exports, "aeadCreate", aead_create);
  export_function(env, exports, "aeadAddKey", add_key);
  export_function(env, exports, "aeadRemoveKey", remove_key);
  export_function(env, exports, "aeadOpen", open_batch);
  export_function(env, exports, "aeadSealInto", seal_into);
  set_property(env, exports, "opensslVersion", string_value(env, OpenSSL_version(OPENSSL_VERSION)));
}
