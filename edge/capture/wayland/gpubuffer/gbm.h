// GBM, opened at run time: buffers in a GPU's memory that other processes may share.
#ifndef NEARLIGHT_GPUBUFFER_GBM_H
#define NEARLIGHT_GPUBUFFER_GBM_H

#include <stdint.h>

enum { NL_GBM_PLANES = 4, NL_GBM_TEXT = 256 };

typedef struct nl_gbm nl_gbm;

typedef struct {
	void *object; // struct gbm_bo
	uint64_t modifier;
	int planes; // as GBM says; descriptors are of the first NL_GBM_PLANES at most
	int descriptors[NL_GBM_PLANES];
	uint32_t offsets[NL_GBM_PLANES], strides[NL_GBM_PLANES];
} nl_gbm_buffer;

// nl_gbm_open opens the library on a render node's descriptor, which stays the caller's and open. On failure it returns NULL and says
// why in text.
nl_gbm *nl_gbm_open(int node, char *text);
void nl_gbm_close(nl_gbm *g);

// nl_gbm_allocate makes a buffer in one of the layouts, or, with none, in one of the driver's own. It returns 0, or errno. Each
// descriptor is the caller's to close, before nl_gbm_free.
int nl_gbm_allocate(nl_gbm *g, uint32_t width, uint32_t height, uint32_t format, const uint64_t *modifiers, unsigned count, nl_gbm_buffer *buffer);
void nl_gbm_free(nl_gbm *g, nl_gbm_buffer *buffer);

#endif
