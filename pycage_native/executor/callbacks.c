/* Callbacks: the library calls a stub, the host answers. */

#include <errno.h>
#include <string.h>

#include "executor.h"

uint32_t callback_count[PN_CALLBACKS], callback_reals[PN_CALLBACKS];

void callback_entry(uint32_t slot, const uint64_t *registers, const uint64_t *stack, pn_result *result);

#if defined(__x86_64__)
enum { INTEGER_REGISTERS = 6 };
#else
enum { INTEGER_REGISTERS = 8 };
#endif

void *callback_address(uint32_t slot) { return slot < PN_CALLBACKS ? callback_stubs + 16 * slot : NULL; }

/* Returns zero where there is no host to ask: in threads that the library started. */
__attribute__((used)) void callback_entry(uint32_t slot, const uint64_t *registers, const uint64_t *stack,
                                          pn_result *result) {
  pn_channel *channel = current_channel;
  uint32_t count = slot < PN_CALLBACKS ? callback_count[slot] : 0, reals = callback_reals[slot % PN_CALLBACKS];
  uint64_t words[32];
  pn_reply reply;
  pn_request request;
  unsigned integer = 0, real = 0, at = 0;

  memset(result, 0, sizeof *result);
  if (channel == NULL || slot >= PN_CALLBACKS) {
    errno = EAGAIN;
    return;
  }
  if (count > 32) count = 32;
  for (uint32_t i = 0; i < count; i++) {
    if (reals >> i & 1u)
      words[i] = real < 8 ? registers[8 + real++] : stack[at++];
    else
      words[i] = integer < INTEGER_REGISTERS ? registers[integer++] : stack[at++];
  }
  memset(&reply, 0, sizeof reply);
  reply.status = PN_CALLBACK;
  reply.aux = slot;
  if (count > PN_WORDS) {
    memcpy(block_of(channel)->stack, words, count * sizeof *words);
  } else {
    uint64_t *line[PN_WORDS] = {&reply.integer, &reply.real,    &reply.more[0],
                                &reply.more[1], &reply.more[2], &reply.more[3]};
    for (uint32_t i = 0; i < count; i++) *line[i] = words[i];
  }
  post(channel, &reply);
  channel->depth++;
  for (;;) {
    wait_request(channel, &request);
    if (PN_KIND(request.operation) == PN_CALLBACK_RETURN) break;
    handle(channel, &request); /* the callback called the library */
  }
  channel->depth--;
  result->integer = request.words[0];
  result->real = request.words[1];
  result->integer2 = request.words[2];
  result->real2 = request.words[3];
  result->real3 = request.words[4];
  result->real4 = request.words[5];
}
