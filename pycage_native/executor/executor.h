/* Inside of the executor.  See ../protocol.h for what the host sees of it.

   Until the library is loaded this program is trusted; after that everything in its memory belongs to the library, and
   nothing here is a barrier any more: the kernel's filters and the host's checks are. */

#ifndef PYCAGE_EXECUTOR_H
#define PYCAGE_EXECUTOR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../protocol.h"

#define CONTROL_SOCKET 3

typedef struct {
  char *base;         /* of this channel's block */
  uint32_t turn;      /* the last request's sequence; private */
  uint32_t spin;      /* pauses before it sleeps */
  uint32_t depth;     /* of calls inside callbacks */
  uint32_t last_error; /* errno of the library between calls */
} pn_channel;

/* The channel that the running thread serves; NULL in threads of the library. */
extern _Thread_local pn_channel *current_channel __attribute__((tls_model("initial-exec")));
extern size_t channel_size;
extern size_t memory_size;

/* serve.c */
_Noreturn void serve(pn_channel *channel);
void post(pn_channel *channel, const pn_reply *reply);
void wait_request(pn_channel *channel, pn_request *request);
void handle(pn_channel *channel, const pn_request *request);
pn_block *block_of(pn_channel *channel);

/* setup.c */
_Noreturn void run_executor(int memory, int socket, size_t size, uint32_t channels, pid_t parent);
void *find_symbol(const char *name);

/* broker.c */
int install_broker(void);

/* callbacks.c */
extern uint32_t callback_count[PN_CALLBACKS], callback_reals[PN_CALLBACKS];
extern char callback_stubs[];
void *callback_address(uint32_t slot);

/* call_<machine>.S */
typedef struct {
  uint64_t integer, integer2;
  uint64_t real, real2;
  uint64_t real3, real4; /* aarch64: of a result of four reals */
} pn_result;
void call_block(void *function, const pn_block *block, pn_result *result);

static inline void pause_cpu(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory");
#else
#error "executors run on x86-64 and aarch64"
#endif
}

#endif
