//go:build linux && cgo

#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "display_private.h"

enum { PUT_IMAGE_HEADER = 24 };
static const int canvas_patience_ms = 100; // for a server that is stopped

void nl_find_shm(nl_display *d) {
	const xcb_query_extension_reply_t *extension = xcb_get_extension_data(d->connection, &xcb_shm_id);
	if (!extension || !extension->present)
		return;
	xcb_shm_query_version_reply_t *r = xcb_shm_query_version_reply(d->connection, xcb_shm_query_version(d->connection), NULL);
	if (r && (r->major_version > 1 || r->minor_version >= 2)) { // 1.2 passes descriptors
		d->shared = 1;
		d->shm_event = extension->first_event;
		d->shm_request = extension->major_opcode;
	}
	free(r);
}

// nl_take_completion frees a canvas that the server has read, or that it refused, as on a window that is being destroyed.
int nl_take_completion(nl_display *d, xcb_generic_event_t *event) {
	if (!d->shared)
		return 0;
	if (event->response_type == 0 && ((xcb_generic_error_t *)event)->major_code == d->shm_request) {
		for (int i = 0; i < CANVASES; i++)
			d->canvases[i].busy = 0;
		return 1;
	}
	if ((event->response_type & 0x7f) != d->shm_event + XCB_SHM_COMPLETION)
		return 0;
	for (int i = 0; i < CANVASES; i++)
		if (d->canvases[i].segment == ((xcb_shm_completion_event_t *)event)->shmseg)
			d->canvases[i].busy = 0;
	return 1;
}

static void drop_canvas(nl_display *d, canvas *k) {
	if (!k->pixels)
		return;
	if (k->segment)
		xcb_shm_detach(d->connection, k->segment);
	munmap(k->pixels, k->octets);
	*k = (canvas){0};
}

void nl_drop_canvases(nl_display *d) {
	for (int i = 0; i < CANVASES; i++)
		drop_canvas(d, &d->canvases[i]);
}

static int make_canvas(nl_display *d, canvas *k, size_t octets) {
	int fd = memfd_create("nearlight-scene", MFD_CLOEXEC);
	if (fd < 0)
		return 0;
	if (ftruncate(fd, (off_t)octets) == 0)
		k->pixels = mmap(NULL, octets, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (!k->pixels || k->pixels == MAP_FAILED) {
		k->pixels = NULL;
		close(fd);
		return 0;
	}
	k->octets = octets;
	if (!d->shared) {
		close(fd);
		return 1;
	}
	k->segment = xcb_generate_id(d->connection);
	// xcb closes the descriptor once it is sent. A server that refuses it (one reached by TCP) gets pictures by the socket.
	xcb_generic_error_t *error = xcb_request_check(d->connection, xcb_shm_attach_fd_checked(d->connection, k->segment, fd, 1));
	if (error) {
		free(error);
		k->segment = 0;
		d->shared = 0;
	}
	return !nl_gone(d);
}

int nl_display_canvas(nl_display *d, int width, int height, void **pixels) {
	canvas *k = &d->canvases[(d->current + 1) % CANVASES];
	for (int waited = 0; k->busy; waited = 1) {
		if (waited && !nl_readable(d, canvas_patience_ms))
			return NL_CANVAS_BUSY;
		nl_pump(d);
		if (nl_gone(d))
			return NL_CANVAS_GONE;
	}
	size_t octets = (size_t)width * (size_t)height * 4;
	if (k->octets != octets) {
		drop_canvas(d, k);
		if (!make_canvas(d, k, octets))
			return nl_gone(d) ? NL_CANVAS_GONE : NL_CANVAS_MEMORY;
	}
	d->current = (d->current + 1) % CANVASES;
	d->canvas_width = width;
	d->canvas_height = height;
	*pixels = k->pixels;
	return NL_CANVAS_OK;
}

// Through the socket, in as few requests as the server takes.
static void put_by_socket(nl_display *d, canvas *k) {
	uint32_t stride = (uint32_t)d->canvas_width * 4;
	uint64_t most = (uint64_t)xcb_get_maximum_request_length(d->connection) * 4 - PUT_IMAGE_HEADER - 4;
	uint32_t rows = (uint32_t)(most / stride);
	for (int y = 0; y < d->canvas_height && rows > 0; y += (int)rows) {
		uint32_t n = (uint32_t)(d->canvas_height - y) < rows ? (uint32_t)(d->canvas_height - y) : rows;
		xcb_put_image(d->connection, XCB_IMAGE_FORMAT_Z_PIXMAP, d->window, d->gc, (uint16_t)d->canvas_width, (uint16_t)n, 0, (int16_t)y,
			0, d->screen->root_depth, n * stride, k->pixels + (size_t)y * stride);
	}
}

int nl_display_show(nl_display *d) {
	canvas *k = &d->canvases[d->current];
	if (k->segment) {
		xcb_shm_put_image(d->connection, d->window, d->gc, (uint16_t)d->canvas_width, (uint16_t)d->canvas_height, 0, 0,
			(uint16_t)d->canvas_width, (uint16_t)d->canvas_height, 0, 0, d->screen->root_depth, XCB_IMAGE_FORMAT_Z_PIXMAP, 1, k->segment, 0);
		k->busy = 1;
	} else {
		put_by_socket(d, k);
	}
	xcb_flush(d->connection);
	return nl_gone(d) ? -1 : 0;
}
