/* The serve loop: waits for requests, calls functions, answers. */

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "executor.h"

_Thread_local pn_channel *current_channel __attribute__((tls_model("initial-exec")));
size_t channel_size, memory_size;

typedef struct {
  void *address;
  uint32_t shape, reals;
} bound;

/* Written by the thread that binds, before the host uses the index. */
static bound functions[PN_MAX_FUNCTIONS];

enum { GLANCE = 64 }; /* pauses before it says where it waits */
enum { YIELDS = 2 };

typedef uint64_t (*integers)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
typedef double (*reals)(double, double, double, double, double, double);

static _Atomic uint32_t *word_at(pn_channel *channel, uint32_t offset) {
  return (_Atomic uint32_t *)(void *)(channel->base + offset);
}

pn_block *block_of(pn_channel *channel) { return (pn_block *)(void *)(channel->base + PN_BLOCK); }

static void futex_wake(_Atomic uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0); }

void post(pn_channel *channel, const pn_reply *reply) {
  volatile pn_reply *line = (volatile pn_reply *)(void *)(channel->base + PN_REPLY);
  line->status = reply->status;
  line->integer = reply->integer;
  line->real = reply->real;
  line->error = reply->error;
  line->aux = reply->aux;
  for (int i = 0; i < 4; i++) line->more[i] = reply->more[i];
  /* A full fence, before the other side's flag is read: no wake-up is lost. */
  atomic_exchange(word_at(channel, PN_REPLY), channel->turn);
  if (atomic_load(word_at(channel, PN_HOST_SLEEPS))) futex_wake(word_at(channel, PN_REPLY));
}

/* For the host, which does not spin for what has the same processor as itself. */
static void tell_processor(pn_channel *channel) {
  _Atomic uint32_t *word = word_at(channel, PN_EXECUTOR_CPU);
  uint32_t processor = (uint32_t)sched_getcpu() + 1;
  if (atomic_load_explicit(word, memory_order_relaxed) != processor)
    atomic_store_explicit(word, processor, memory_order_relaxed);
}

void wait_request(pn_channel *channel, pn_request *request) {
  _Atomic uint32_t *sequence = word_at(channel, PN_REQUEST), *sleeps = word_at(channel, PN_EXECUTOR_SLEEPS);
  uint32_t next = channel->turn + 1, spins = channel->spin == PN_YIELD ? 0 : channel->spin;

  for (int i = 0; channel->spin == PN_YIELD && i < YIELDS; i++) {
    if (atomic_load_explicit(sequence, memory_order_acquire) == next) break;
    sched_yield(); /* not allowed in a library without threads; then it falls asleep */
  }

  for (uint32_t tried = 0; atomic_load_explicit(sequence, memory_order_acquire) != next;) {
    if (tried++ == (spins < GLANCE ? spins : GLANCE)) tell_processor(channel);
    if (tried <= spins) {
      pause_cpu();
      continue;
    }
    atomic_store(sleeps, 1);
    uint32_t seen = atomic_load(sequence);
    if (seen != next) syscall(SYS_futex, sequence, FUTEX_WAIT, seen, NULL, NULL, 0);
    atomic_store_explicit(sleeps, 0, memory_order_relaxed);
    tell_processor(channel);
  }
  memcpy(request, channel->base + PN_REQUEST, sizeof *request);
  channel->turn = next;
  channel->spin = request->spin;
}

/* ---- Requests -------------------------------------------------------------------------------------------------- */

static double as_real(uint64_t word) {
  double real;
  memcpy(&real, &word, sizeof real);
  return real;
}

static uint64_t as_word(double real) {
  uint64_t word;
  memcpy(&word, &real, sizeof word);
  return word;
}

static void call(const bound *function, const uint64_t *w, pn_reply *reply) {
  if (function->shape == PN_SHAPE_INTEGERS) {
    reply->integer = ((integers)(uintptr_t)function->address)(w[0], w[1], w[2], w[3], w[4], w[5]);
  } else if (function->shape == PN_SHAPE_REALS) {
    reply->real = as_word(((reals)(uintptr_t)function->address)(as_real(w[0]), as_real(w[1]), as_real(w[2]),
                                                                as_real(w[3]), as_real(w[4]), as_real(w[5])));
  } else {
    pn_block block;
    pn_result result;
    unsigned integer = 0, real = 0;
    memset(&block, 0, offsetof(pn_block, stack));
    for (unsigned i = 0; i < PN_WORDS; i++) {
      if (function->reals >> i & 1u)
        block.reals[real++] = w[i];
      else
        block.integers[integer++] = w[i];
    }
    call_block(function->address, &block, &result);
    reply->integer = result.integer;
    reply->real = result.real;
    reply->more[0] = result.integer2;
    reply->more[1] = result.real2;
  }
}

static void call_any(pn_channel *channel, const bound *function, pn_reply *reply) {
  pn_result result = {0};
  pn_block *shared = block_of(channel), block = *shared; /* callbacks inside of the call write to the shared one */
  call_block(function->address, &block, &result);
  reply->integer = result.integer;
  reply->real = result.real;
  reply->more[0] = result.integer2;
  reply->more[1] = result.real2;
  reply->more[2] = result.real3;
  reply->more[3] = result.real4;
}

