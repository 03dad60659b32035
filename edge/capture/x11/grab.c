// From the screen to I420 or I444: the damaged box alone.
//
// The box is asked for in one request. In bands, one converted while the server copies the next, it takes as long when both
// cores have other work, and needs the server grabbed, lest an app draw between two of them.
#include "display_internal.h"

#include <libyuv/convert.h>
#include <libyuv/convert_from_argb.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_PER_PIXEL = 4 };

// grow_to_even widens the box to whole chroma samples.
static struct box grow_to_even(struct box b, int width, int height) {
	b.left &= ~1;
	b.top &= ~1;
	b.right = (b.right + 1) & ~1;
	b.bottom = (b.bottom + 1) & ~1;
	if (b.right > width) b.right = width;
	if (b.bottom > height) b.bottom = height;
	return b;
}

// pad repeats the last column and row of an odd-sized picture where the box touches them.
static void pad(struct box b, const struct display_planes *p, uint8_t *plane, int stride) {
	if (p->width % 2 && b.right == p->width) {
		for (int row = b.top; row < b.bottom; row++) {
			uint8_t *last = plane + (size_t)row * stride + p->width - 1;
			last[1] = last[0];
		}
	}
	if (p->height % 2 && b.bottom == p->height) {
		uint8_t *last = plane + (size_t)(p->height - 1) * stride + b.left;
		memcpy(last + stride, last, (size_t)((b.right - b.left + 1) & ~1));
	}
}

static void convert(const uint8_t *pixels, struct box b, const struct display_planes *p, uint8_t *y, uint8_t *u, uint8_t *v) {
	size_t luma = (size_t)b.top * p->stride_y + b.left;
	int side = p->yuv444 ? 1 : 2, stride = (b.right - b.left) * BYTES_PER_PIXEL;
	size_t chroma_u = (size_t)(b.top / side) * p->stride_u + b.left / side, chroma_v = (size_t)(b.top / side) * p->stride_v + b.left / side;
	if (p->yuv444) {
		ARGBToI444(pixels, stride, y + luma, p->stride_y, u + chroma_u, p->stride_u, v + chroma_v, p->stride_v, b.right - b.left,
		           b.bottom - b.top);
		pad(b, p, u, p->stride_u);
		pad(b, p, v, p->stride_v);
	} else {
		ARGBToI420(pixels, stride, y + luma, p->stride_y, u + chroma_u, p->stride_u, v + chroma_v, p->stride_v, b.right - b.left,
		           b.bottom - b.top);
	}
	pad(b, p, y, p->stride_y);
}

// fetch brings the box into shared memory, its rows without gaps. A screen that has shrunk meanwhile makes the server
// refuse the box.
static enum display_status fetch(display *d, struct box b, struct display_failure *failure) {
	d->subtract_request = xcb_damage_subtract(d->x, d->damage, XCB_NONE, XCB_NONE).sequence;
	unsigned int request = xcb_shm_get_image(d->x, d->root, (int16_t)b.left, (int16_t)b.top, (uint16_t)(b.right - b.left),
	                                         (uint16_t)(b.bottom - b.top), ~0u, XCB_IMAGE_FORMAT_Z_PIXMAP, d->segment, 0)
	                           .sequence;
	void *reply = NULL;
	xcb_generic_error_t *error = NULL;
	enum display_status status = await_reply(d, request, &reply, &error);
	if (status != DISPLAY_FRAME) return status;
	if (error) {
		status = error->error_code == XCB_MATCH || error->error_code == XCB_VALUE
		             ? DISPLAY_REFUSED
		             : failed(failure, "MIT-SHM GetImage", error->error_code, 0);
	}
	free(reply);
	free(error);
	return status;
}

enum display_status grab(display *d, const struct display_planes *p, uint8_t *y, uint8_t *u, uint8_t *v,
                         struct display_got *got, struct display_failure *failure) {
	struct box box = grow_to_even(d->box, d->width, d->height);
	got->begun = now_ns();
	enum display_status status = fetch(d, box, failure);
	if (status != DISPLAY_FRAME) {
		d->grabbed = (struct box){0}; // the box stays damaged, and what is reported meanwhile is in no picture
		return status;
	}
	got->grabbed = now_ns();
	convert(d->pixels, box, p, y, u, v);
	got->converted = now_ns();
	got->first = d->first;
	got->last = d->last;
	got->area = d->area;
	got->input = d->input;
	d->grabbed = box;
	d->first = 0;
	d->box = (struct box){0};
	return DISPLAY_FRAME;
}