static void batch(pn_channel *channel, const bound *function, const pn_request *request) {
  uint64_t count = request->words[0], width = request->words[2];
  const uint64_t *arguments = (const uint64_t *)(void *)(channel->base + request->aux);
  uint64_t *results = (uint64_t *)(void *)(channel->base + request->words[1]);
  uint64_t words[PN_WORDS] = {0};
  pn_reply reply = {0};

  if (width > PN_WORDS) width = PN_WORDS;
  /* The two usual shapes, without the way through a reply. */
  if (function->shape == PN_SHAPE_INTEGERS && !request->words[3]) {
    integers address = (integers)(uintptr_t)function->address;
    for (uint64_t i = 0; i < count; i++, arguments += width) {
      for (uint64_t j = 0; j < width; j++) words[j] = arguments[j];
      results[i] = address(words[0], words[1], words[2], words[3], words[4], words[5]);
    }
    return;
  }
  if (function->shape == PN_SHAPE_REALS && request->words[3]) {
    reals address = (reals)(uintptr_t)function->address;
    double values[PN_WORDS] = {0};
    for (uint64_t i = 0; i < count; i++, arguments += width) {
      for (uint64_t j = 0; j < width; j++) values[j] = as_real(arguments[j]);
      results[i] = as_word(address(values[0], values[1], values[2], values[3], values[4], values[5]));
    }
    return;
  }
  for (uint64_t i = 0; i < count; i++) {
    for (uint64_t j = 0; j < width; j++) words[j] = arguments[i * width + j];
    call(function, words, &reply);
    results[i] = request->words[3] ? reply.real : reply.integer;
  }
}

/* Serves slots until one says that it is the last. */
static void serve_ring(pn_channel *channel) {
  _Atomic uint32_t *head = word_at(channel, PN_RING_HEAD), *done = word_at(channel, PN_RING_DONE);
  _Atomic uint32_t *sleeps = word_at(channel, PN_EXECUTOR_SLEEPS);
  pn_slot *slots = (pn_slot *)(void *)(channel->base + PN_RING);

  for (uint32_t completed = 0;; atomic_store(done, ++completed)) {
    for (uint32_t spins = channel->spin == PN_YIELD ? 0 : channel->spin; atomic_load_explicit(head, memory_order_acquire) == completed;) {
      if (spins-- > 0) {
        pause_cpu();
        continue;
      }
      atomic_store(sleeps, 1);
      if (atomic_load(head) == completed) syscall(SYS_futex, head, FUTEX_WAIT, completed, NULL, NULL, 0);
      atomic_store_explicit(sleeps, 0, memory_order_relaxed);
      spins = 0;
    }
    pn_slot *slot = &slots[completed % PN_RING_SLOTS];
    if (slot->operation == PN_RING_END) return;
    pn_reply reply = {0};
    uint64_t words[PN_WORDS];
    memcpy(words, slot->words, sizeof words);
    call(&functions[PN_INDEX(slot->operation) % PN_MAX_FUNCTIONS], words, &reply);
    slot->result = slot->status ? reply.real : reply.integer;
  }
}

static void bind(uint32_t index, void *address, const pn_request *request, pn_reply *reply) {
  if (address == NULL || index >= PN_MAX_FUNCTIONS) {
    reply->status = PN_ERROR;
    reply->error = ENOENT;
    return;
  }
  functions[index] = (bound){address, (uint32_t)request->words[0], (uint32_t)request->words[1]};
}

static void copy(pn_channel *channel, const pn_request *request, pn_reply *reply) {
  char *arena = channel->base + request->aux, *there = (char *)(uintptr_t)request->words[0];
  size_t size = request->words[1];
  if (PN_KIND(request->operation) == PN_WRITE) {
    memcpy(there, arena, size);
    return;
  }
  if (request->words[2]) size = strnlen(there, size);
  memcpy(arena, there, size);
  reply->integer = size;
}

void handle(pn_channel *channel, const pn_request *request) {
  pn_reply reply;
  uint32_t index = PN_INDEX(request->operation);
  const bound *function = &functions[index % PN_MAX_FUNCTIONS];

  memset(&reply, 0, sizeof reply);
  reply.status = PN_OK;
  if (channel->depth > PN_MAX_DEPTH) {
    reply.status = PN_ERROR;
    reply.error = ELOOP;
    post(channel, &reply);
    return;
  }
  switch (PN_KIND(request->operation)) {
    case PN_CALL:
      errno = 0;
      call(function, request->words, &reply);
      reply.error = (uint32_t)errno;
      break;
    case PN_CALL_BLOCK:
      errno = 0;
      call_any(channel, function, &reply);
      reply.error = (uint32_t)errno;
      break;
    case PN_BATCH:
      batch(channel, function, request);
      break;
    case PN_SERVE_RING:
      serve_ring(channel);
      break;
    case PN_BIND:
      bind(index, find_symbol(channel->base + request->aux), request, &reply);
      break;
    case PN_BIND_ADDRESS:
      bind(index, (void *)(uintptr_t)request->words[2], request, &reply);
      break;
    case PN_ADDRESS:
      reply.integer = (uint64_t)(uintptr_t)find_symbol(channel->base + request->aux);
      break;
    case PN_READ:
    case PN_WRITE:
      copy(channel, request, &reply);
      break;
    case PN_CALLBACK_SHAPE:
      callback_count[index % PN_CALLBACKS] = (uint32_t)request->words[0];
      callback_reals[index % PN_CALLBACKS] = (uint32_t)request->words[1];
      reply.integer = (uint64_t)(uintptr_t)callback_address(index);
      break;
    default:
      reply.status = PN_ERROR;
      reply.error = ENOSYS;
  }
  post(channel, &reply);
}

_Noreturn void serve(pn_channel *channel) {
  pn_request request;
  current_channel = channel;
  for (;;) {
    wait_request(channel, &request);
    handle(channel, &request);
  }
}
